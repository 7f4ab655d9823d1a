/**
 * `<time-line>`: where there is footage, and a playhead to go there with.
 *
 *   name          of the camera
 *   url           GET `?from=&to=` → `{coverage, unknown, events}`
 *   earliest      seconds since the epoch; nothing before it is drawn or asked for
 *   zone          the site's zone, said beside the reader's own
 *
 * It moves nothing but itself: it dispatches `seek` {to, isDragging}, `golive`, `toggle`, `step` {by}, `pace` {by},
 * `mark` {which: in | out, at}, `peek` {at} where a small picture is wanted, `happened` {events} of what is in sight, and `denied` when the right to the past is gone. Who plays tells it `showInstant` and `showPreview`.
 * For tests it carries `data-covered` and `data-unknown`: seconds of footage, and of what nobody answered for, in sight.
 *
 * Drag on the band: to and fro in time. Drag on the axis: the band itself. Wheel, pinch, + and −: nearer, further.
 */

import { Coverage, PastDenied } from "belvedere/coverage";
import { eventWord, lookOf } from "belvedere/event-words";
import { icon } from "belvedere/page";
import { word } from "belvedere/player-parts";
import { TimeBand } from "belvedere/time-band";
import { clockWords, dayFromKey, dayKey, dayOf, dayWords, minuteWords, place, shortDayWords, without, wordsInZone } from "belvedere/time-scale";

/** @typedef {import("belvedere/coverage").Happening} Happening */
/** @typedef {import("belvedere/time-scale").Range} Range */

const DAY = 86_400;
/** Lengths that have a button. */
const LENGTHS = [DAY, 3600, 300];
const REFRESH_MS = 30_000;
/** So near, the end of what is recorded is seen to grow. */
const REFRESH_NEAR_MS = 5000;
const NEAR_S = 900;
/** Nearer to now than this, it is now. */
const NOW_S = 2;
const ZOOM = 1.6;
const SAY_AFTER_MS = 400;
/** An event is seen from a little before it. */
const LEAD_S = 5;
/** So near, a click means the event. */
const AIM_PX = 6;
/** Small pictures are asked for no more often. */
const PEEK_MS = 150;

export class TimeLine extends HTMLElement {
  constructor() {
    super();
    /** @type {Range} */
    this.range = { from: 0, to: 1 };
    /** The playhead, seconds since the epoch; null: now. @type {number | null} */
    this.at = null;
    /** @type {{in: number | null, out: number | null}} */
    this.marks = { in: null, out: null };
    this._isDragging = false;
    this._refresh = 0;
    this._second = 0;
    this._saying = 0;
    this._learning = 0;
    /** What the mouse is over, waiting for its picture. @type {number | null} */
    this._peeked = null;
    this._peeking = 0;
    this._moving = { pointers: new Map(), kind: "", from: 0, x: 0 };
    /** Which events were told of last. */
    this._happened = "";
  }

  get earliest() {
    return Number(this.getAttribute("earliest") ?? 0);
  }

  get now() {
    return Date.now() / 1000;
  }

  connectedCallback() {
    if (!this._coverage) this._build();
    this._second = window.setInterval(() => this._tick(), 1000);
    this._keepFresh();
  }

  disconnectedCallback() {
    clearInterval(this._second);
    clearTimeout(this._refresh);
    clearTimeout(this._saying);
    clearTimeout(this._learning);
    clearTimeout(this._peeking);
    this._band?.disconnect();
  }

  /** Where the picture is; null: now. @param {number | null} utc */
  showInstant(utc) {
    if (this._isDragging) return;
    this.at = utc;
    this._follow();
    this._draw();
  }

  /** A small picture of what the mouse is over. @param {Uint8Array<ArrayBuffer>} jpeg */
  showPreview(jpeg) {
    if (this._peeked !== null) this._band?.showPicture(jpeg);
  }

