/**
 * The band of a `<time-line>`: a track with spans on it, an axis below, a playhead above. It draws what it is told, and
 * knows nothing of footage. Drawn as SVG, so that colours, themes and contrast come from the style sheet.
 */

import { LOOKS, lookOf } from "belvedere/event-words";
import { minuteWords, rule } from "belvedere/time-scale";

/** @typedef {import("belvedere/time-scale").Range} Range */

/**
 * @typedef {object} Scene
 * @property {Range} range
 * @property {number} earliest
 * @property {number} now
 * @property {number | null} head
 * @property {Range[]} covered
 * @property {Range[]} unknown
 * @property {Range[]} blinded
 * @property {{from: number, to: number, kind: string}[]} events
 * @property {{in: number | null, out: number | null}} marks
 */

const SVG = "http://www.w3.org/2000/svg";
const TRACK = 28;
/** What is shorter is still seen. */
const LEAST_PX = 1.5;
const EVENT_PX = 2;
/** How high events stand on the track. */
const HEIGHTS = /** @type {Record<string, number>} */ ({ person: 1, vehicle: 2 / 3, motion: 1 / 3, trouble: 1 / 6 });
/** Labels nearer to the edge than this would be cut. */
const EDGE_PX = 20;

export class TimeBand {
  /**
   * @param {string} name  what screen readers call it
   * @param {() => void} onResize
   */
  constructor(name, onResize) {
    this.element = document.createElement("div");
    this.element.className = "tl-band";
    this._svg = document.createElementNS(SVG, "svg");
    this._svg.setAttribute("class", "tl-track");
    this._svg.setAttribute("aria-hidden", "true");
    this._axis = document.createElement("div");
    this._axis.className = "tl-axis";
    this._axis.setAttribute("aria-hidden", "true");
    this.slider = document.createElement("div");
    this.slider.className = "tl-head-mark";
    this.slider.tabIndex = 0;
    this.slider.setAttribute("role", "slider");
    this.slider.setAttribute("aria-label", name);
    this._bubble = document.createElement("output");
    this._bubble.className = "tl-bubble";
    this._bubble.setAttribute("aria-hidden", "true");
    this._bubble.hidden = true;
    this._bubbleWords = document.createElement("span");
    this._bubblePicture = document.createElement("img");
    this._bubblePicture.alt = "";
    this._bubblePicture.hidden = true;
    this._bubble.append(this._bubblePicture, this._bubbleWords);
    this._pictureUrl = "";
    this.element.append(this._svg, this._axis, this.slider, this._bubble);
    this.width = 1;
    this.left = 0;
    /** @type {Range} */
    this._range = { from: 0, to: 1 };
    this._drawn = "";
    this._observer = new ResizeObserver(onResize);
    this._observer.observe(this.element);
  }

  disconnect() {
    this._observer.disconnect();
  }

  /** Whether a point is on the axis and not on the track. @param {number} y */
  isAxis(y) {
    return y > this._axis.getBoundingClientRect().top + 2;
  }

  /** A line with words at an instant; null: none. @param {number | null} at @param {string} text */
  showHover(at, text) {
    this._bubble.hidden = at === null;
    if (at === null) {
      this.showPicture(null);
      return;
    }
    this._bubbleWords.textContent = text;
    const half = this._bubble.offsetWidth / 2;
    const x = this._x(at);
    this._bubble.style.setProperty("--x", `${Math.min(Math.max(x, half), Math.max(half, this.width - half))}px`);
  }

  /** A small picture above those words; null: none. @param {Uint8Array<ArrayBuffer> | null} jpeg */
  showPicture(jpeg) {
    if (this._pictureUrl) URL.revokeObjectURL(this._pictureUrl);
    this._pictureUrl = jpeg ? URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" })) : "";
    this._bubblePicture.hidden = !jpeg;
    if (jpeg) this._bubblePicture.src = this._pictureUrl;
    else this._bubblePicture.removeAttribute("src");
  }

  /** @param {Scene} scene */
  draw(scene) {
    if (!this._measure()) return;
    this._range = scene.range;
    const head = this._x(scene.head ?? scene.now);
    this.slider.style.setProperty("--x", `${Math.min(Math.max(head, 0), this.width)}px`);
    this.slider.classList.toggle("is-live", scene.head === null);
    this.slider.classList.toggle("is-away", head < 0 || head > this.width);
    const shapes = this._shapes(scene);
    // What has not moved by a tenth of a pixel is not drawn again.
    const tenth = (scene.range.to - scene.range.from) / this.width / 10;
    const place = `${Math.round(scene.range.from / tenth)} ${tenth} ${this.width}`;
    const drawn = [place, ...shapes.map((shape) => shape.join(" "))].join("|");
    if (drawn === this._drawn) return;
    this._drawn = drawn;
    this._svg.setAttribute("viewBox", `0 0 ${this.width} ${TRACK}`);
    this._svg.replaceChildren(makePattern("tl-unknown"), makePattern("tl-future"), ...shapes.map(makeShape));
    this._drawAxis();
  }

