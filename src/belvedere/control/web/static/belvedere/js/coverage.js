/**
 * Where there is footage: asked of the server for what is looked at and a little more, remembered, and asked anew at the
 * live end, which grows.
 */

import { join, without } from "belvedere/time-scale";

/** @typedef {import("belvedere/time-scale").Range} Range */
/** `to` is now, and `isOver` false, while it goes on. @typedef {{id: string, from: number, to: number, isOver: boolean, kind: string, label: string, count: number, hasPicture: boolean}} Happening */

/** What was asked about less than this from now is asked again: it is still being written. */
const STILL_GROWING_S = 90;
/** So much is asked for on each side of what is shown, as a part of it. */
const MARGIN = 0.5;
/** Closer together than this it is one span, as it is for the server: the end of one answer meets the next. */
const JOIN_S = 1;
/** The server answers about a year at once. */
const AT_ONCE_S = 180 * 86_400;

/** The right to the past is gone, or was never there. */
export class PastDenied extends Error {}

export class Coverage {
  /**
   * @param {string} url       GET `?from=&to=` → `{coverage, unknown, events}`
   * @param {number} earliest  nothing before it is ever asked for
   */
  constructor(url, earliest) {
    this._url = url;
    this._earliest = earliest;
    /** @type {Range[]} */
    this._known = [];
    /** @type {Range[]} */
    this.covered = [];
    /** @type {Range[]} */
    this.unknown = [];
    /** When somebody took the camera's sight, or part of it. @type {Range[]} */
    this.blinded = [];
    /** @type {Happening[]} */
    this.events = [];
    /** @type {Promise<boolean>} */
    this._asking = Promise.resolve(false);
  }

  /** Whether there is footage at this instant. @param {number} at */
  has(at) {
    return this.covered.some((span) => span.from <= at && at < span.to);
  }

  /**
   * Know of a range and its surroundings. One question after the other: a hasty hand must not make a queue.
   * @param {Range} range
   * @returns {Promise<boolean>} whether something new was learned
   */
  learn(range) {
    const turn = this._asking.catch(() => false).then(() => this._learn(range));
    this._asking = turn;
    return turn;
  }

  /** The last minutes are asked for again next time. */
  forgetEnd() {
    const growing = this.events.filter((event) => !event.isOver).map((event) => event.from);
    this._forget({ from: Math.min(Date.now() / 1000 - STILL_GROWING_S, ...growing), to: Infinity });
  }

  /** @param {Range} range */
  async _learn(range) {
    const margin = Math.max(60, (range.to - range.from) * MARGIN);
    const now = Date.now() / 1000;
    const wanted = {
      from: Math.max(this._earliest, range.from - margin),
      to: Math.min(now, range.to + margin),
    };
    if (wanted.from >= wanted.to || without({ ...wanted, from: Math.max(wanted.from, range.from), to: Math.min(wanted.to, range.to) }, this._known).length === 0) {
      return false;
    }
    for (const missing of without(wanted, this._known)) {
      for (let from = missing.from; from < missing.to; from += AT_ONCE_S) {
        await this._ask({ from, to: Math.min(missing.to, from + AT_ONCE_S) });
      }
    }
    return true;
  }

  /** @param {Range} range */
  async _ask(range) {
    const query = new URLSearchParams({ from: isoOf(range.from), to: isoOf(range.to) });
    const response = await fetch(`${this._url}?${query}`, { credentials: "same-origin" });
    if (response.status === 401 || response.status === 403 || response.status === 404) throw new PastDenied();
    if (!response.ok) throw new Error(`coverage: ${response.status}`);
    const answer = await response.json();
    this._forget(range);
    this.covered = join([...this.covered, ...spansOf(answer.coverage)], JOIN_S);
    this.unknown = join([...this.unknown, ...spansOf(answer.unknown)]);
    this.blinded = join([...this.blinded, ...spansOf(answer.blinded)]);
    this.events = [...this.events, ...(answer.events ?? []).map(happeningOf)];
    // Of what nobody answered for, the next look asks again.
    this._known = join([...this._known, ...without(range, join(spansOf(answer.unknown)))]);
  }

  /** @param {Range} range */
  _forget(range) {
    const rest = (/** @type {Range[]} */ spans) => spans.flatMap((span) => without(span, [range]));
    this._known = rest(this._known);
    this.covered = rest(this.covered);
    this.unknown = rest(this.unknown);
    this.blinded = rest(this.blinded);
    // An event is told of where it began.
    this.events = this.events.filter((event) => event.from < range.from || event.from >= range.to);
  }
}

/** @param {number} at  seconds since the epoch */
export function isoOf(at) {
  return new Date(at * 1000).toISOString();
}

/** What goes on ends now. @param {{from: string, to: string | null}[] | undefined} spans @returns {Range[]} */
function spansOf(spans) {
  const now = Date.now() / 1000;
  return (spans ?? []).map((span) => ({ from: Date.parse(span.from) / 1000, to: span.to ? Date.parse(span.to) / 1000 : now }));
}

/** @param {any} event  shapes may grow @returns {Happening} */
function happeningOf(event) {
  return {
    id: event.id,
    from: Date.parse(event.from) / 1000,
    to: event.to ? Date.parse(event.to) / 1000 : Date.now() / 1000,
    isOver: Boolean(event.to),
    kind: event.kind,
    label: event.label ?? "",
    count: event.count ?? 1,
    hasPicture: event.has_picture ?? false,
  };
}