  /** Mark where a piece begins or ends; null takes the mark away. @param {"in" | "out"} which @param {number | null} at */
  setMark(which, at) {
    this.marks = { ...this.marks, [which]: at };
    const { in: first, out: last } = this.marks;
    if (first !== null && last !== null && last <= first) this.marks[which === "in" ? "out" : "in"] = null;
    this._draw();
    this._tell("mark", { ...this.marks });
  }

  /** To an event, a little before it began. @param {Happening} event */
  goTo(event) {
    this._seek(event.from - LEAD_S);
    this.say(`${eventWord(event)}, ${clockWords(event.from)}`);
  }

  /** To where a link leads, a little before it; it stays live where there is no footage of it. @param {number} at */
  async lead(at) {
    const from = at - LEAD_S;
    await this._coverage?.learn({ from, to: at + LEAD_S }).catch(() => false);
    const reached = [from, at].find((each) => this._has(each));
    if (reached !== undefined) this._seek(reached);
  }

  /** Say something to whoever cannot see it. @param {string} text */
  say(text) {
    clearTimeout(this._saying);
    this._saying = window.setTimeout(() => {
      if (this._said) this._said.textContent = text;
    }, SAY_AFTER_MS);
  }

  // ── Making it ──────────────────────────────────────────────────────────────────────────────────────────────