  /** @param {Scene} scene @returns {[string, string, string, string, string][]} class, x, y, width, height */
  _shapes({ range, earliest, now, covered, unknown, blinded, events, marks }) {
    /** @type {[string, string, string, string, string][]} */
    const shapes = [];
    const add = (/** @type {string} */ name, /** @type {number} */ from, /** @type {number} */ to, least = LEAST_PX, height = 1) => {
      if (to < range.from || from > range.to || to <= from) return;
      const x = Math.max(this._x(from), 0);
      const width = Math.max(Math.min(this._x(to), this.width) - x, least);
      shapes.push([name, x.toFixed(1), (TRACK * (1 - height)).toFixed(1), width.toFixed(1), (TRACK * height).toFixed(1)]);
    };
    add("is-outside", range.from, Math.min(earliest, range.to), 0);
    for (const span of this._merge(covered)) add("is-covered", span.from, span.to);
    for (const span of this._merge(unknown)) add("is-unknown", span.from, span.to);
    for (const span of this._merge(blinded)) add("is-blinded", span.from, span.to, EVENT_PX, 1 / 4);
    for (const look of LOOKS) {
      const alike = events.filter((event) => lookOf(event.kind) === look).map(({ from, to }) => ({ from, to: Math.max(to, from + 0.001) }));
      for (const span of this._merge(alike.sort((one, other) => one.from - other.from))) add(`is-${look}`, span.from, span.to, EVENT_PX, HEIGHTS[look]);
    }
    add("is-future", now, range.to, 0);
    if (marks.in !== null || marks.out !== null) {
      const from = marks.in ?? marks.out ?? 0;
      add("is-marked", from, Math.max(marks.out ?? from, from + 0.001), 2);
    }
    add("is-now", now, now + 0.001, 2);
    return shapes;
  }

  /** Spans that a pixel cannot tell apart are one: a month of a flapping camera is drawn as fast as a quiet one. @param {Range[]} spans */
  _merge(spans) {
    const pixel = (this._range.to - this._range.from) / this.width;
    /** @type {Range[]} */
    const merged = [];
    for (const span of spans) {
      if (span.to < this._range.from || span.from > this._range.to) continue;
      const last = merged[merged.length - 1];
      if (last && span.from - last.to < pixel / 2) last.to = Math.max(last.to, span.to);
      else merged.push({ ...span });
    }
    return merged;
  }

  _drawAxis() {
    const ticks = rule(this._range, this.width);
    this._axis.replaceChildren(
      ...ticks.map((tick) => {
        const label = document.createElement("span");
        const x = this._x(tick.at);
        label.textContent = x < EDGE_PX || x > this.width - EDGE_PX ? "" : tick.label;
        label.className = tick.isDay ? "is-day" : "";
        label.style.setProperty("--x", `${x.toFixed(1)}px`);
        if (tick.isDay) label.title = minuteWords(tick.at);
        return label;
      }),
    );
  }

  /** Whether there is room to draw. */
  _measure() {
    const { left, width } = this.element.getBoundingClientRect();
    this.left = left;
    this.width = Math.max(1, width);
    return width > 1;
  }

  /** @param {number} at */
  _x(at) {
    const { from, to } = this._range;
    return ((at - from) / (to - from)) * this.width;
  }
}

/** @param {[string, string, string, string, string]} shape */
function makeShape([name, x, y, width, height]) {
  const made = document.createElementNS(SVG, "rect");
  made.setAttribute("class", name);
  made.setAttribute("x", x);
  made.setAttribute("y", y);
  made.setAttribute("width", width);
  made.setAttribute("height", height);
  return made;
}

/** Hatching. @param {string} id */
function makePattern(id) {
  const pattern = document.createElementNS(SVG, "pattern");
  pattern.setAttribute("id", id);
  pattern.setAttribute("width", "10");
  pattern.setAttribute("height", "10");
  pattern.setAttribute("patternUnits", "userSpaceOnUse");
  pattern.setAttribute("patternTransform", "rotate(30)");
  const stripe = document.createElementNS(SVG, "rect");
  stripe.setAttribute("width", "4");
  stripe.setAttribute("height", "10");
  pattern.append(stripe);
  return pattern;
}
