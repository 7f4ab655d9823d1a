/**
 * Hands on the band of a `<time-line>`. Drag on the band: to and fro in time. Drag on the axis: the band itself. Wheel,
 * pinch: nearer, further. A click on an event means the event; what the mouse is over is said, and seen in a small picture.
 */

import { eventWord } from "belvedere/event-words";
import { word } from "belvedere/player-parts";
import { clockWords, dayKey, NOW_S, place, shortDayWords, wordsInZone } from "belvedere/time-scale";

/** @typedef {import("belvedere/coverage").Happening} Happening */
/** @typedef {import("belvedere/time-band").TimeBand} TimeBand */
/** @typedef {import("belvedere/time-line").TimeLine} TimeLine */

/** So near, a click means the event. */
const AIM_PX = 6;
/** Small pictures are asked for no more often. */
const PEEK_MS = 150;
/** Fingers closer together than this do not zoom without end. */
const LEAST_PINCH_PX = 24;

export class TimeHands {
  /** @param {TimeLine} line @param {TimeBand} band */
  constructor(line, band) {
    this._line = line;
    this._band = band;
    /** What they do: pinch, pan, scrub, or nothing. */
    this._kind = "";
    /** The playhead is in a hand, and follows nothing else. */
    this.isDragging = false;
    /** Where each finger is. @type {Map<number, number>} */
    this._pointers = new Map();
    /** Where it began: the playhead, NaN: now; and the hand. */
    this._began = { at: Number.NaN, x: 0 };
    /** What the mouse is over, waiting for its picture. @type {number | null} */
    this._peeked = null;
    this._peeking = 0;
    const { element } = band;
    element.addEventListener("pointerdown", (event) => this._pointerDown(event));
    element.addEventListener("pointermove", (event) => this._pointerMove(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      element.addEventListener(end, (event) => this._pointerUp(event));
    }
    element.addEventListener("pointerleave", () => this._hoverEnds());
    element.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
  }

  disconnect() {
    clearTimeout(this._peeking);
    this._peeking = 0;
  }

  /** Whether the band is held: it is not moved from elsewhere then. */
  get isHolding() {
    return this._kind !== "";
  }

  /** A small picture of what the mouse is over. @param {Uint8Array<ArrayBuffer>} jpeg */
  showPreview(jpeg) {
    if (this._peeked !== null) this._band.showPicture(jpeg);
  }

  /** @param {PointerEvent} event */
  _pointerDown(event) {
    const band = this._band;
    if (event.button !== 0) return;
    this._pointers.set(event.pointerId, event.clientX);
    band.element.setPointerCapture(event.pointerId);
    if (this._pointers.size === 2) {
      this._kind = "pinch";
      this.isDragging = false;
      return;
    }
    this._began = { at: this._line.at ?? Number.NaN, x: event.clientX };
    this._kind = band.isAxis(event.clientY) ? "pan" : "scrub";
    if (this._kind === "scrub") {
      this.isDragging = true;
      this._peeked = null;
      band.showPicture(null); // the picture itself follows
      band.slider.focus({ preventScroll: true });
      this._scrub(event.clientX);
    }
  }

  /** @param {PointerEvent} event */
  _pointerMove(event) {
    const before = this._pointers.get(event.pointerId);
    if (before === undefined) {
      this._hover(event);
      return;
    }
    if (this._kind === "pinch") this._pinch(event, before);
    else if (this._kind === "pan") this._pan((before - event.clientX) / this._band.width);
    else this._scrub(event.clientX);
    this._pointers.set(event.pointerId, event.clientX);
  }

  /** @param {PointerEvent} event */
  _pointerUp(event) {
    if (!this._pointers.delete(event.pointerId) || this._pointers.size) return;
    const kind = this._kind;
    this._kind = "";
    if (!this.isDragging) return;
    this.isDragging = false;
    this._hoverEnds();
    if (kind !== "scrub") return;
    const line = this._line;
    const { at, x } = this._began;
    if (event.type === "pointercancel") {
      // The page was scrolled: back to where it was.
      if (Number.isNaN(at)) line.goLive();
      else line.seek(at);
      return;
    }
    const to = this._timeAt(event.clientX);
    const aimed = Math.abs(event.clientX - x) < AIM_PX / 2 ? this._eventAt(to) : undefined;
    if (aimed) line.goTo(aimed);
    else line.seek(to);
  }

  /** @param {number} x */
  _scrub(x) {
    const line = this._line;
    line.seek(this._timeAt(x), { isDragging: true });
    const shown = line.at ?? line.now;
    this._band.showHover(shown, this._bubble(shown));
  }

  /** Move the band. @param {number} share  of its length */
  _pan(share) {
    const { from, to } = this._line.range;
    this._line.setRange(place(from + share * (to - from), 0, to - from, this._line.bounds));
  }

  /** @param {PointerEvent} event @param {number} before */
  _pinch(event, before) {
    const line = this._line;
    const { from, to } = line.range;
    const other = [...this._pointers].find(([id]) => id !== event.pointerId)?.[1] ?? event.clientX;
    const was = Math.max(LEAST_PINCH_PX, Math.abs(before - other));
    const is = Math.max(LEAST_PINCH_PX, Math.abs(event.clientX - other));
    const middle = (event.clientX + other) / 2;
    const pivot = this._timeAt((before + other) / 2);
    const share = (middle - this._band.left) / this._band.width;
    line.setRange(place(pivot, share, (to - from) * (was / is), line.bounds));
  }

  /** @param {WheelEvent} event */
  _wheel(event) {
    event.preventDefault();
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (isSideways) this._pan((event.deltaX || event.deltaY) / 800);
    else this._line.zoom(1.0016 ** event.deltaY, this._timeAt(event.clientX));
    this._hover(event);
  }

  // ── What the mouse is over ─────────────────────────────────────────────────────────────────────────────────

  /** @param {MouseEvent} event */
  _hover(event) {
    if ((event instanceof PointerEvent && event.pointerType !== "mouse") || this._band.isAxis(event.clientY)) {
      this._hoverEnds();
      return;
    }
    const at = this._timeAt(event.clientX);
    this._band.showHover(at, this._bubble(at));
    this._peek(at);
  }

  _hoverEnds() {
    this._peeked = null;
    this._band.showHover(null, "");
  }

  /** @param {number} at */
  _peek(at) {
    if (!this._line.has(at)) {
      this._peeked = null;
      this._band.showPicture(null);
      return;
    }
    this._peeked = at;
    this._peeking ||= window.setTimeout(() => {
      this._peeking = 0;
      if (this._peeked !== null) this._line.tell("peek", { at: this._peeked });
    }, PEEK_MS);
  }

  /** What stands there, or nearly; of several, what began last. @param {number} at @returns {Happening | undefined} */
  _eventAt(at) {
    const { from, to } = this._line.range;
    const near = ((to - from) / this._band.width) * AIM_PX;
    return this._line.events.filter((event) => event.from - near <= at && at <= event.to + near).sort((one, other) => other.from - one.from)[0];
  }

  /** @param {number} x */
  _timeAt(x) {
    const { from, to } = this._line.range;
    return from + ((x - this._band.left) / this._band.width) * (to - from);
  }

  /** @param {number} at */
  _bubble(at) {
    const line = this._line;
    const zone = wordsInZone(at, line.getAttribute("zone") ?? "");
    const day = dayKey(at) === dayKey(line.now) ? "" : `${shortDayWords(at)}, `;
    const event = this.isDragging ? undefined : this._eventAt(at);
    const what = event ? ` · ${eventWord(event)}` : "";
    const isEmpty = !line.has(at) && at <= line.now - NOW_S;
    return `${day}${clockWords(at)}${zone ? ` (${zone})` : ""}${what}${isEmpty ? ` · ${word("noFootage")}` : ""}`;
  }
}