  _build() {
    this._coverage = new Coverage(this.getAttribute("url") ?? "", this.earliest);
    this.range = place(this.now, 1, DAY, { from: this.earliest, to: this.now });
    this._band = new TimeBand(word("timeLine", { name: this.getAttribute("name") ?? "" }), () => this._draw());
    this._said = document.createElement("p");
    this._said.className = "visually-hidden";
    this._said.setAttribute("role", "status");
    this._note = document.createElement("p");
    this._note.className = "tl-note small muted";
    this.append(this._makeHead(), this._band.element, this._note, this._said);
    const slider = this._band.slider;
    slider.addEventListener("keydown", (event) => this.handleKey(event));
    this._band.element.addEventListener("pointerdown", (event) => this._pointerDown(event));
    this._band.element.addEventListener("pointermove", (event) => this._pointerMove(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      this._band.element.addEventListener(end, (event) => this._pointerUp(event));
    }
    this._band.element.addEventListener("pointerleave", () => this._hoverEnds());
    this._band.element.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
    void this._learn().then(() => this._chooseLength());
  }

  _makeHead() {
    const head = document.createElement("div");
    head.className = "tl-head";
    const day = document.createElement("label");
    day.className = "tl-day";
    this._dayWords = document.createElement("span");
    this._dayInput = document.createElement("input");
    this._dayInput.type = "date";
    this._dayInput.setAttribute("aria-label", word("day"));
    const input = this._dayInput;
    input.addEventListener("click", () => {
      try {
        input.showPicker();
      } catch {
        // Where there is none to show, it can be typed.
      }
    });
    input.addEventListener("change", () => this._chooseDay(input.value));
    day.append(icon("calendar"), this._dayWords, input);
    const legend = document.createElement("p");
    legend.className = "tl-legend";
    this._legend = legend;
    const zoom = document.createElement("div");
    zoom.className = "segment tl-zoom";
    zoom.setAttribute("role", "group");
    zoom.setAttribute("aria-label", word("zoom"));
    zoom.append(button(word("further"), "−", () => this._zoom(ZOOM)));
    this._lengths = LENGTHS.map((length, index) => {
      const made = button("", word(["dayLong", "hourLong", "minutesLong"][index]), () => this._setLength(length));
      zoom.append(made);
      return made;
    });
    zoom.append(button(word("nearer"), "+", () => this._zoom(1 / ZOOM)));
    head.append(day, legend, zoom);
    return head;
  }

  // ── What is known ──────────────────────────────────────────────────────────────────────────────────────────

  async _learn() {
    try {
      await this._coverage?.learn(this.range);
    } catch (error) {
      if (error instanceof PastDenied) {
        this._tell("denied", {});
        return;
      }
      if (this._note) this._note.textContent = word("coverageFailed");
      return;
    }
    if (this._note?.textContent === word("coverageFailed")) this._note.textContent = "";
    this._draw();
  }

  /** The range moved: ask when it has come to rest. */
  _learnSoon() {
    clearTimeout(this._learning);
    this._learning = window.setTimeout(() => void this._learn(), 150);
  }

  _keepFresh() {
    const length = this.range.to - this.range.from;
    this._refresh = window.setTimeout(() => {
      if (!document.hidden && this.range.to > this.now - length) {
        this._coverage?.forgetEnd();
        void this._learn();
      }
      this._keepFresh();
    }, length < NEAR_S ? REFRESH_NEAR_MS : REFRESH_MS);
  }

  /** The day, unless all there is fits into less of it. */
  _chooseLength() {
    const first = this._coverage?.covered[0]?.from;
    if (first === undefined || this.at !== null) return;
    const fits = [...LENGTHS].reverse().find((length) => this.now - first < length * 0.8);
    if (fits && fits < DAY) this._setRange(place(this.now, 0.95, fits, this._bounds()));
  }

  // ── Where one looks ────────────────────────────────────────────────────────────────────────────────────────

  /** @returns {Range} */
  _bounds() {
    return { from: this.earliest, to: this.now };
  }

  /** @param {Range} range */
  _setRange(range) {
    this.range = range;
    this._draw();
    this._learnSoon();
  }

  /** @param {number} times @param {number} [around] */
  _zoom(times, around) {
    const { from, to } = this.range;
    const head = this.at ?? this.now;
    const pivot = around ?? (from <= head && head <= to ? head : (from + to) / 2);
    this._setRange(place(pivot, (pivot - from) / (to - from), (to - from) * times, this._bounds()));
  }

  /** @param {number} length */
  _setLength(length) {
    const head = this.at ?? this.now;
    this._setRange(place(head, this.at === null ? 0.95 : 0.5, length, this._bounds()));
  }

  /** The playhead stays in sight while it runs. */
  _follow() {
    const head = this.at ?? this.now;
    const { from, to } = this.range;
    if (this._moving.kind || (from <= head && head <= to)) return;
    // Looking elsewhere while it is live is allowed; it is brought back when it plays on out of sight.
    if (this.at === null) return;
    const length = to - from;
    this._setRange(place(head, 0.2, length, this._bounds()));
  }

  _tick() {
    const { from, to } = this.range;
    const length = to - from;
    // At the live end time flows through a band that stands still.
    if (this.at === null && !this._moving.kind && to > this.now - 2 && this.now > to - length * 0.045) {
      this.range = place(this.now, 0.95, length, this._bounds());
    }
    this._draw();
  }

  /** @param {string} key */
  _chooseDay(key) {
    const midnight = dayFromKey(key);
    if (Number.isNaN(midnight)) return;
    const day = dayOf(midnight);
    if (day.from > this.now) return;
    this.range = { from: Math.max(day.from, this.earliest), to: day.to };
    this._draw();
    void this._learn().then(() => {
      const gaps = without({ from: day.from, to: Math.min(day.to, this.now) }, this._coverage?.covered ?? []);
      const isEmpty = gaps.length === 1 && gaps[0].to - gaps[0].from >= Math.min(day.to, this.now) - day.from;
      const text = isEmpty ? word("noFootageThatDay", { day: shortDayWords(midnight) }) : "";
      if (this._note) this._note.textContent = text;
      this.say(text || dayWords(midnight));
      const first = this._coverage?.covered.find((span) => span.to > day.from && span.from < day.to);
      if (first) this._seek(Math.max(first.from, day.from));
    });
  }

  // ── Going there ────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * @param {number} to
   * @param {{isDragging?: boolean}} [how]
   */
  _seek(to, { isDragging = false } = {}) {
    const at = Math.max(to, this.earliest);
    if (at > this.now - NOW_S) {
      this._goLive(isDragging);
      return;
    }
    this.at = at;
    if (!isDragging) this._follow();
    this._draw();
    this._tell("seek", { to: at, isDragging });
    if (!isDragging) this.say(this._words(at));
  }

  /** @param {boolean} [isDragging] */
  _goLive(isDragging = false) {
    this.at = null;
    if (!isDragging) {
      const length = this.range.to - this.range.from;
      if (this.now > this.range.to || this.now < this.range.from) this._setRange(place(this.now, 0.95, length, this._bounds()));
      this._tell("golive", {});
      this.say(word("live"));
    }
    this._draw();
  }

  /** What a key does here. @param {KeyboardEvent} event */
  handleKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const head = this.at ?? this.now;
    const far = event.shiftKey ? 60 : 10;
    const { from, to } = this.range;
    /** @type {Record<string, () => void>} */
    const acts = {
      ArrowLeft: () => this._seek(head - far),
      ArrowRight: () => this._seek(head + far),
      PageDown: () => this._seek(head - 3600),
      PageUp: () => this._seek(head + 3600),
      Home: () => this._seek(this._firstIn(from)),
      End: () => this._goLive(),
      "+": () => this._zoom(1 / ZOOM),
      "=": () => this._zoom(1 / ZOOM),
      "-": () => this._zoom(ZOOM),
      ",": () => this._tell("step", { by: -1 }),
      ".": () => this._tell("step", { by: 1 }),
      " ": () => this._tell("toggle", {}),
      k: () => this._tell("toggle", {}),
      j: () => this._tell("pace", { by: -1 }),
      l: () => this._goLive(),
      i: () => this.setMark("in", head),
      o: () => this.setMark("out", head),
      e: () => this._nextEvent(head, to),
    };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** The beginning of footage in sight. @param {number} from */
  _firstIn(from) {
    const first = this._coverage?.covered.find((span) => span.to > from);
    return Math.max(first?.from ?? from, from);
  }

  /** @param {number} head @param {number} to */
  _nextEvent(head, to) {
    const next = this._coverage?.events.filter((event) => event.from > head + LEAD_S + 1 && event.from < to).sort((one, other) => one.from - other.from)[0];
    if (next) this.goTo(next);
  }

  // ── Hands ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** @param {PointerEvent} event */
  _pointerDown(event) {
    const band = this._band;
    if (!band || event.button !== 0) return;
    const moving = this._moving;
    moving.pointers.set(event.pointerId, event.clientX);
    band.element.setPointerCapture(event.pointerId);
    if (moving.pointers.size === 2) {
      moving.kind = "pinch";
      this._isDragging = false;
      return;
    }
    moving.from = this.at ?? Number.NaN;
    moving.x = event.clientX;
    moving.kind = band.isAxis(event.clientY) ? "pan" : "scrub";
    if (moving.kind === "scrub") {
      this._isDragging = true;
      this._peeked = null;
      band.showPicture(null); // the picture itself follows
      band.slider.focus({ preventScroll: true });
      this._scrub(event.clientX);
    }
  }

  /** @param {PointerEvent} event */
  _pointerMove(event) {
    const band = this._band;
    const moving = this._moving;
    if (!band) return;
    const before = moving.pointers.get(event.pointerId);
    if (before === undefined) {
      this._hover(event);
      return;
    }
    const { from, to } = this.range;
    const perPixel = (to - from) / band.width;
    if (moving.kind === "pinch") this._pinch(event);
    else if (moving.kind === "pan") {
      const by = (before - event.clientX) * perPixel;
      this._setRange(place(from + by, 0, to - from, this._bounds()));
    } else this._scrub(event.clientX);
    moving.pointers.set(event.pointerId, event.clientX);
  }

  /** @param {PointerEvent} event */
  _pointerUp(event) {
    const moving = this._moving;
    if (!moving.pointers.delete(event.pointerId) || moving.pointers.size) return;
    const { kind } = moving;
    moving.kind = "";
    if (!this._isDragging) return;
    this._isDragging = false;
    this._hoverEnds();
    if (kind !== "scrub") return;
    if (event.type === "pointercancel") {
      // The page was scrolled: back to where it was.
      if (Number.isNaN(moving.from)) this._goLive();
      else this._seek(moving.from);
      return;
    }
    const aimed = Math.abs(event.clientX - moving.x) < AIM_PX / 2 ? this._eventAt(this._timeAt(event.clientX)) : undefined;
    if (aimed) this.goTo(aimed);
    else this._seek(this._timeAt(event.clientX));
  }

  /** What stands there, or nearly; of several, what began last. @param {number} at @returns {Happening | undefined} */
  _eventAt(at) {
    const { from, to } = this.range;
    const near = ((to - from) / (this._band?.width ?? 1)) * AIM_PX;
    return this._coverage?.events.filter((event) => event.from - near <= at && at <= event.to + near).sort((one, other) => other.from - one.from)[0];
  }

  /** @param {number} x */
  _scrub(x) {
    const at = this._timeAt(x);
    this._seek(at, { isDragging: true });
    const shown = this.at ?? this.now;
    this._band?.showHover(shown, this._bubble(shown));
  }

  /** @param {MouseEvent} event */
  _hover(event) {
    if (event instanceof PointerEvent && event.pointerType !== "mouse" || !this._band || this._band.isAxis(event.clientY)) {
      this._hoverEnds();
      return;
    }
    const at = this._timeAt(event.clientX);
    this._band.showHover(at, this._bubble(at));
    this._peek(at);
  }

  _hoverEnds() {
    this._peeked = null;
    this._band?.showHover(null, "");
  }

  /** @param {number} at */
  _peek(at) {
    if (!this._has(at)) {
      this._peeked = null;
      this._band?.showPicture(null);
      return;
    }
    this._peeked = at;
    this._peeking ||= window.setTimeout(() => {
      this._peeking = 0;
      if (this._peeked !== null) this._tell("peek", { at: this._peeked });
    }, PEEK_MS);
  }

  /** @param {PointerEvent} event */
  _pinch(event) {
    const band = this._band;
    const pointers = this._moving.pointers;
    if (!band) return;
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1] ?? event.clientX;
    const before = pointers.get(event.pointerId) ?? event.clientX;
    const was = Math.max(24, Math.abs(before - other));
    const is = Math.max(24, Math.abs(event.clientX - other));
    const middle = (event.clientX + other) / 2;
    const pivot = this._timeAt((before + other) / 2);
    const share = (middle - band.left) / band.width;
    this._setRange(place(pivot, share, (this.range.to - this.range.from) * (was / is), this._bounds()));
  }

