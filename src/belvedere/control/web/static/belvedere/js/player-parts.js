/**
 * What lies over the picture of `<live-view>`: the words that say what it is doing, and the controls.
 * Texts come from the page's `<template id="player-words">`, so that they are translated with everything else.
 */

import { icon, localTime } from "belvedere/page";
import { setVolume, volume } from "belvedere/sounding";
import { clockWords, dayKey, shortDayWords } from "belvedere/time-scale";

/** @typedef {import("belvedere/live-view").LiveView} LiveView */

const IDLE_AFTER_MS = 3000;
const ICONS = /** @type {Record<string, string>} */ ({ offline: "cameraoff", ended: "lock", unsupported: "warn", reconnecting: "wifioff" });
const RESUMABLE = new Set(["live", "behind", "playing", "seeking", "paused"]);
const NOTE_FOR_MS = 5000;
const SPEEDS = [1, 2, 4, 8, 16, -1, -4, -16];

/**
 * A text of the page, with its {places} filled.
 * @param {string} key
 * @param {Record<string, string>} [places]
 */
export function word(key, places = {}) {
  const template = document.getElementById("player-words");
  const text = template?.dataset[key] ?? "";
  return text.replace(/\{(\w+)\}/g, (_all, place) => places[place] ?? "");
}

/**
 * Say what the player is doing.
 * @param {LiveView} view
 * @param {string} state
 * @param {{why?: string, by?: string, since?: number, codec?: string}} detail
 */
export function showStatus(view, state, detail) {
  const status = view.querySelector(".lv-status") ?? makeStatus(view);
  const name = view.getAttribute("name") ?? "";
  const strong = document.createElement("strong");
  const more = document.createElement("span");
  // In the past the time beside the controls says it all.
  if (state !== "playing" && !(state === "paused" && view.at !== null)) {
    strong.textContent = word(state, { name, codec: detail.codec ?? "" });
  }
  if (state === "offline" && detail.since) {
    strong.textContent = word("offlineSince", { time: localTime(new Date(detail.since * 1000)) });
    more.textContent = word("offlineMore");
  } else if (state === "offline") {
    more.textContent = word("offlineMore");
  } else if (state === "reconnecting") {
    more.textContent = word(detail.why === "too_many" ? "tooMany" : "reconnectingMore");
  } else if (state === "ended") {
    const [headline, explanation] = endingWords(detail, name);
    strong.textContent = headline;
    more.textContent = explanation;
    status.setAttribute("role", "alert");
  }
  const sign = ICONS[state];
  status.replaceChildren(...(sign ? [icon(sign)] : []), strong, ...(more.textContent ? [more] : []));
}

/**
 * Who ended it, and what that means.
 * @param {{why?: string, by?: string}} detail
 * @param {string} name
 * @returns {[string, string]}
 */
function endingWords({ why = "", by = "" }, name) {
  if (why === "signed_out" || why === "token_revoked" || why === "password_changed") {
    return [word("endedSignedOut"), word("endedSignedOutMore")];
  }
  if (why === "expired") return [word("endedExpired", { name }), word("endedMore")];
  if (why === "paused" && by) return [word("endedPaused", { by, name }), word("endedPausedMore")];
  if (why === "left") return [word("endedLeft", { name }), ""];
  if (why === "unbound") return [word("endedUnbound", { name }), word("endedMore")];
  if (why === "handed_over") return [word("endedHandedOver", { name }), word("endedMore")];
  if (why === "released") return [word("endedReleased", { name }), word("endedMore")];
  if (why === "role_changed") return [by ? word("endedRoleChangedBy", { by, name }) : word("endedRoleChanged", { name }), word("endedMore")];
  if (why === "site_closed") return [word("endedSiteClosed", { name }), word("endedMore")];
  if (why === "moved") return [word("endedMoved", { name }), word("endedMore")];
  if (why === "disabled") return [word("endedDisabled", { name }), word("endedDisabledMore")];
  if (why === "frozen") return [word("endedFrozen", { by }), word("endedFrozenMore")];
  if (why === "private") return [word("endedPrivate", { name }), word("endedDisabledMore")];
  if (why === "not_found") return [word("endedNotFound"), ""];
  return [by ? word("endedBy", { by, name }) : word("endedNow", { name }), word("endedMore")];
}

/**
 * Say something in passing, over the picture.
 * @param {LiveView} view
 * @param {string} text
 */
export function showNote(view, text) {
  let note = view.querySelector(".lv-note");
  if (!note) {
    note = document.createElement("p");
    note.className = "lv-note";
    note.setAttribute("role", "status");
    view.append(note);
  }
  note.textContent = text;
  const shown = note;
  setTimeout(() => {
    if (shown.textContent === text) shown.textContent = "";
  }, NOTE_FOR_MS);
}

/** @param {LiveView} view */
function makeStatus(view) {
  const status = document.createElement("div");
  status.className = "lv-status";
  status.setAttribute("role", "status");
  // A wall of twenty tiles would talk without end: there it can be read, and is not read out.
  if (!view.hasAttribute("controls")) status.setAttribute("aria-live", "off");
  view.append(status);
  return status;
}

