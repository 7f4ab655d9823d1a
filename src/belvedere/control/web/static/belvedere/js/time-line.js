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
 * Here it knows where one looks and where one is. What is drawn stands in `time-band`, what hands do in `time-hands`.
 */

import { Coverage, PastDenied } from "belvedere/coverage";
import { eventWord } from "belvedere/event-words";
import { word } from "belvedere/player-parts";
import { TimeBand } from "belvedere/time-band";
import { TimeHands } from "belvedere/time-hands";
import { TimeHead } from "belvedere/time-head";
import { clockWords, dayFromKey, dayOf, dayWords, minuteWords, NOW_S, place, shortDayWords, without } from "belvedere/time-scale";

/** @typedef {import("belvedere/coverage").Happening} Happening */
/** @typedef {import("belvedere/time-scale").Range} Range */

const DAY = 86_400;
/** It begins with the first of these that all there is fits into; else with a day. */
const FIRST_LENGTHS = [300, 3600];
const REFRESH_MS = 30_000;
/** So near, the end of what is recorded is seen to grow. */
const REFRESH_NEAR_MS = 5000;
const NEAR_S = 900;
const ZOOM = 1.6;
const SAY_AFTER_MS = 400;
/** An event is seen from a little before it. */
const LEAD_S = 5;

export class TimeLine extends HTMLElement {
  constructor() {
    super();
    /** @type {Range} */
    this.range = { from: 0, to: 1 };
    /** The playhead, seconds since the epoch; null: now. @type {number | null} */
    this.at = null;
    /** @type {{in: number | null, out: number | null}} */
    this.marks = { in: null, out: null };
    this._refresh = 0;
    this._second = 0;
    this._saying = 0;
    this._learning = 0;
    /** How often somebody chose where to be: what has to wait for an answer gives way to what was chosen after it. */
    this._choices = 0;
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
    this._hands?.disconnect();
    this._band?.disconnect();
  }

  /** Where the picture is; null: now. @param {number | null} utc */
  showInstant(utc) {
    if (this._hands?.isDragging) return;
    this.at = utc;
    this._follow();
    this._draw();
  }

  /** A small picture of what the mouse is over. @param {Uint8Array<ArrayBuffer>} jpeg */
  showPreview(jpeg) {
    this._hands?.showPreview(jpeg);
  }

  /** Mark where a piece begins or ends; null takes the mark away. @param {"in" | "out"} which @param {number | null} at */
  setMark(which, at) {
    this.marks = { ...this.marks, [which]: at };
    const { in: first, out: last } = this.marks;
    if (first !== null && last !== null && last <= first) this.marks[which === "in" ? "out" : "in"] = null;
    this._draw();
    this.tell("mark", { ...this.marks });
  }

  /** To an event, a little before it began. @param {Happening} event */
  goTo(event) {
    this.seek(event.from - LEAD_S);
    this.say(`${eventWord(event)}, ${clockWords(event.from)}`);
  }

  /** To where a link leads, a little before it; it stays live where there is no footage of it. @param {number} at */
  async lead(at) {
    const from = at - LEAD_S;
    const choice = this._choices;
    await this._coverage?.learn({ from, to: at + LEAD_S }).catch(() => false);
    if (choice !== this._choices) return;
    const reached = [from, at].find((each) => this.has(each));
    if (reached !== undefined) this.seek(reached);
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
    this._head = new TimeHead(this, ZOOM);
    this.append(this._head.element, this._band.element, this._note, this._said);
    this._hands = new TimeHands(this, this._band);
    this._band.slider.addEventListener("keydown", (event) => this.handleKey(event));
    void this._learn().then(() => this._chooseLength());
  }

  // ── What is known ──────────────────────────────────────────────────────────────────────────────────────────

