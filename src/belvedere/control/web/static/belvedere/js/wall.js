/**
 * The wall: its tiles are live views that ask for their tickets together; `/` jumps to the search field, `m` is for
 * the sound.
 */

import "belvedere/live-view";
import { icon, isShortcut } from "belvedere/page";
import { word } from "belvedere/player-parts";
import { whoSounds } from "belvedere/sounding";

/** @typedef {import("belvedere/live-view").LiveView} LiveView */

const search = document.querySelector(".wall-search input");

document.addEventListener("keydown", (event) => {
  if (isShortcut(event, "m")) toggleSound(event.target);
  if (!isShortcut(event, "/") || !(search instanceof HTMLInputElement)) return;
  event.preventDefault();
  search.focus();
});

/** Of the tile that has the focus; else what is heard is turned off. @param {EventTarget | null} target */
function toggleSound(target) {
  const view = target instanceof Element ? target.closest(".tile")?.querySelector("live-view") : null;
  if (view) /** @type {LiveView} */ (view).listening.toggle();
  else whoSounds()?.turn(false);
}

// A tile whose camera may be heard gets a button for it; one tile is heard at a time.
document.addEventListener("soundchange", (event) => {
  const view = /** @type {LiveView} */ (event.target);
  const { has, isOn } = /** @type {CustomEvent} */ (event).detail;
  const tile = view.closest(".tile");
  const button = tile?.querySelector(".tile-sound") ?? makeSoundButton(view);
  if (!has) {
    button.remove();
    return;
  }
  button.replaceChildren(icon(isOn ? "listen" : "mute"));
  button.setAttribute("aria-pressed", String(isOn));
  if (!button.isConnected) tile?.querySelector(".tile-link")?.after(button);
});

/** @param {LiveView} view */
function makeSoundButton(view) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-button tile-sound";
  button.setAttribute("aria-label", word("soundOf", { name: view.getAttribute("name") ?? "" }));
  button.setAttribute("aria-keyshortcuts", "m");
  button.addEventListener("click", () => view.listening.toggle());
  return button;
}

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
