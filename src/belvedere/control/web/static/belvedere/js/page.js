/**
 * Small comforts of every page. Each page works without them.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An icon of the sprite that the page names.
 * @param {string} name
 */
export function icon(name) {
  const sprite = document.querySelector('meta[name="sprite"]')?.getAttribute("content") ?? "";
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/** The page's language, as the reader's part of the world writes it. */
export const language = navigator.languages.find((each) => each.split("-")[0] === document.documentElement.lang.split("-")[0]) ?? document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const seconds = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
const wholeSeconds = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const dayAndYear = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });

/**
 * As short as it can be said: today's hour, else the day with it, and the year where it is another.
 * @param {Date} at
 * @param {Intl.DateTimeFormat} [hour]
 */
export function localTime(at, hour = clock) {
  const now = new Date();
  if (at.toDateString() === now.toDateString()) return hour.format(at);
  const date = at.getFullYear() === now.getFullYear() ? day : dayAndYear;
  return `${date.format(at)}, ${hour.format(at)}`;
}

/**
 * Whether this is that key, pressed alone, and not a letter of a text.
 * @param {KeyboardEvent} event
 * @param {string} key
 */
export function isShortcut(event, key) {
  const { target } = event;
  const isTyping = target instanceof HTMLElement && target.matches("input:not([type=range]), textarea, select, [contenteditable]");
  return event.key.toLowerCase() === key && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
}

/** An instant in one of the styles of `_time.html`. @param {Date} at @param {string | null} style */
function timeWords(at, style) {
  if (style === "exact") return seconds.format(at);
  if (style === "day") return dayAndYear.format(at);
  return localTime(at, style === "second" ? wholeSeconds : clock);
}

/**
 * Times are written in UTC by the server; here they become the reader's own.
 * @param {ParentNode} root
 */
function localize(root) {
  for (const element of root.querySelectorAll("time[data-local]")) {
    const at = new Date(element.getAttribute("datetime") ?? "");
    if (Number.isNaN(at.getTime())) continue;
    element.textContent = timeWords(at, element.getAttribute("data-local"));
    element.setAttribute("title", at.toLocaleString(language, { dateStyle: "full", timeStyle: "long" }));
  }
}

/** @param {ParentNode} root */
function arm(root) {
  localize(root);
  for (const toast of root.querySelectorAll(".toast")) {
    const leave = () => {
      toast.classList.add("is-leaving");
      setTimeout(() => toast.remove(), 200);
    };
    toast.querySelector("button")?.addEventListener("click", leave);
    // Long enough to be read twice; never while a pointer or focus rests on it.
    setTimeout(() => {
      if (!toast.matches(":hover, :focus-within")) leave();
    }, 8000);
  }
  for (const button of root.querySelectorAll("[data-shows]")) {
    const input = document.getElementById(button.getAttribute("data-shows") ?? "");
    if (!(input instanceof HTMLInputElement) || !(button instanceof HTMLElement)) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      const isHidden = input.type === "password";
      input.type = isHidden ? "text" : "password";
      button.textContent = button.getAttribute(isHidden ? "data-hide" : "data-show");
      button.setAttribute("aria-pressed", String(isHidden));
    });
  }
  // There may be a gap just there: then it is left out.
  for (const image of root.querySelectorAll("img[data-may-lack]")) {
    if (image instanceof HTMLImageElement && image.complete && !image.naturalWidth) image.remove();
    else image.addEventListener("error", () => image.remove());
  }
  for (const button of root.querySelectorAll("[data-copies]")) {
    if (!(button instanceof HTMLElement) || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.getAttribute("data-copies") ?? "")?.textContent?.trim() ?? "");
      button.textContent = button.getAttribute("data-done");
    });
  }
}

/**
 * A push, a mail or a line of the inbox led here: whoever reads it has seen it, and no other screen need show it. Said
 * by this page and not by the link, which mail programs follow by themselves.
 */
function tellSeen() {
  const [, rest, told] = /^#(.*?)&?told=((?:matters\/)?\w+)$/.exec(location.hash) ?? [];
  if (!told) return;
  history.replaceState(history.state, "", location.pathname + location.search + (rest && `#${rest}`));
  const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
  const post = { method: "POST", credentials: /** @type {const} */ ("same-origin"), keepalive: true, headers: { "X-CSRFToken": token } };
  fetch(`/notifications/${told}/seen`, post).catch(() => {}); // then it stands there a while longer
}

/** One menu at a time; a click elsewhere or Escape closes it, and focus goes back to where it was opened. */
function armMenus() {
  const open = () => /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll("details.menu[open]")]);
  document.addEventListener("click", (event) => {
    for (const menu of open()) {
      // The scrim of a sheet is part of its summary: a click on it closes by itself.
      if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });
}

arm(document);
armMenus();
tellSeen();
document.addEventListener("htmx:load", (event) => {
  if (event.target instanceof Element) arm(event.target);
});
// A form sends once: a second click of an impatient hand would ask for the same thing again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || event.defaultPrevented || form.hasAttribute("hx-post")) return;
  setTimeout(() => {
    for (const button of form.querySelectorAll("button[type=submit], button:not([type])")) {
      if (button instanceof HTMLButtonElement) button.disabled = true;
    }
  });
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll("form button[disabled]")) /** @type {HTMLButtonElement} */ (button).disabled = false;
});
