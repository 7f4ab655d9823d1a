/**
 * The way in of a guest link. The secret stands behind the `#`, which no browser sends by itself: it is posted from here,
 * together with the passcode if there is one, for a cookie of this link.
 */

const entrance = document.getElementById("guest-open");
const secret = location.hash.slice(1);

/** @param {string} name  the part of the page that is shown */
function show(name) {
  for (const part of entrance?.querySelectorAll("[data-part]") ?? []) {
    if (part instanceof HTMLElement) part.hidden = part.dataset.part !== name;
  }
}

/** @param {string} passcode */
async function open(passcode) {
  const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
  const response = await fetch(`${location.pathname}/open`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    body: JSON.stringify({ secret, passcode }),
  }).catch(() => null);
  // Without the secret in it: what stands in the address bar is what gets copied and photographed.
  if (response?.ok) return location.replace(location.pathname);
  const answer = await response?.json().catch(() => ({}));
  if (answer?.code === "passcode_needed") {
    show("passcode");
    const words = document.getElementById("passcode-words");
    if (words && passcode) words.textContent = answer.detail;
    const field = document.getElementById("passcode");
    if (field instanceof HTMLInputElement) {
      field.value = "";
      field.focus();
    }
  } else {
    show(response?.status === 404 ? "nowhere" : "later");
  }
}

entrance?.querySelector("form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.getElementById("passcode");
  if (field instanceof HTMLInputElement && field.value) void open(field.value);
});

if (secret) void open("");
else show("nowhere");
