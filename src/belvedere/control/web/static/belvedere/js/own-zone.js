/**
 * A new organization and quiet hours most likely live by the clock of whoever sits here: where nobody knows better, that
 * zone is chosen, until he says otherwise.
 */

for (const select of document.querySelectorAll("[data-own-zone] select")) {
  if (!(select instanceof HTMLSelectElement) || select.value !== "UTC") continue;
  const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...select.options].some((option) => option.value === own)) select.value = own;
}
