/**
 * Frames to a canvas by WebCodecs: the shortest way there is (a decoder in low-delay mode, no buffer of our own).
 * Everything is decoded, only the newest is shown, so the ring that a stream starts with passes in a moment.
 */

import { findDecoderConfiguration, readFragment } from "belvedere/fmp4";

/**
 * @typedef {object} TrackInit  what the server says of a track before its first fragment
 * @property {number} track
 * @property {"video" | "audio"} kind
 * @property {string} codec
 * @property {number} width
 * @property {number} height
 * @property {number} timescale
 * @property {number} utc_at_zero
 * @property {boolean} [sound]    of the picture: whether there is sound to be had with it
 */

/**
 * @typedef {object} Shown
 * @property {number} time  seconds of the track at which the picture was taken
 */

/** A queue that stays longer than this for so long means the machine does not keep up. */
const LONG_QUEUE = 12;
const PATIENCE_MS = 1500;
/** Instants come in microseconds, ticks are counted in others. */
const ROUNDING_US = 1000;
/** The past begins with all pictures since a key frame, and nobody minds if those take a moment. */
const PATIENCE_WITH_PAST_MS = 8000;

export class CanvasPlayer {
  /** Whether this browser and this page may use it: WebCodecs exist in secure contexts only. */
  static get isPossible() {
    return window.isSecureContext && "VideoDecoder" in window;
  }

  /**
   * @param {HTMLElement} parent
   * @param {{onFrame: (shown: Shown) => void, onBehind: () => void, onUnplayable: () => void}} listener
   */
  constructor(parent, listener) {
    this.element = document.createElement("canvas");
    this.element.setAttribute("aria-hidden", "true");
    parent.prepend(this.element);
    this._context = /** @type {CanvasRenderingContext2D} */ (this.element.getContext("2d", { alpha: false }));
    this._listener = listener;
    /** @type {VideoDecoder | null} */
    this._decoder = null;
    /** @type {VideoDecoderConfig | null} */
    this._config = null;
    /** @type {VideoFrame | null} */
    this._newest = null;
    this._drawing = 0;
    this._needsKey = true;
    this._longSince = 0;
    this._timescale = 1;
    this._hasDrawn = false;
    /** Pictures that end before this, in microseconds of the track, are decoded and not shown. */
    this._hiddenUntil = -Infinity;
    this._patience = PATIENCE_MS;
  }

  /** From being pushed to being seen: decoding, and the next refresh of the screen. In milliseconds. */
  get lagMs() {
    return 30;
  }

  /**
   * A new run of the track begins.
   * @param {TrackInit} init
   * @param {Uint8Array} segment
   * @param {number} [time]  seconds of the track: nothing before it is shown
   */
  begin(init, segment, time = -Infinity) {
    const description = findDecoderConfiguration(segment);
    this._timescale = init.timescale;
    this._config = {
      codec: init.codec,
      codedWidth: init.width,
      codedHeight: init.height,
      optimizeForLatency: true,
      ...(description ? { description: description.slice() } : {}),
    };
    this.jump(time);
  }

  /**
   * What comes next is of elsewhere in the past, and begins at a key frame.
   * @param {number} time  seconds of the track: nothing before it is shown
   */
  jump(time) {
    this._hiddenUntil = time * 1e6 + ROUNDING_US;
    this._patience = Number.isFinite(time) ? PATIENCE_WITH_PAST_MS : PATIENCE_MS;
    if (this._config) this._restart();
  }

  /** A canvas shows what it is given, as soon as it is. */
  setPace() {}

  /** @param {Uint8Array} fragment */
  push(fragment) {
    const frame = readFragment(fragment);
    const decoder = this._decoder;
    if (!frame || !decoder || decoder.state !== "configured") return;
    if (this._needsKey && !frame.isKey) return;
    this._needsKey = false;
    if (this._isBehind(decoder.decodeQueueSize)) {
      this._restart();
      this._listener.onBehind();
      return;
    }
    decoder.decode(
      new EncodedVideoChunk({
        type: frame.isKey ? "key" : "delta",
        timestamp: Math.round((frame.time / this._timescale) * 1e6),
        duration: Math.round((frame.duration / this._timescale) * 1e6),
        data: frame.data,
      }),
    );
  }

  /** Nothing of the picture remains: not on the canvas, not in a queue. At once. */
  close() {
    if (this._decoder && this._decoder.state !== "closed") this._decoder.close();
    this._decoder = null;
    cancelAnimationFrame(this._drawing);
    this._newest?.close();
    this._newest = null;
    this.element.width = this.element.height = 0;
    this.element.remove();
  }

  _restart() {
    if (this._decoder && this._decoder.state !== "closed") this._decoder.close();
    this._newest?.close();
    this._newest = null;
    this._needsKey = true;
    this._longSince = 0;
    const decoder = new VideoDecoder({
      output: (frame) => this._take(frame),
      error: () => {
        if (this._decoder === decoder) this._fail();
      },
    });
    this._decoder = decoder;
    try {
      decoder.configure(/** @type {VideoDecoderConfig} */ (this._config));
    } catch {
      this._listener.onUnplayable();
    }
  }

  /** A damaged frame closes the decoder: go on at the next key frame; a codec it cannot do will never go on. */
  _fail() {
    if (this._hasDrawn) {
      this._hasDrawn = false;
      this._restart();
      this._listener.onBehind();
    } else {
      this._decoder = null;
      this._listener.onUnplayable();
    }
  }

  /** @param {number} queue */
  _isBehind(queue) {
    if (queue < LONG_QUEUE) {
      this._longSince = 0;
      return false;
    }
    this._longSince ||= performance.now();
    return performance.now() - this._longSince > this._patience;
  }

  /** @param {VideoFrame} frame */
  _take(frame) {
    if (frame.timestamp + (frame.duration ?? 0) <= this._hiddenUntil) {
      frame.close();
      return;
    }
    this._newest?.close();
    this._newest = frame;
    if (!this._hasDrawn) this._draw();
    else this._drawing ||= requestAnimationFrame(() => this._draw());
  }

  _draw() {
    this._drawing = 0;
    const frame = this._newest;
    if (!frame) return;
    this._newest = null;
    const canvas = this.element;
    if (canvas.width !== frame.displayWidth || canvas.height !== frame.displayHeight) {
      canvas.width = frame.displayWidth;
      canvas.height = frame.displayHeight;
    }
    this._context.drawImage(frame, 0, 0);
    const time = frame.timestamp / 1e6;
    frame.close();
    this._hasDrawn = true;
    this._listener.onFrame({ time });
  }
}
