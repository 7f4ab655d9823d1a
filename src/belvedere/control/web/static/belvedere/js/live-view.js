/**
 * `<live-view>`: one camera, live.
 *
 *   camera, name    id and name of the camera
 *   quality         main | sub
 *   ticket-url      where a ticket for this camera is POSTed for
 *   batch-url       instead of it: where the tickets of all tiles are asked for together
 *   mode            "mse" forces Media Source Extensions
 *   controls        show pause, live mark, figures, full screen
 *
 * For tests and styles it carries `data-state` (starting, live, behind, paused, reconnecting, offline, ended,
 * unsupported), `data-mode` (canvas, mse), `data-frames`, `data-first-frame-ms` (since the socket opened) and
 * `data-behind-ms`. It dispatches `statechange` {state}, `stats` {width, height, fps, behindMs} each second, and, once,
 * `ended` {code, why, by}.
 */

import { CanvasPlayer } from "belvedere/canvas-player";
import { LiveConnection } from "belvedere/connection";
import { MsePlayer } from "belvedere/mse-player";
import { openTicket, openTicketInBatch } from "belvedere/tickets";
import { PlayerControls, showStatus } from "belvedere/player-parts";

/** @typedef {import("belvedere/canvas-player").TrackInit} TrackInit */
/** @typedef {import("belvedere/connection").Ending} Ending */

/** Out of sight for so long, the socket is closed: nobody is watching, and nobody should read that somebody is. */
const LEAVE_AFTER_MS = 5000;
/** A picture that cannot be confirmed is shown no longer than this: a lease would not outlive it either. */
const DIM_FOR_MS = 10_000;
const STALL_MS = 3000;
const BEHIND_MS = 1500;
/** Clocks further apart than this say nothing about delay. */
const PLAUSIBLE_MS = 60_000;

/** Tiles share one observer. @type {IntersectionObserver | null} */
let observer = null;

export class LiveView extends HTMLElement {
  constructor() {
    super();
    /** @type {CanvasPlayer | MsePlayer | null} */
    this._player = null;
    /** @type {LiveConnection | null} */
    this._connection = null;
    /** @type {PlayerControls | null} */
    this._controls = null;
    /** @type {TrackInit | null} */
    this._init = null;
    this._isOnScreen = false;
    this._isPausedByUser = false;
    this._frames = 0;
    this._framesThen = 0;
    this._openedAt = 0;
    this._lastFrameAt = 0;
    this._leastDelay = Infinity;
    this._behindSince = 0;
    this._mustUseMse = false;
    this._tick = 0;
    this._leaving = 0;
    this._clearing = 0;
    this.behindMs = /** @type {number | null} */ (null);
    this.fps = 0;
    this._onVisibility = () => this._consider();
  }

  get state() {
    return this.dataset.state ?? "";
  }

  /** What is shown: width and height of the picture, in pixels. */
  get size() {
    return this._init ? { width: this._init.width, height: this._init.height } : null;
  }

