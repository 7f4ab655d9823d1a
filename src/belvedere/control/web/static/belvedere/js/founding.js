/**
 * A new organization most likely lives by the clock of whoever founds it: that zone is chosen, until he says otherwise.
 */

for (const select of document.querySelectorAll("[data-own-zone] select")) {
  if (!(select instanceof HTMLSelectElement) || select.value !== "UTC") continue;
  const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...select.options].some((option) => option.value === own)) select.value = own;
}
