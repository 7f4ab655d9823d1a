/**
 * What stands above the band of a `<time-line>`: the day and its calendar, what the colours mean, how much is in sight.
 */

import { eventWord, lookOf } from "belvedere/event-words";
import { icon } from "belvedere/page";
import { word } from "belvedere/player-parts";
import { dayKey, shortDayWords } from "belvedere/time-scale";

/** @typedef {import("belvedere/time-line").TimeLine} TimeLine */

/** Lengths that have a button, and its words. */
const LENGTHS = /** @type {const} */ ([
  [86_400, "dayLong"],
  [3600, "hourLong"],
  [300, "minutesLong"],
]);

export class TimeHead {
  /** @param {TimeLine} line @param {number} zoom  how much nearer a button brings it */
  constructor(line, zoom) {
    this._line = line;
    this.element = document.createElement("div");
    this.element.className = "tl-head";
    this._dayWords = document.createElement("span");
    this._day = document.createElement("input");
    this._legend = document.createElement("p");
    this._legend.className = "tl-legend";
    /** @type {[number, HTMLButtonElement][]} */
    this._lengths = LENGTHS.map(([length, key]) => [length, makeButton("", word(key), () => line.setLength(length))]);
    const group = document.createElement("div");
    group.className = "segment tl-zoom";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", word("zoom"));
    group.append(
      makeButton(word("further"), "−", () => line.zoom(zoom)),
      ...this._lengths.map(([, button]) => button),
      makeButton(word("nearer"), "+", () => line.zoom(1 / zoom)),
    );
    this.element.append(this._makeDay(), this._legend, group);
  }

  _makeDay() {
    const label = document.createElement("label");
    label.className = "tl-day";
    const day = this._day;
    day.type = "date";
    day.setAttribute("aria-label", word("day"));
    day.addEventListener("click", () => {
      try {
        day.showPicker();
      } catch {
        // Where there is none to show, it can be typed.
      }
    });
    day.addEventListener("change", () => this._line.chooseDay(day.value));
    label.append(icon("calendar"), this._dayWords, day);
    return label;
  }

  /** @param {number} head  where the playhead is */
  draw(head) {
    const { range, now, earliest } = this._line;
    const { from, to } = range;
    // In sight is what is meant; a head far away is not.
    const at = from <= head && head <= to ? head : (from + Math.min(to, now)) / 2;
    const key = dayKey(at);
    if (this._day.value !== key) {
      this._day.value = key;
      this._day.max = dayKey(now);
      if (earliest) this._day.min = dayKey(earliest);
      this._dayWords.textContent = key === dayKey(now) ? word("today", { day: shortDayWords(at) }) : shortDayWords(at);
    }
    for (const [length, button] of this._lengths) {
      if (Math.abs((to - from) / length - 1) < 0.02) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  /** Only what is there has its colour explained. @param {boolean} hasUnknown @param {{kind: string}[]} events */
  drawLegend(hasUnknown, events) {
    const shown = [...new Set(["recorded", ...(hasUnknown ? ["unknown"] : []), ...events.map(({ kind }) => kind)])];
    if (this._legend.dataset.shown === shown.join(" ")) return;
    this._legend.dataset.shown = shown.join(" ");
    this._legend.replaceChildren(
      ...shown.map((kind) => {
        const item = document.createElement("span");
        const isEvent = kind !== "recorded" && kind !== "unknown";
        item.className = `tl-key is-${isEvent ? lookOf(kind) : kind}`;
        item.textContent = isEvent ? eventWord({ kind, label: "" }) : word(kind);
        return item;
      }),
    );
  }
}

/**
 * @param {string} label
 * @param {string} text
 * @param {() => void} act
 */
function makeButton(label, text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}
