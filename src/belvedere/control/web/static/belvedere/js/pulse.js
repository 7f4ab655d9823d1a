/**
 * How a live picture fares: how many pictures a second, how far behind now, whether it still moves.
 */

const STALL_MS = 3000;
const BEHIND_MS = 1500;
/** Clocks further apart than this say nothing about delay. */
const PLAUSIBLE_MS = 60_000;

export class Pulse {
  constructor() {
    /** Pictures since the beginning. */
    this.frames = 0;
    this.fps = 0;
    /** What is shown is so old; null: unknown. */
    this.behindMs = /** @type {number | null} */ (null);
    this._framesThen = 0;
    this._lastAt = 0;
    this._leastDelay = Infinity;
    this._behindSince = 0;
  }

  /** A picture is on the screen. */
  beat() {
    this._lastAt = performance.now();
    this.frames += 1;
  }

  /**
   * It is of then; for live pictures.
   * @param {number} utc  seconds since the epoch
   * @returns {boolean} whether it is later than it could be
   */
  isLate(utc) {
    const behind = Date.now() - utc * 1000;
    this._leastDelay = Math.min(this._leastDelay, behind);
    this.behindMs = Math.abs(behind) < PLAUSIBLE_MS ? Math.max(0, Math.round(behind)) : null;
    const isLate = behind - this._leastDelay > BEHIND_MS;
    if (!isLate) this._behindSince = 0;
    return isLate;
  }

  /** What comes next is of another beginning. */
  forget() {
    this._leastDelay = Infinity;
    this._behindSince = 0;
  }

  /** To be called once a second. */
  count() {
    this.fps = this.frames - this._framesThen;
    this._framesThen = this.frames;
  }

  /** Whether no picture has come for too long. */
  get hasStalled() {
    return performance.now() - this._lastAt > STALL_MS;
  }

  /** Whether it is behind for so long that it will not catch up by itself. To be asked while it is. */
  get staysBehind() {
    const now = performance.now();
    this._behindSince ||= now;
    return now - this._behindSince > 2 * BEHIND_MS && !this.hasStalled;
  }
}