  /** Whether what is in sight is known now. @returns {Promise<boolean>} */
  async _learn() {
    try {
      await this._coverage?.learn(this.range);
    } catch (error) {
      if (error instanceof PastDenied) this.tell("denied", {});
      else if (this._note) this._note.textContent = word("coverageFailed");
      return false;
    }
    if (this._note?.textContent === word("coverageFailed")) this._note.textContent = "";
    this._draw();
    return true;
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

  /** The day, unless all there is fits into less of it, or somebody was quicker to choose. */
  _chooseLength() {
    const first = this._coverage?.covered[0]?.from;
    if (first === undefined || this.at !== null || this._choices) return;
    const fits = FIRST_LENGTHS.find((length) => this.now - first < length * 0.8);
    if (fits) this.setRange(place(this.now, 0.95, fits, this.bounds));
  }

  // ── Where one looks ────────────────────────────────────────────────────────────────────────────────────────

  /** All there may be. @returns {Range} */
  get bounds() {
    return { from: this.earliest, to: this.now };
  }

  /** Look there. @param {Range} range */
  setRange(range) {
    this.range = range;
    this._draw();
    this._learnSoon();
  }

  /** So many times as much in sight. @param {number} times @param {number} [around]  an instant that stays where it is */
  zoom(times, around) {
    const { from, to } = this.range;
    const head = this.at ?? this.now;
    const pivot = around ?? (from <= head && head <= to ? head : (from + to) / 2);
    this.setRange(place(pivot, (pivot - from) / (to - from), (to - from) * times, this.bounds));
  }

  /** So much in sight, around the playhead. @param {number} length  seconds */
  setLength(length) {
    const head = this.at ?? this.now;
    this.setRange(place(head, this.at === null ? 0.95 : 0.5, length, this.bounds));
  }

  /** The playhead stays in sight while it runs. */
  _follow() {
    const head = this.at ?? this.now;
    const { from, to } = this.range;
    if (this._hands?.isHolding || (from <= head && head <= to)) return;
    // Looking elsewhere while it is live is allowed; it is brought back when it plays on out of sight.
    if (this.at === null) return;
    const length = to - from;
    this.setRange(place(head, 0.2, length, this.bounds));
  }

  _tick() {
    const { from, to } = this.range;
    const length = to - from;
    // At the live end time flows through a band that stands still.
    if (this.at === null && !this._hands?.isHolding && to > this.now - 2 && this.now > to - length * 0.045) {
      this.range = place(this.now, 0.95, length, this.bounds);
    }
    this._draw();
  }

  /** A whole day, and where its footage begins. @param {string} key  2026-11-22 */
  chooseDay(key) {
    const midnight = dayFromKey(key);
    if (Number.isNaN(midnight)) return;
    const day = dayOf(midnight);
    if (day.from > this.now) return;
    this.range = { from: Math.max(day.from, this.earliest), to: day.to };
    this._draw();
    const choice = ++this._choices;
    void this._learn().then((isKnown) => {
      if (!isKnown || choice !== this._choices) return;
      const gaps = without({ from: day.from, to: Math.min(day.to, this.now) }, this._coverage?.covered ?? []);
      const isEmpty = gaps.length === 1 && gaps[0].to - gaps[0].from >= Math.min(day.to, this.now) - day.from;
      const text = isEmpty ? word("noFootageThatDay", { day: shortDayWords(midnight) }) : "";
      if (this._note) this._note.textContent = text;
      this.say(text || dayWords(midnight));
      const first = this._coverage?.covered.find((span) => span.to > day.from && span.from < day.to);
      if (first) this.seek(Math.max(first.from, day.from));
    });
  }

  // ── Going there ────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Be at an instant; nearly now is now.
   * @param {number} to
   * @param {{isDragging?: boolean}} [how]  a hand is on its way: nothing is said yet
   */
  seek(to, { isDragging = false } = {}) {
    const at = Math.max(to, this.earliest);
    if (at > this.now - NOW_S) {
      this.goLive(isDragging);
      return;
    }
    this._choices += 1;
    this.at = at;
    if (!isDragging) this._follow();
    this._draw();
    this.tell("seek", { to: at, isDragging });
    if (!isDragging) this.say(this._words(at));
  }

  /** Be now. @param {boolean} [isDragging] */
  goLive(isDragging = false) {
    this._choices += 1;
    this.at = null;
    if (!isDragging) {
      const length = this.range.to - this.range.from;
      if (this.now > this.range.to || this.now < this.range.from) this.setRange(place(this.now, 0.95, length, this.bounds));
      this.tell("golive", {});
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
      ArrowLeft: () => this.seek(head - far),
      ArrowRight: () => this.seek(head + far),
      PageDown: () => this.seek(head - 3600),
      PageUp: () => this.seek(head + 3600),
      Home: () => this.seek(this._firstIn(from)),
      End: () => this.goLive(),
      "+": () => this.zoom(1 / ZOOM),
      "=": () => this.zoom(1 / ZOOM),
      "-": () => this.zoom(ZOOM),
      ",": () => this.tell("step", { by: -1 }),
      ".": () => this.tell("step", { by: 1 }),
      " ": () => this.tell("toggle", {}),
      k: () => this.tell("toggle", {}),
      j: () => this.tell("pace", { by: -1 }),
      l: () => this.goLive(),
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
    const next = this.events.filter((event) => event.from > head + LEAD_S + 1 && event.from < to).sort((one, other) => one.from - other.from)[0];
    if (next) this.goTo(next);
  }

  // ── What is seen and heard ─────────────────────────────────────────────────────────────────────────────────

  /** What happened, as far as it is known. */
  get events() {
    return this._coverage?.events ?? [];
  }

  /** Whether there is footage of an instant. @param {number} at */
  has(at) {
    return this._coverage?.has(at) ?? false;
  }

  /** @param {number} at */
  _words(at) {
    return `${dayWords(at)}, ${clockWords(at)}, ${this.has(at) ? word("footage") : word("noFootage")}`;
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
    this._head?.draw(head);
    this._head?.drawLegend(Number(this.dataset.unknown) > 0, coverage.events);
  }

  /** @param {Happening[]} events */
  _tellWhatHappened(events) {
    const told = events.map((event) => `${event.id} ${event.isOver ? event.to : ""} ${event.count} ${event.hasPicture}`).join();
    if (told === this._happened) return;
    this._happened = told;
    this.dataset.events = String(events.length);
    this.tell("happened", { events });
  }

  /** @param {string} name @param {object} detail */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

customElements.define("time-line", TimeLine);
