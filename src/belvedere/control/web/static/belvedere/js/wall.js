/**
 * The wall: its tiles are live views that ask for their tickets together; `/` jumps to the search field.
 */

import "belvedere/live-view";

const search = document.querySelector(".wall-search input");

document.addEventListener("keydown", (event) => {
  const target = event.target;
  const isTyping = target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || isTyping || !(search instanceof HTMLInputElement)) return;
  event.preventDefault();
  search.focus();
});

// What the stream knows first, the tile says first: a camera that goes off or comes back changes its dot and its name.
document.addEventListener("statechange", (event) => {
  const view = /** @type {Element} */ (event.target);
  const tile = view.closest(".tile");
  const state = /** @type {CustomEvent} */ (event).detail.state;
  const dot = tile?.querySelector(".dot");
  if (!dot || (state !== "live" && state !== "offline")) return;
  dot.classList.toggle("is-offline", state === "offline");
  dot.classList.remove("is-unknown");
  const link = tile?.querySelector(".tile-link");
  const label = link?.getAttribute(`data-label-${state}`);
  if (label) link?.setAttribute("aria-label", label);
});
