/**
 * The past of a `<live-view>`: where one looks, how fast it goes, whether it stands still; it orders that of the server,
 * and lets pictures through when they are due.
 */

import { readFragment } from "belvedere/fmp4";
import { Pacer, Seeks } from "belvedere/pacing";

/** @typedef {import("belvedere/canvas-player").TrackInit} TrackInit */
/** @typedef {import("belvedere/live-view").LiveView} LiveView */

/** Faster than this, and backwards, the server sends key frames alone. */
const ALL_PICTURES_UP_TO = 4;

export class Past {
  /** @param {LiveView} view */
  constructor(view) {
    this._view = view;
    this.isOn = false;
    /** The instant that is shown, or will be; seconds since the epoch. */
    this.at = 0;
    /** Times as fast as it was; negative: backwards. */
    this.speed = 1;
    this.isHeld = false;
    this._isDragging = false;
    /** Nothing that ends before it is shown. */
    this._sought = -Infinity;
    /** The run that comes now; what is shown may still be of the one before. @type {TrackInit | null} */
    this._coming = null;
    this._pacer = new Pacer();
    this._seeks = new Seeks((to) => this._connection.seek(to));
  }

  get _connection() {
    return this._view.connection;
  }

  get _isEveryPicture() {
    return this.speed > 0 && this.speed <= ALL_PICTURES_UP_TO;
  }

  // ── Orders ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Be there, and go on as before. @param {number} to */
  seek(to) {
    if (!this._enter(to, this.isHeld ? "" : "seeking")) return;
    this._isDragging = false;
    this._seeks.forget();
    this._pacer.hold(this.isHeld);
    this._setPace();
    this._connection.seek(to);
  }

  /** Be there while a hand drags: one picture at a time. @param {number} to */
  drag(to) {
    if (!this._enter(to, this.isOn ? "" : "seeking")) return;
    this._isDragging = true;
    this._pacer.hold(true);
    this._seeks.want(to);
  }

  /** @param {boolean} isHeld */
  hold(isHeld) {
    this.isHeld = isHeld;
    this._pacer.hold(isHeld);
    this._setPace();
    if (!this._connection.isOpen) return;
    if (isHeld) this._connection.pause();
    else this._connection.play();
  }

  /** One picture on, or one key frame back, and stand there. @param {number} by */
  step(by) {
    this.isHeld = true;
    this._pacer.hold(true);
    if (!this._isEveryPicture) {
      this.speed = 1;
      this._pacer.setSpeed(1);
      this._connection.setSpeed(1);
    }
    this._setPace();
    this._connection.step(by, this.at);
  }

  /** @param {number} speed  negative: backwards */
  setSpeed(speed) {
    const isTurned = speed < 0 !== this.speed < 0;
    this.speed = speed;
    this._pacer.setSpeed(speed);
    if (this.isHeld) this.hold(false);
    this._setPace();
    if (speed < 0) this._connection.reverse(-speed);
    else this._connection.setSpeed(speed);
    if (isTurned && speed > 0) this._connection.seek(this.at);
  }

  /** The socket is new: say where we were, and how. */
  begin() {
    if (!this.isOn) return;
    this._seeks.forget();
    this._connection.seek(this.at);
    if (this.speed < 0) this._connection.reverse(-this.speed);
    else if (this.speed !== 1) this._connection.setSpeed(this.speed);
    if (this.isHeld) this._connection.pause();
  }

  /** Back to now: nothing of what waits will be shown. */
  leave() {
    if (!this.isOn) return;
    this.isOn = this.isHeld = this._isDragging = false;
    this.speed = 1;
    this._seeks.forget();
    this._pacer.clear();
    this._pacer.setSpeed(1);
    this._pacer.hold(false);
    this._setPace();
    this._view.listening.silence();
    delete this._view.dataset.past;
    delete this._view.dataset.at;
    this._view.tell("instant", { utc: null });
  }

  /**
   * @param {number} to
   * @param {string} state  to be in until the picture is there; "" for the one it is in
   * @returns {boolean} whether it can be ordered now; else it is when the socket is open
   */
  _enter(to, state) {
    this.at = to;
    this.isOn = true;
    this._view.dataset.past = "";
    if (!this._connection.isOpen) {
      this._view.start();
      return false;
    }
    if (state) this._view.setState(state);
    return true;
  }

  _setPace() {
    if (this.speed !== 1 || this.isHeld || this._isDragging) this._view.listening.silence();
    this._view.player?.setPace(this.speed, this.isHeld || this._isDragging);
  }

  // ── What comes ─────────────────────────────────────────────────────────────────────────────────────────────

  /** What was ordered comes now. @param {number} utc */
  arrive(utc) {
    if (!this.isOn) return;
    // A key frame alone stands for all that comes after it.
    this._sought = this._isEveryPicture ? utc : -Infinity;
    this._pacer.restart(this._sought);
    this._view.listening.silence();
    this._setPace();
    const shown = this._view.run;
    if (shown) this._view.player?.jump(this._sought - shown.utc_at_zero);
  }

  /** Before which second of a track nothing is to be shown. @param {TrackInit} run */
  hiddenBefore(run) {
    return this.isOn ? this._sought - run.utc_at_zero : -Infinity;
  }

  /** A run begins. @param {TrackInit} run @param {() => void} begin */
  introduce(run, begin) {
    this._coming = run;
    this._inTurn(begin);
  }

  /** The camera's clock was set right by a little. @param {number} utcAtZero */
  setClock(utcAtZero) {
    if (this._coming) this._coming = { ...this._coming, utc_at_zero: utcAtZero };
    this._inTurn(() => {
      if (this._view.run) this._view.run = { ...this._view.run, utc_at_zero: utcAtZero };
    }, false);
  }

  /** @param {Uint8Array} fragment */
  receive(fragment) {
    const frame = this.isOn ? readFragment(fragment) : null;
    const run = this._coming;
    if (!frame || !run) {
      this._view.player?.push(fragment);
      return;
    }
    const time = frame.time / run.timescale;
    this._pacer.push(run.utc_at_zero + time, frame.duration / run.timescale, () => this._view.player?.push(fragment, time));
  }

  /**
   * Sound, when its picture is there.
   * @param {number} at  seconds since the epoch
   * @param {(inMs: number) => void} give  gets in how many milliseconds it is due
   */
  besidePictures(at, give) {
    this._pacer.pushBeside(at, (inMs) => give(inMs + (this._view.player?.lagMs ?? 0)));
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  gap(from, to) {
    this._inTurn(() => this._view.tell("gap", { from, to }));
  }

  /** Nothing more this way: stand. @param {boolean} isEnd */
  edge(isEnd) {
    this._inTurn(() => {
      this._view.pause();
      this._view.tell("edge", { isEnd });
    });
  }

  /** The footage ran into now. */
  runIntoNow() {
    this._pacer.flush();
    this.leave();
  }

  /** A picture is on the screen. @param {number} utc */
  shown(utc) {
    this._seeks.answered();
    if (!this._isDragging) this.at = utc;
    this._view.dataset.at = utc.toFixed(3);
    this._view.setState(this.isHeld ? "paused" : "playing");
    this._view.tell("instant", { utc });
  }

  /** In its turn: what waits before it is shown first. @param {() => void} act */
  _inTurn(act, isBreak = true) {
    if (this.isOn) this._pacer.pushBetween(act, { isBreak });
    else act();
  }
}