/** Pause, live mark, the past's time and pace, figures, full screen. They step back after three seconds without pointer or focus. */
export class PlayerControls {
  /** @param {LiveView} view */
  constructor(view) {
    this._view = view;
    this._idle = 0;
    const bar = document.createElement("div");
    bar.className = "lv-controls";
    this._pause = button("pause", word("pause"), () => (view.state === "paused" ? view.resume() : view.pause()));
    this._pause.disabled = true;
    // Where there is a past, the mark is the way back from it.
    const live = document.createElement(view.hasAttribute("playback") && !view.isPastOnly ? "button" : "span");
    live.className = "lv-live";
    if (live instanceof HTMLButtonElement) {
      live.type = "button";
      live.addEventListener("click", () => view.goLive());
    }
    const dot = document.createElement("span");
    dot.className = "dot";
    live.append(dot, word("liveMark"));
    this._live = live;
    this._stats = document.createElement("span");
    this._stats.className = "lv-stats";
    bar.append(this._pause, live, ...this._makePast(), this._stats, this._makeSound());
    if (document.fullscreenEnabled) {
      bar.append(button("expand", word("fullscreen"), () => void this._toggleFullscreen()));
    }
    view.append(bar);
    for (const event of ["pointermove", "pointerdown", "focusin", "keydown"]) {
      view.addEventListener(event, () => this._wake());
    }
    view.addEventListener("pointerleave", () => this._sleep());
    view.addEventListener("dblclick", (event) => {
      if (!(event.target instanceof Element && event.target.closest("button"))) void this._toggleFullscreen();
    });
    this._wake();
  }

  /** What is there in the past alone: the instant, pictures one by one, the pace. */
  _makePast() {
    if (!this._view.hasAttribute("playback")) return [];
    this._at = document.createElement("span");
    this._at.className = "lv-at";
    const back = button("left", word("stepBack"), () => this._view.step(-1));
    const on = button("right", word("stepOn"), () => this._view.step(1));
    const pace = document.createElement("select");
    pace.className = "lv-pace";
    pace.setAttribute("aria-label", word("pace"));
    for (const speed of SPEEDS) {
      pace.add(new Option(speed > 0 ? `${speed} ×` : word("paceBack", { x: String(-speed) }), String(speed)));
    }
    pace.addEventListener("change", () => this._view.setSpeed(Number(pace.value)));
    this._pace = pace;
    const past = document.createElement("span");
    past.className = "lv-past";
    past.append(this._at, back, on, pace);
    return [past];
  }

  /** Sound on and off, and how loud: there only while there is sound to be had. */
  _makeSound() {
    const view = this._view;
    const box = document.createElement("span");
    box.className = "lv-sound";
    box.hidden = true;
    const toggle = button("mute", word("sound"), () => view.listening.toggle());
    toggle.setAttribute("aria-keyshortcuts", "m");
    const loudness = document.createElement("input");
    Object.assign(loudness, { type: "range", min: "0", max: "1", step: "0.05", value: String(volume()) });
    loudness.setAttribute("aria-label", word("volume"));
    loudness.addEventListener("input", () => setVolume(Number(loudness.value)));
    // The arrows are those of the time line everywhere else on the picture.
    loudness.addEventListener("keydown", (event) => event.stopPropagation());
    box.append(loudness, toggle);
    view.addEventListener("soundchange", (event) => {
      const { has, isOn } = /** @type {CustomEvent} */ (event).detail;
      box.hidden = !has;
      loudness.hidden = !isOn;
      toggle.replaceChildren(icon(isOn ? "listen" : "mute"));
      toggle.setAttribute("aria-pressed", String(isOn));
    });
    return box;
  }

  /** The instant of the picture. @param {number} utc */
  showInstant(utc) {
    if (!this._at) return;
    const isToday = dayKey(utc) === dayKey(Date.now() / 1000);
    const text = isToday ? clockWords(utc) : `${shortDayWords(utc)}, ${clockWords(utc)}`;
    if (this._at.textContent !== text) this._at.textContent = text;
  }

  /** @param {string} state */
  showState(state) {
    const isPaused = state === "paused";
    const isPast = this._view.at !== null;
    this._pause.replaceChildren(icon(isPaused ? "play" : "pause"));
    this._pause.setAttribute("aria-label", word(isPaused ? (isPast ? "play" : "resume") : "pause"));
    if (this._pace) this._pace.value = String(this._view.speed);
    if (this._live instanceof HTMLButtonElement) this._live.setAttribute("aria-pressed", String(!isPast));
    this._pause.disabled = !RESUMABLE.has(state);
    this._wake();
  }

  /** @param {{width?: number, height?: number, fps: number, behindMs: number | null}} stats */
  showStats({ width, height, fps, behindMs }) {
    const parts = [width ? `${width} × ${height}` : "", `${fps} fps`];
    if (behindMs !== null) parts.push(word("behindBy", { ms: String(behindMs) }));
    this._stats.textContent = parts.filter(Boolean).join(", ");
  }

  _wake() {
    clearTimeout(this._idle);
    delete this._view.dataset.idle;
    this._idle = window.setTimeout(() => this._sleep(), IDLE_AFTER_MS);
  }

  _sleep() {
    if (this._view.state === "live" || this._view.state === "playing") this._view.dataset.idle = "";
  }

  async _toggleFullscreen() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await this._view.requestFullscreen().catch(() => {});
  }
}

/**
 * @param {string} sign
 * @param {string} label
 * @param {() => void} act
 */
function button(sign, label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.append(icon(sign));
  made.addEventListener("click", act);
  return made;
}