  connectedCallback() {
    if (!this._connection) this._build();
    document.addEventListener("visibilitychange", this._onVisibility);
    observer ??= new IntersectionObserver(
      (entries) => {
        for (const entry of entries) /** @type {LiveView} */ (entry.target)._see(entry.isIntersecting);
      },
      { rootMargin: "64px" },
    );
    observer.observe(this);
    this._tick = window.setInterval(() => this._measure(), 1000);
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this._onVisibility);
    observer?.unobserve(this);
    clearInterval(this._tick);
    this._isOnScreen = false;
    this._leave();
  }

  /** Hold the picture. The end of access still arrives, and still takes the picture away. */
  pause() {
    if (this.state !== "live" && this.state !== "behind") return;
    this._isPausedByUser = true;
    this._connection?.pause();
    this._setState("paused");
  }

  /** Back to live. */
  resume() {
    this._isPausedByUser = false;
    if (this.state !== "paused") return;
    if (this._connection?.isOpen) this._goLive();
    else this._start();
  }

  _build() {
    this._connection = new LiveConnection(() => this._getTicket(), {
      onOpen: () => {
        this._openedAt = performance.now();
        performance.mark("live-view:open", { detail: this.getAttribute("camera") });
      },
      onTrack: (init, segment) => this._begin(init, segment),
      onFragment: (fragment) => this._player?.push(fragment),
      onCamera: (isOnline, since) => this._cameraIs(isOnline, since),
      onRestart: () => this._forgetDelay(),
      onLost: () => this._lost(),
      onRetry: (isTooMany) => this._setState("reconnecting", { why: isTooMany ? "too_many" : "" }),
      onEnded: (ending) => this._end(ending),
    });
    if (this.hasAttribute("controls")) this._controls = new PlayerControls(this);
  }

  _getTicket() {
    const quality = this.getAttribute("quality") ?? "main";
    const batch = this.getAttribute("batch-url");
    return batch
      ? openTicketInBatch(batch, this.getAttribute("camera") ?? "", quality)
      : openTicket(this.getAttribute("ticket-url") ?? "", quality);
  }

  // ── Being looked at ────────────────────────────────────────────────────────────────────────────────────────

  /** @param {boolean} isOnScreen */
  _see(isOnScreen) {
    this._isOnScreen = isOnScreen;
    this._consider();
  }

  _consider() {
    if (this.state === "ended" || this.state === "unsupported") return;
    clearTimeout(this._leaving);
    if (this._isOnScreen && !document.hidden) {
      if (this._isPausedByUser) return;
      if (!this._connection?.isOpen) this._start();
      else if (this.state === "paused") this._goLive();
    } else if (this._connection?.isOpen) {
      if (this.state === "live" || this.state === "behind") {
        this._connection.pause();
        this._setState("paused");
      }
      this._leaving = window.setTimeout(() => this._leave(), LEAVE_AFTER_MS);
    } else {
      this._leave();
    }
  }

  _start() {
    if (this.state === "starting") return;
    this._setState("starting");
    void this._connection?.open();
  }

  _goLive() {
    this._connection?.goLive();
    this._setState(this._frames ? "live" : "starting");
  }

  /** Out of sight: away with socket and picture, whatever may become of the right to it meanwhile. */
  _leave() {
    clearTimeout(this._leaving);
    this._connection?.close();
    this._clear();
    if (this.state && this.state !== "ended" && this.state !== "unsupported") this._setState("paused");
  }

  // ── The stream ─────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * @param {TrackInit} init
   * @param {Uint8Array} segment
   */
  _begin(init, segment) {
    this._init = init;
    this._forgetDelay();
    this._player ??= this._makePlayer();
    if (!this._player) this._cannot();
    else this._player.begin(init, segment);
  }

  _makePlayer() {
    const listener = {
      onFrame: (/** @type {{time: number}} */ shown) => this._shown(shown.time),
      onBehind: () => this._connection?.goLive(),
      onUnplayable: () => this._cannot(),
    };
    const isMse = this._mustUseMse || this.getAttribute("mode") === "mse" || !CanvasPlayer.isPossible;
    if (isMse && !MsePlayer.isPossible) return null;
    this.dataset.mode = isMse ? "mse" : "canvas";
    return isMse ? new MsePlayer(this, listener) : new CanvasPlayer(this, listener);
  }

  /** This player cannot show this codec: the other one may; if not, say so. */
  _cannot() {
    const wasCanvas = this.dataset.mode === "canvas";
    this._clear();
    if (wasCanvas && MsePlayer.isPossible) {
      this._mustUseMse = true;
      this._connection?.close();
      void this._connection?.open();
      return;
    }
    this._connection?.close();
    this._setState("unsupported", { codec: this._init?.codec ?? "" });
  }

  /** @param {number} time  seconds of the track */
  _shown(time) {
    const now = performance.now();
    this._lastFrameAt = now;
    this._frames += 1;
    this.dataset.frames = String(this._frames);
    if (!this.dataset.firstFrameMs) {
      this.dataset.firstFrameMs = (now - this._openedAt).toFixed(1);
      performance.mark("live-view:first-frame", { detail: this.getAttribute("camera") });
    }
    clearTimeout(this._clearing);
    this._clearing = 0;
    this._connection?.settle();
    const behind = this._init ? Date.now() - (this._init.utc_at_zero + time) * 1000 : 0;
    this._leastDelay = Math.min(this._leastDelay, behind);
    this.behindMs = Math.abs(behind) < PLAUSIBLE_MS ? Math.max(0, Math.round(behind)) : null;
    const isLate = behind - this._leastDelay > BEHIND_MS;
    if (!isLate) this._behindSince = 0;
    if (this.state === "starting" || this.state === "reconnecting" || this.state === "offline") this._setState("live");
    else if (this.state === "live" && isLate) this._setState("behind");
    else if (this.state === "behind" && !isLate) this._setState("live");
  }

  _forgetDelay() {
    this._leastDelay = Infinity;
    this._behindSince = 0;
  }

  /** Once a second: figures, and whether the picture still moves. */
  _measure() {
    this.fps = this._frames - this._framesThen;
    this._framesThen = this._frames;
    const now = performance.now();
    const isRunning = this.state === "live" || this.state === "behind";
    if (!isRunning) return;
    if (now - this._lastFrameAt > STALL_MS) this._setState("behind");
    if (this.state === "behind") {
      this._behindSince ||= now;
      // It does not catch up by itself: leave out what is in between.
      if (now - this._behindSince > 2 * BEHIND_MS && now - this._lastFrameAt < STALL_MS) this._connection?.goLive();
    }
    if (this.behindMs !== null) this.dataset.behindMs = String(this.behindMs);
    const detail = { ...this.size, fps: this.fps, behindMs: this.behindMs };
    this._controls?.showStats(detail);
    this.dispatchEvent(new CustomEvent("stats", { detail, bubbles: true }));
  }

  /**
   * @param {boolean} isOnline
   * @param {number} since
   */
  _cameraIs(isOnline, since) {
    if (!isOnline) {
      this._clear();
      this._setState("offline", { since });
    } else if (this.state === "offline") {
      this._setState("starting");
    }
  }

  _lost() {
    if (this.state === "live" || this.state === "behind" || this.state === "paused") this._setState("reconnecting");
    this._clearing ||= window.setTimeout(() => this._clear(), DIM_FOR_MS);
  }

  /** @param {Ending} ending */
  _end(ending) {
    this._clear();
    this._setState("ended", ending);
    if (document.fullscreenElement === this) void document.exitFullscreen();
    this.dispatchEvent(new CustomEvent("ended", { detail: ending, bubbles: true }));
  }

  /** Black, now. No last frame stays anywhere. */
  _clear() {
    clearTimeout(this._clearing);
    this._clearing = 0;
    this._player?.close();
    this._player = null;
    delete this.dataset.firstFrameMs;
    delete this.dataset.behindMs;
    this.behindMs = null;
  }

  /**
   * @param {string} state
   * @param {{why?: string, by?: string, since?: number, codec?: string}} [detail]
   */
  _setState(state, detail = {}) {
    const isNew = this.state !== state;
    this.dataset.state = state;
    if (!isNew && !detail.why) return;
    showStatus(this, state, detail);
    this._controls?.showState(state);
    if (isNew) this.dispatchEvent(new CustomEvent("statechange", { detail: { state }, bubbles: true }));
  }
}

customElements.define("live-view", LiveView);
