/**
 * Swipe a line of a list towards its start, and *Share* comes out from behind it (HC 3). A wide swipe goes there at
 * once.
 *
 * It is a second way to the link that each line has anyway: what it shows is hidden from whoever reads with the
 * keyboard or is read to, and nothing happens with a mouse.
 */

/** Where a swipe is one, and no unsteady tap; in CSS pixels. */
const BEGINS = 12;
/** As far as the action is wide; a line that was drawn farther than half of this stays open. */
const WIDTH = 96;
/** The part of a line from which on a swipe is meant to go there at once. */
const WIDE = 0.6;

/** @typedef {{row: HTMLElement, pointer: number, x: number, y: number, from: number, isDrawn: boolean}} Swipe */

/** @type {Swipe | null} */
let swipe = null;

/** The line that stands open; one at a time. @type {HTMLElement | null} */
let open = null;

const isBackwards = () => document.documentElement.dir === "rtl";

/** Draw a line so far aside. @param {HTMLElement} row @param {number} by in CSS pixels, 0 = where it belongs */
function draw(row, by) {
  row.style.setProperty("--swiped", `${isBackwards() ? by : -by}px`);
  row.toggleAttribute("data-swiped", by > 0);
}

/** @param {HTMLElement | null} row */
function settle(row) {
  if (open && open !== row) draw(open, 0);
  if (row) draw(row, WIDTH);
  open = row;
}

/** How far a pointer has come, towards the start of the line. @param {Swipe} of @param {PointerEvent} event */
function wayOf(of, event) {
  const way = (of.x - event.clientX) * (isBackwards() ? -1 : 1);
  return Math.max(0, of.from + way);
}

document.addEventListener("pointerdown", (event) => {
  const at = event.target instanceof Element ? event.target : null;
  const row = at?.closest("[data-swipes]");
  if (open && row !== open) settle(null);
  if (event.pointerType !== "touch" || !event.isPrimary || !(row instanceof HTMLElement)) return;
  if (at?.closest(".swipe-action")) return;
  const from = row === open ? WIDTH : 0;
  swipe = { row, pointer: event.pointerId, x: event.clientX, y: event.clientY, from, isDrawn: false };
});

document.addEventListener("pointermove", (event) => {
  if (!swipe || event.pointerId !== swipe.pointer) return;
  if (!swipe.isDrawn) {
    const across = Math.abs(event.clientX - swipe.x);
    if (across < BEGINS || across < Math.abs(event.clientY - swipe.y)) return;
    swipe.isDrawn = true;
    swipe.row.setAttribute("data-drawn", "");
    swipe.row.setPointerCapture(event.pointerId);
  }
  draw(swipe.row, wayOf(swipe, event));
});

document.addEventListener("pointerup", (event) => {
  if (!swipe || event.pointerId !== swipe.pointer) return;
  const { row, isDrawn } = swipe;
  const way = wayOf(swipe, event);
  end();
  if (!isDrawn) return;
  const action = row.querySelector(".swipe-action");
  if (way > row.clientWidth * WIDE && action instanceof HTMLAnchorElement) {
    action.click();
    return;
  }
  settle(way > WIDTH / 2 ? row : null);
  if (way <= WIDTH / 2) draw(row, 0);
});

// The browser took the finger over, to scroll: it was no swipe.
document.addEventListener("pointercancel", (event) => {
  if (!swipe || event.pointerId !== swipe.pointer) return;
  const { row, from } = swipe;
  end();
  draw(row, from);
});

// A link that the finger began on is not followed by what was a swipe.
document.addEventListener(
  "click",
  (event) => {
    const row = event.target instanceof Element ? event.target.closest("[data-swiped]") : null;
    if (!row || (event.target instanceof Element && event.target.closest(".swipe-action"))) return;
    event.preventDefault();
    settle(null);
  },
  { capture: true },
);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && open) settle(null);
});

function end() {
  swipe?.row.removeAttribute("data-drawn");
  swipe = null;
}
