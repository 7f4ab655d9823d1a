/**
 * Sound through Media Source Extensions: AAC and Opus on pages without a secure context, and in browsers without
 * WebCodecs. An element of its own, so that the picture never waits for it.
 */

/** @typedef {import("belvedere/fmp4").Frame} Frame */
/** @typedef {import("belvedere/sound").SoundRun} SoundRun */

/** Seconds of buffer ahead of the ear. */
const TARGET = 0.15;
/** So far beyond the target it jumps; nearer, it plays a little faster. */
const JUMP = 0.4;
const TOLERANCE = 0.08;
/** Seconds kept behind the ear. */
const KEEP = 4;

/** @param {string} codec */
const typeOf = (codec) => `audio/mp4; codecs="${codec}"`;
// @ts-ignore  iPhones have the managed kind only
const Source = window.ManagedMediaSource ?? window.MediaSource;

export class MseSound {
  /** Whether this browser can play this codec so. @param {string} codec */
  static canPlay(codec) {
    return Boolean(Source?.isTypeSupported(typeOf(codec)));
  }

  /** @param {number} volume  0 to 1 */
  constructor(volume) {
    this._element = new Audio();
    this._element.disableRemotePlayback = true;
    this.setVolume(volume);
    /** @type {SoundRun | null} */
    this._run = null;
    /** @type {SourceBuffer | null} */
    this._buffer = null;
    /** @type {Uint8Array[]} */
    this._queue = [];
    this._isAsleep = false;
  }

  get isAwake() {
    return !this._isAsleep;
  }

  /** How loud it is cannot be told here; whether it plays, can. */
  get level() {
    return this._element.paused ? 0 : this._element.volume;
  }

  wake() {
    this._isAsleep = false;
    this._listen();
  }

  /** @param {number} volume  0 to 1 */
  setVolume(volume) {
    this._element.volume = volume * volume;
  }

  /**
   * @param {SoundRun} run
   * @param {Frame} _frame
   * @param {Uint8Array} fragment
   */
  push(run, _frame, fragment) {
    if (run !== this._run) this._begin(run);
    this._queue.push(fragment.slice());
    this._append();
  }

  flush() {
    this._element.pause();
    if (this._run) this._begin(this._run);
  }

  close() {
    this._run = this._buffer = null;
    this._queue = [];
    this._element.pause();
    this._element.removeAttribute("src");
    this._element.load();
  }

  /** @param {SoundRun} run */
  _begin(run) {
    this._run = run;
    this._buffer = null;
    this._queue = [run.segment.slice()];
    const source = new Source();
    const address = URL.createObjectURL(source);
    this._element.src = address;
    source.addEventListener("sourceopen", () => {
      URL.revokeObjectURL(address);
      if (run !== this._run || this._buffer) return;
      const buffer = source.addSourceBuffer(typeOf(run.codec));
      this._buffer = buffer;
      buffer.addEventListener("updateend", () => this._settle(buffer));
      this._append();
    }, { once: true });
  }

  _append() {
    if (!this._buffer || this._buffer.updating) return;
    const next = this._queue.shift();
    try {
      if (next) this._buffer.appendBuffer(/** @type {Uint8Array<ArrayBuffer>} */ (next));
    } catch {
      this.flush(); // the buffer is full, or the source is gone
    }
  }

  /** Stay close behind the end of what there is. @param {SourceBuffer} buffer */
  _settle(buffer) {
    if (buffer !== this._buffer) return;
    const ranges = buffer.buffered;
    const element = this._element;
    if (ranges.length && !this._queue.length) {
      const end = ranges.end(ranges.length - 1);
      const ahead = end - element.currentTime;
      if (ahead > TARGET + JUMP || ahead < 0) element.currentTime = Math.max(end - TARGET, ranges.start(ranges.length - 1));
      else element.playbackRate = ahead > TARGET + TOLERANCE ? 1.05 : ahead < TARGET - TOLERANCE ? 0.97 : 1;
      this._listen();
      if (element.currentTime - ranges.start(0) > 3 * KEEP) {
        buffer.remove(0, element.currentTime - KEEP);
        return;
      }
    }
    this._append();
  }

  _listen() {
    if (!this._element.paused || this._isAsleep || !this._buffer) return;
    this._element.play().catch((/** @type {DOMException} */ error) => {
      // Anything else is a pause that came between.
      if (error.name === "NotAllowedError") this._isAsleep = true;
    });
  }
}
