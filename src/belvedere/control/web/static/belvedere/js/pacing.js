/**
 * The pace of the past: fragments wait until they are due, orders to seek are given no faster than they are answered.
 */

/** Frames wait this long for those after them, so that an uneven way does not show. */
const LEAD_MS = 60;
/** Later than this, the clock of playback waits for the stream; it does not run after it. */
const LATE_MS = 250;
/** Nobody waits longer than this for the next picture: what is further away stands behind a gap. */
const LONGEST_WAIT_MS = 6000;
/** Instants come in microseconds, ticks are counted in others. */
const ROUNDING_S = 0.001;
/** Sound is given so long before it is due; what is later than this is left out. */
const SOUND_AHEAD_MS = 120;
const SOUND_LATE_MS = 100;
/** More pieces than this wait for pictures that do not come. */
const MOST_SOUND = 200;
const SEEK_EVERY_MS = 100;
/** An order without an answer for so long is not waited for any more. */
const SEEK_PATIENCE_MS = 700;

/**
 * @typedef {object} Due
 * @property {number} at    seconds since the epoch; NaN for what takes no time
 * @property {number} end
 * @property {() => void} give
 */

/**
 * Lets go of each fragment when it is due, in order. What lies before the sought instant passes at once: a decoder needs
 * it, nobody sees it. While it is held, nothing passes but the one picture that was sought.
 */
export class Pacer {
  constructor() {
    /** @type {Due[]} */
    this._waiting = [];
    /** Sound beside them. @type {{at: number, give: (inMs: number) => void}[]} */
    this._beside = [];
    /** @type {{wall: number, at: number} | null} */
    this._anchor = null;
    this._sought = 0;
    this._isSeeking = true;
    this._isHeld = false;
    this._speed = 1;
    this._timer = 0;
  }

  /** What waited is forgotten; the next picture is that of `sought`. @param {number} sought */
  restart(sought) {
    this.clear();
    this._sought = sought;
    this._isSeeking = true;
  }

  /** All that waited passes at once. */
  flush() {
    const waiting = this._waiting;
    this.clear();
    for (const each of waiting) each.give();
  }

  clear() {
    cancelAnimationFrame(this._timer);
    this._timer = 0;
    this._waiting = [];
    this._beside = [];
    this._anchor = null;
  }

  /** @param {number} speed  negative: backwards */
  setSpeed(speed) {
    this._speed = speed;
    this._anchor = null;
  }

  /** @param {boolean} isHeld */
  hold(isHeld) {
    this._isHeld = isHeld;
    this._anchor = null;
    if (!isHeld) this._pass();
  }

  /**
   * @param {number} at        of the picture, seconds since the epoch
   * @param {number} duration
   * @param {() => void} give
   */
  push(at, duration, give) {
    this._waiting.push({ at, end: at + duration, give });
    if (!this._timer) this._pass();
  }

  /**
   * Sound, which waits for no picture and is waited for by none; there is none but at its own speed.
   * @param {number} at  of its beginning, seconds since the epoch
   * @param {(inMs: number) => void} give  gets in how many milliseconds it is due
   */
  pushBeside(at, give) {
    if (this._beside.length < MOST_SOUND) this._beside.push({ at, give });
    if (!this._timer) this._pass();
  }

  /**
   * Something between pictures, in its place.
   * @param {() => void} give
   * @param {{isBreak?: boolean}} [what]  whether the clock begins anew after it
   */
  pushBetween(give, { isBreak = true } = {}) {
    const act = () => {
      if (isBreak) this._anchor = null;
      give();
    };
    this._waiting.push({ at: Number.NaN, end: Number.NaN, give: act });
    if (!this._timer) this._pass();
  }

  _pass() {
    this._timer = 0;
    const now = performance.now();
    while (this._waiting.length) {
      const next = this._waiting[0];
      if (!Number.isNaN(next.at)) {
        if (this._isSeeking) this._isSeeking = next.end <= this._sought + ROUNDING_S;
        else if (this._isHeld) return;
        else if (this._dueIn(next.at, now) > 0) break;
      }
      this._waiting.shift();
      next.give();
    }
    this._passSound(now);
    if (this._waiting.length || (this._beside.length && this._anchor)) {
      this._timer = requestAnimationFrame(() => this._pass());
    }
  }

  /** @param {number} now */
  _passSound(now) {
    const anchor = this._anchor;
    if (!anchor || this._isHeld || this._isSeeking || this._speed !== 1) return;
    while (this._beside.length) {
      const left = anchor.wall + (this._beside[0].at - anchor.at) * 1000 - now;
      if (left > SOUND_AHEAD_MS) return;
      const { give } = /** @type {{give: (inMs: number) => void}} */ (this._beside.shift());
      if (left > -SOUND_LATE_MS) give(left);
    }
  }

  /**
   * @param {number} at
   * @param {number} now
   * @returns {number} milliseconds
   */
  _dueIn(at, now) {
    this._anchor ??= { wall: now + LEAD_MS, at };
    const left = this._anchor.wall + ((at - this._anchor.at) * 1000) / this._speed - now;
    if (left < -LATE_MS || left > LONGEST_WAIT_MS) {
      this._anchor = { wall: now, at };
      return 0;
    }
    return left;
  }
}

/**
 * While a hand drags: at most ten orders a second, the latest wins, and the next one waits for the picture of the last.
 */
export class Seeks {
  /** @param {(to: number) => void} order */
  constructor(order) {
    this._order = order;
    this._wanted = Number.NaN;
    this._orderedAt = -Infinity;
    this._isAnswered = true;
    this._timer = 0;
  }

  /** @param {number} to */
  want(to) {
    this._wanted = to;
    this._consider();
  }

  /** The picture of the last order is there. */
  answered() {
    this._isAnswered = true;
    this._consider();
  }

  forget() {
    clearTimeout(this._timer);
    this._timer = 0;
    this._wanted = Number.NaN;
    this._isAnswered = true;
  }

  _consider() {
    if (this._timer || Number.isNaN(this._wanted)) return;
    const since = performance.now() - this._orderedAt;
    const wait = (this._isAnswered ? SEEK_EVERY_MS : SEEK_PATIENCE_MS) - since;
    if (wait > 0) {
      // Looked at again soon: the answer may come before the patience ends.
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        this._consider();
      }, Math.min(wait, SEEK_EVERY_MS));
      return;
    }
    const to = this._wanted;
    this._wanted = Number.NaN;
    this._orderedAt = performance.now();
    this._isAnswered = false;
    this._order(to);
  }
}
