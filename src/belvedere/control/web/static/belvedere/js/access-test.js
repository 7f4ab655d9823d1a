/**
 * The second-user test, on the device of who tries. The secret stands behind the `#` of the link, which browsers send
 * nobody; where its reader must sign in first, it waits in this tab, and nowhere else.
 */

const KEPT = `access-test:${location.pathname}`;

const entrance = document.getElementById("access-test-open");
if (location.hash.length > 1) {
  sessionStorage.setItem(KEPT, location.hash.slice(1));
  // What stands in the address bar is what gets copied and photographed.
  history.replaceState(null, "", location.pathname);
}
const signIn = document.getElementById("access-test-sign-in");
if (signIn instanceof HTMLAnchorElement) signIn.search = new URLSearchParams({ next: location.pathname }).toString();
if (entrance instanceof HTMLFormElement) {
  entrance.addEventListener("submit", () => {
    const field = entrance.elements.namedItem("secret");
    if (field instanceof HTMLInputElement) field.value = sessionStorage.getItem(KEPT) ?? "";
    sessionStorage.removeItem(KEPT);
  });
}

for (const card of document.querySelectorAll(".own-test")) {
  const view = card.querySelector("live-view");
  const form = card.querySelector("form");
  if (!(view instanceof HTMLElement) || !(form instanceof HTMLFormElement)) continue;
  const from = Number(view.dataset.playsFrom);
  if (from) void customElements.whenDefined("live-view").then(() => /** @type {any} */ (view).seek(from));
  form.addEventListener("submit", () => {
    const field = form.elements.namedItem("took_ms");
    if (field instanceof HTMLInputElement) field.value = String(Math.round(Number(view.dataset.firstFrameMs ?? "0"))) || "";
  });
}
