/**
 * Which part of time a band shows, and how it is ruled. Instants are seconds since the epoch; walls are the reader's.
 * Nothing here touches the page.
 */

import { language } from "belvedere/page";

/** @typedef {{from: number, to: number}} Range */
/** @typedef {{at: number, label: string, isDay: boolean}} Tick */

/** Nearer to now than this nothing is recorded yet: that is now. */
export const NOW_S = 2;
export const SHORTEST = 10;
export const LONGEST = 30 * 86_400;
/** Marks this many seconds apart, the first that leaves room for its labels. From a day on, days are counted instead. */
const STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200];
const DAY_STEPS = [1, 2, 5, 7, 14];
const DAY = 86_400;
/** Every offset from UTC there is, and every change of it, is a multiple of this. */
const QUARTER = 900;
const LABEL_PX = 72;

const format = (/** @type {Intl.DateTimeFormatOptions} */ options) => new Intl.DateTimeFormat(language, options);
const minutes = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const seconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const shortDay = format({ weekday: "short", day: "numeric" });
const longDay = format({ weekday: "short", day: "numeric", month: "long" });
const wholeDay = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });

/** @param {number} at */
const date = (at) => new Date(at * 1000);

/** 14:02:31. @param {number} at */
export const clockWords = (at) => seconds.format(date(at));
/** 14:02. @param {number} at */
export const minuteWords = (at) => minutes.format(date(at));
/** Sunday, 22 November 2026. @param {number} at */
export const dayWords = (at) => wholeDay.format(date(at));
/** Sun 22 November. @param {number} at */
export const shortDayWords = (at) => longDay.format(date(at));

/**
 * The same instant as people there say it; "" where the zone is the reader's own, or unknown to the browser.
 * @param {number} at
 * @param {string} zone  IANA name
 */
export function wordsInZone(at, zone) {
  if (!zone || zone === Intl.DateTimeFormat().resolvedOptions().timeZone) return "";
  try {
    return format({ timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" }).format(date(at));
  } catch {
    return "";
  }
}

/**
 * A length as one reads it: 45 s, 3 min 20 s, 2 h 5 min.
 * @param {number} length  seconds
 */
export function lengthWords(length) {
  const whole = Math.round(length);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return [h && `${h} h`, m && `${m} min`, (s && !h) || !whole ? `${s} s` : ""].filter(Boolean).join(" ");
}

/** Local midnight of the day that holds `at`, and the next one: 23, 24 or 25 hours. @param {number} at @returns {Range} */
export function dayOf(at) {
  const local = date(at);
  const midnight = (/** @type {number} */ more) =>
    new Date(local.getFullYear(), local.getMonth(), local.getDate() + more).getTime() / 1000;
  return { from: midnight(0), to: midnight(1) };
}

/** `2026-11-22`, of the reader's day. @param {number} at */
export function dayKey(at) {
  const local = date(at);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return `${local.getFullYear()}-${two(local.getMonth() + 1)}-${two(local.getDate())}`;
}

/** The reader's midnight of `2026-11-22`; NaN for anything else. @param {string} key */
export function dayFromKey(key) {
  const parts = /^(\d{4,})-(\d\d)-(\d\d)$/.exec(key);
  return parts ? new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3])).getTime() / 1000 : Number.NaN;
}

/**
 * The marks of a band: labels at round times of the reader's wall, each midnight with its day.
 * An hour that the clocks repeat is ruled twice, one that they leave out not at all.
 * @param {Range} range
 * @param {number} width  pixels
 * @returns {Tick[]}
 */
export function rule(range, width) {
  const least = ((range.to - range.from) * LABEL_PX) / Math.max(1, width);
  const step = STEPS.find((each) => each >= least);
  return step ? ruleTimes(range, step) : ruleDays(range, Math.ceil(least / DAY));
}

/**
 * @param {Range} range
 * @param {number} step
 * @returns {Tick[]}
 */
function ruleTimes(range, step) {
  const stride = Math.min(step, QUARTER);
  const words = step < 60 ? seconds : minutes;
  const ticks = [];
  for (let at = Math.ceil(range.from / stride) * stride; at <= range.to; at += stride) {
    const local = date(at);
    const wall = local.getHours() * 3600 + local.getMinutes() * 60 + local.getSeconds();
    if (wall % step !== 0) continue;
    const isDay = wall === 0;
    ticks.push({ at, label: (isDay ? shortDay : words).format(local), isDay });
  }
  return ticks;
}

/**
 * @param {Range} range
 * @param {number} least  days between labels
 * @returns {Tick[]}
 */
function ruleDays(range, least) {
  const step = DAY_STEPS.find((each) => each >= least) ?? 28;
  const ticks = [];
  for (let { from: at, to: next } = dayOf(range.from); at <= range.to; { from: at, to: next } = dayOf(next)) {
    // Counted from a fixed day, so that labels stay where they are while the band moves.
    const isLabelled = Math.round((at + DAY / 2) / DAY) % step === 0;
    if (at >= range.from) ticks.push({ at, label: isLabelled ? shortDay.format(date(at)) : "", isDay: true });
  }
  return ticks;
}

/**
 * A range as long as asked, `share` of it before `around`, neither before `earliest` nor much beyond `latest`.
 * @param {number} around
 * @param {number} share  0 to 1
 * @param {number} length
 * @param {Range} bounds
 * @returns {Range}
 */
export function place(around, share, length, bounds) {
  const span = Math.min(LONGEST, Math.max(SHORTEST, length));
  const last = bounds.to + span * 0.05;
  const from = Math.max(bounds.from - span * 0.02, Math.min(around - share * span, last - span));
  return { from, to: from + span };
}

/**
 * Spans in order, those that are no further apart than `within` as one.
 * @param {Range[]} spans
 * @param {number} [within]  seconds
 * @returns {Range[]}
 */
export function join(spans, within = 0) {
  const sorted = [...spans].sort((one, other) => one.from - other.from);
  /** @type {Range[]} */
  const joined = [];
  for (const span of sorted) {
    const last = joined[joined.length - 1];
    if (last && span.from <= last.to + within) last.to = Math.max(last.to, span.to);
    else joined.push({ ...span });
  }
  return joined;
}

/** What of `range` none of the spans holds; they are in order. @param {Range} range @param {Range[]} spans @returns {Range[]} */
export function without(range, spans) {
  const left = [];
  let from = range.from;
  for (const span of spans) {
    if (span.to <= from) continue;
    if (span.from >= range.to) break;
    if (span.from > from) left.push({ from, to: span.from });
    from = Math.max(from, span.to);
  }
  if (from < range.to) left.push({ from, to: range.to });
  return left;
}