  /** @param {WheelEvent} event */
  _wheel(event) {
    event.preventDefault();
    const { from, to } = this.range;
    const length = to - from;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = ((event.deltaX || event.deltaY) / 800) * length;
      this._setRange(place(from + by, 0, length, this._bounds()));
    } else {
      this._zoom(1.0016 ** event.deltaY, this._timeAt(event.clientX));
    }
    this._hover(event);
  }

  /** @param {number} x */
  _timeAt(x) {
    const { from, to } = this.range;
    return this._band ? from + ((x - this._band.left) / this._band.width) * (to - from) : from;
  }

  // ── What is seen and heard ─────────────────────────────────────────────────────────────────────────────────

  /** @param {number} at */
  _bubble(at) {
    const zone = wordsInZone(at, this.getAttribute("zone") ?? "");
    const day = dayKey(at) === dayKey(this.now) ? "" : `${shortDayWords(at)}, `;
    const event = this._isDragging ? undefined : this._eventAt(at);
    const what = event ? ` · ${eventWord(event)}` : "";
    return `${day}${clockWords(at)}${zone ? ` (${zone})` : ""}${what}${this._has(at) || at > this.now - NOW_S ? "" : ` · ${word("noFootage")}`}`;
  }

  /** @param {number} at */
  _has(at) {
    return this._coverage?.has(at) ?? false;
  }

  /** @param {number} at */
  _words(at) {
    return `${dayWords(at)}, ${clockWords(at)}, ${this._has(at) ? word("footage") : word("noFootage")}`;
  }

  _draw() {
    const coverage = this._coverage;
    const band = this._band;
    if (!coverage || !band) return;
    const now = this.now;
    const head = this.at ?? now;
    const { from, to } = this.range;
    band.draw({
      range: this.range,
      earliest: this.earliest,
      now,
      head: this.at,
      covered: coverage.covered,
      unknown: coverage.unknown,
      blinded: coverage.blinded,
      events: coverage.events,
      marks: this.marks,
    });
    const sum = (/** @type {Range[]} */ spans) =>
      spans.reduce((all, span) => all + Math.max(0, Math.min(to, span.to) - Math.max(from, span.from)), 0).toFixed(1);
    this.dataset.covered = sum(coverage.covered);
    this.dataset.unknown = sum(coverage.unknown);
    this._tellWhatHappened(coverage.events.filter((event) => event.to >= from && event.from <= to));
    const slider = band.slider;
    slider.setAttribute("aria-valuemin", String(Math.floor(Math.max(from, this.earliest))));
    slider.setAttribute("aria-valuemax", String(Math.floor(now)));
    slider.setAttribute("aria-valuenow", String(Math.floor(head)));
    slider.setAttribute("aria-valuetext", this.at === null ? `${word("live")}, ${minuteWords(now)}` : this._words(head));
    this._drawHead(head);
  }

  /** @param {Happening[]} events */
  _tellWhatHappened(events) {
    const told = events.map((event) => `${event.id} ${event.isOver ? event.to : ""} ${event.count} ${event.hasPicture}`).join();
    if (told === this._happened) return;
    this._happened = told;
    this.dataset.events = String(events.length);
    this._tell("happened", { events });
  }

  /** @param {number} head */
  _drawHead(head) {
    const { from, to } = this.range;
    // In sight is what is meant; a head far away is not.
    const day = from <= head && head <= to ? head : (from + Math.min(to, this.now)) / 2;
    const key = dayKey(day);
    if (this._dayInput && this._dayWords && this._dayInput.value !== key) {
      this._dayInput.value = key;
      this._dayInput.max = dayKey(this.now);
      if (this.earliest) this._dayInput.min = dayKey(this.earliest);
      this._dayWords.textContent = key === dayKey(this.now) ? word("today", { day: shortDayWords(day) }) : shortDayWords(day);
    }
    const length = to - from;
    this._lengths?.forEach((each, index) => {
      if (Math.abs(length / LENGTHS[index] - 1) < 0.02) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    });
    this._drawLegend();
  }

  _drawLegend() {
    const legend = this._legend;
    if (!legend) return;
    const shown = ["recorded"];
    if (Number(this.dataset.unknown) > 0) shown.push("unknown");
    for (const { kind } of this._coverage?.events ?? []) if (!shown.includes(kind)) shown.push(kind);
    if (legend.dataset.shown === shown.join(" ")) return;
    legend.dataset.shown = shown.join(" ");
    legend.replaceChildren(
      ...shown.map((kind) => {
        const item = document.createElement("span");
        const isEvent = kind !== "recorded" && kind !== "unknown";
        item.className = `tl-key is-${isEvent ? lookOf(kind) : kind}`;
        item.textContent = isEvent ? eventWord({ kind, label: "" }) : word(kind);
        return item;
      }),
    );
  }

  /** @param {string} name @param {object} detail */
  _tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

/**
 * @param {string} label
 * @param {string} text
 * @param {() => void} act
 */
function button(label, text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

customElements.define("time-line", TimeLine);
