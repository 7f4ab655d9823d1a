/**
 * The camera page: the player, the time line that leads it, marks and exports, and the words of the Access panel.
 */

import "belvedere/live-view";
import "belvedere/time-line";
import { EventList } from "belvedere/event-list";
import { ExportPanel } from "belvedere/exporting";
import { isShortcut } from "belvedere/page";
import { showNote, word } from "belvedere/player-parts";
import { minuteWords, clockWords } from "belvedere/time-scale";

/** @typedef {import("belvedere/live-view").LiveView} LiveView */
/** @typedef {import("belvedere/time-line").TimeLine} TimeLine */

const SPEEDS = [-16, -4, -1, 1, 2, 4, 8, 16];

const player = /** @type {LiveView | null} */ (document.querySelector(".camera-picture live-view"));
const line = /** @type {TimeLine | null} */ (document.querySelector("time-line"));
const exporting = document.getElementById("export-panel");

const happened = document.getElementById("event-list");
if (line && happened) new EventList(happened, line);
if (player && line) join(player, line);
// A push, a mail or a line of the inbox leads to the instant it tells of.
const told = /^#at=(\d+(?:\.\d+)?)$/.exec(location.hash);
if (line && told) void line.lead(Number(told[1]));
if (player && line && exporting) new ExportPanel(exporting, player, line);

/**
 * The line leads the player; the player says where it is.
 * @param {LiveView} view
 * @param {TimeLine} band
 */
function join(view, band) {
  const on = (/** @type {HTMLElement} */ element, /** @type {string} */ name, /** @type {(detail: any) => void} */ act) =>
    element.addEventListener(name, (event) => act(/** @type {CustomEvent} */ (event).detail));
  on(band, "seek", ({ to, isDragging }) => (isDragging ? view.drag(to) : view.seek(to)));
  on(band, "golive", () => view.goLive());
  on(band, "toggle", () => (view.state === "paused" ? view.resume() : view.pause()));
  on(band, "step", ({ by }) => view.step(by));
  on(band, "pace", ({ by }) => view.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(view.speed) + by))]));
  on(band, "peek", ({ at }) => view.preview(at));
  on(view, "preview", ({ jpeg }) => band.showPreview(jpeg));
  on(band, "denied", () => leave(view, band));
  on(view, "instant", ({ utc }) => band.showInstant(utc));
  on(view, "gap", ({ from, to }) => {
    const words = to - from < 60 ? clockWords : minuteWords;
    const text = word("gap", { from: words(from), to: words(to) });
    showNote(view, text);
    band.say(text);
  });
  on(view, "edge", ({ isEnd }) => showNote(view, word(isEnd ? "footageEnds" : "footageBegins")));
  on(view, "playbackended", () => leave(view, band));
  // The player's keys are the line's, wherever on the picture the focus is.
  view.addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLSelectElement || (event.target instanceof HTMLButtonElement && event.key === " ")) return;
    band.handleKey(event);
  });
}

// `m`, wherever the focus is: sound on, sound off.
document.addEventListener("keydown", (event) => {
  if (isShortcut(event, "m")) player?.listening.toggle();
});

/**
 * The right to the past is gone: the line goes with it, and one sentence says so.
 * @param {LiveView} view
 * @param {TimeLine} band
 */
function leave(view, band) {
  if (!band.isConnected) return;
  band.remove();
  document.getElementById("event-list")?.remove();
  document.getElementById("export-panel")?.remove();
  showNote(view, word("playbackEnded", { name: view.getAttribute("name") ?? "" }));
}

// The panel is fetched again every few seconds. Only what changed is read out, once.
const said = document.getElementById("access-news");
let last = panelWords();

function panelWords() {
  return document.querySelector("[data-watching-words]")?.getAttribute("data-watching-words") ?? "";
}

document.addEventListener("htmx:afterSettle", () => {
  const now = panelWords();
  if (now === last || !said) return;
  last = now;
  said.textContent = now;
});

// Access ended: the server has the whole story, and no picture in it. The player has gone black before this.
document.addEventListener("ended", (event) => {
  if (event.target instanceof Element && event.target.closest(".camera-picture")) {
    setTimeout(() => location.reload(), 2500);
  }
});

// The chip beside the name is as old as the page. While the player knows better, only the player speaks.
document.addEventListener("statechange", (event) => {
  const chip = document.querySelector(".camera-head .chip:not(.is-recording)");
  const state = /** @type {CustomEvent} */ (event).detail.state;
  if (chip instanceof HTMLElement && (state === "live" || state === "offline" || state === "ended")) {
    chip.hidden = (state === "live") === chip.hasAttribute("data-offline") || state === "ended";
  }
});
