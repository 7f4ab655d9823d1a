/**
 * The same fragments through Media Source Extensions: for pages without a secure context, and browsers without
 * WebCodecs. The playback buffer makes most of the delay, so it is held short: speed a little, jump when that is no use.
 */

/** @typedef {import("belvedere/canvas-player").TrackInit} TrackInit */
/** @typedef {import("belvedere/canvas-player").Shown} Shown */

/** Seconds of buffer ahead of the picture. */
const TARGET = 0.1;
/** So far beyond the target it jumps; nearer, it plays 10 % faster. */
const JUMP = 0.35;
const TOLERANCE = 0.05;
/** Faster than this the server sends key frames alone. */
const LAST_SMOOTH = 4;
/** Seconds after the beginning of a picture, where it is sure to be shown. */
const INTO_A_PICTURE = 0.005;
/** Seconds kept behind the picture. */
const KEEP = 4;

export class MsePlayer {
  /** Whether this browser has it. */
  static get isPossible() {
    return "MediaSource" in window || "ManagedMediaSource" in window;
  }

  /**
   * @param {HTMLElement} parent
   * @param {{onFrame: (shown: Shown) => void, onBehind: () => void, onUnplayable: () => void}} listener
   */
  constructor(parent, listener) {
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.disableRemotePlayback = true;
    video.setAttribute("aria-hidden", "true");
    parent.prepend(video);
    this.element = video;
    this._listener = listener;
    /** @type {Uint8Array[]} */
    this._queue = [];
    /** @type {SourceBuffer | null} */
    this._buffer = null;
    /** @type {MediaSource | null} */
    this._source = null;
    this._address = "";
    this._isClosed = false;
    /** @type {{init: TrackInit, segment: Uint8Array} | null} */
    this._run = null;
    /** Seconds of the track before which nothing is shown; -Infinity: live. */
    this._sought = -Infinity;
    /** Seconds of the track of what came last. */
    this._latest = 0;
    this._speed = 1;
    this._isHeld = false;
    this._watchFrames();
  }

  /** From being pushed to being seen: it lies in the buffer. In milliseconds. */
  get lagMs() {
    return 1000 * TARGET;
  }

  /**
   * A new run of the track begins. Its ticks start anew, so the media source does too.
   * @param {TrackInit} init
   * @param {Uint8Array} segment
   * @param {number} [time]  seconds of the track: nothing before it is shown
   */
  begin(init, segment, time = -Infinity) {
    this._sought = time;
    const type = `video/mp4; codecs="${init.codec}"`;
    // @ts-ignore  iPhones have the managed kind only
    const Source = window.ManagedMediaSource ?? window.MediaSource;
    if (!Source.isTypeSupported(type)) {
      this._listener.onUnplayable();
      return;
    }
    this._release();
    this._run = { init, segment: segment.slice() };
    const source = new Source();
    this._source = source;
    this._queue = [this._run.segment];
    this._address = URL.createObjectURL(source);
    this.element.src = this._address;
    source.addEventListener("sourceopen", () => {
      if (this._source !== source) return;
      URL.revokeObjectURL(this._address);
      const buffer = source.addSourceBuffer(type);
      this._buffer = buffer;
      buffer.addEventListener("updateend", () => this._settle(buffer));
      this._append();
    }, { once: true });
  }

  /**
   * @param {Uint8Array} fragment
   * @param {number} [time]  seconds of the track
   */
  push(fragment, time = 0) {
    if (!this._source || this._isClosed) return;
    this._latest = time;
    this._queue.push(fragment.slice());
    this._append();
  }

  /**
   * What comes next is of elsewhere in the past. The buffer would hold both: it begins anew.
   * @param {number} time  seconds of the track: nothing before it is shown
   */
  jump(time) {
    if (this._run) this.begin(this._run.init, this._run.segment, time);
  }

  /**
   * @param {number} speed    times as fast; negative: backwards
   * @param {boolean} isHeld  whether it stands still
   */
  setPace(speed, isHeld) {
    this._speed = speed;
    this._isHeld = isHeld;
    if (isHeld) this.element.pause();
  }

  /** Nothing of the picture remains. At once. */
  close() {
    this._isClosed = true;
    this._release();
    this.element.remove();
  }

  _release() {
    this._queue = [];
    this._buffer = null;
    this._source = null;
    if (this._address) URL.revokeObjectURL(this._address);
    this._address = "";
    this.element.removeAttribute("src");
    this.element.load();
  }

  _append() {
    const buffer = this._buffer;
    if (!buffer || buffer.updating || this._queue.length === 0) return;
    // Everything that waits in one go: the ring a stream starts with is dozens of fragments.
    const size = this._queue.reduce((sum, part) => sum + part.length, 0);
    const all = new Uint8Array(size);
    let at = 0;
    for (const part of this._queue) {
      all.set(part, at);
      at += part.length;
    }
    this._queue = [];
    try {
      buffer.appendBuffer(all);
    } catch {
      this._listener.onBehind(); // the buffer is full, or the source is gone: begin again from live
    }
  }

  /** @param {SourceBuffer} buffer */
  _settle(buffer) {
    if (buffer !== this._buffer || buffer.buffered.length === 0) return;
    const video = this.element;
    const end = buffer.buffered.end(buffer.buffered.length - 1);
    if (this._isHeld || this._speed < 0 || this._speed > LAST_SMOOTH) {
      // One picture, or key frames with nothing between them: it is led to each.
      if (end > this._sought) video.currentTime = Math.max(this._sought, this._latest + INTO_A_PICTURE);
    } else if (end > this._sought) {
      this._follow(video, end, buffer.buffered.start(buffer.buffered.length - 1));
    }
    const start = buffer.buffered.start(0);
    if (!buffer.updating && video.currentTime - start > 3 * KEEP) buffer.remove(0, video.currentTime - KEEP);
    this._append();
  }

  /**
   * Stay close behind the end of what there is.
   * @param {HTMLVideoElement} video
   * @param {number} end
   * @param {number} start
   */
  _follow(video, end, start) {
    const ahead = (end - video.currentTime) / this._speed;
    if (ahead > TARGET + JUMP || ahead < 0) {
      video.currentTime = Math.max(end - TARGET * this._speed, start, this._sought);
    } else {
      video.playbackRate = this._speed * (ahead > TARGET + TOLERANCE ? 1.1 : ahead < TARGET - TOLERANCE ? 0.95 : 1);
    }
    if (video.paused) void video.play().catch(() => {});
  }

  _watchFrames() {
    const video = this.element;
    if ("requestVideoFrameCallback" in video) {
      const next = (/** @type {number} */ _now, /** @type {{mediaTime: number}} */ frame) => {
        if (this._isClosed) return;
        // Between two sources it may still tell of the old one.
        if (this._buffer) this._listener.onFrame({ time: frame.mediaTime });
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
    } else {
      // @ts-ignore  the type checker believes every browser has the callback
      video.addEventListener("timeupdate", () => this._listener.onFrame({ time: video.currentTime }));
    }
  }
}
