/**
 * `<live-view>`: one camera, live; and its past, where one may see it.
 *
 *   camera, name    id and name of the camera
 *   quality         main | sub
 *   ticket-url      where a ticket for this camera is POSTed for
 *   batch-url       instead of it: where the tickets of all tiles are asked for together
 *   mode            "mse" forces Media Source Extensions
 *   controls        show pause, live mark, figures, full screen
 *   playback        the past may be played: `seek`, `drag`, `step`, `setSpeed`, `goLive`
 *   past-only       there is nothing live to see: it waits for the first `seek`
 *
 * For tests and styles it carries `data-state` (starting, live, behind, seeking, playing, paused, reconnecting, offline,
 * ended, unsupported), `data-mode` (canvas, mse), `data-frames`, `data-first-frame-ms` (since the socket opened),
 * `data-behind-ms`; in the past `data-past`, and `data-at`, the instant of the picture in seconds since the epoch. It
 * dispatches `statechange` {state}, `stats` {width, height, fps, behindMs} each second, `instant` {utc | null} with each
 * picture of the past, `gap` {from, to}, `edge` {isEnd}, once `playbackended`, and, once, `ended` {code, why, by}.
 */

import { CanvasPlayer } from "belvedere/canvas-player";
import { LiveConnection } from "belvedere/connection";
import { MsePlayer } from "belvedere/mse-player";
import { isoOf } from "belvedere/coverage";
import { Past } from "belvedere/past";
import { PlayerControls, showStatus } from "belvedere/player-parts";
import { openTicket, openTicketInBatch } from "belvedere/tickets";

/** @typedef {import("belvedere/canvas-player").TrackInit} TrackInit */
/** @typedef {import("belvedere/connection").Ending} Ending */

/** Out of sight for so long, the socket is closed: nobody is watching, and nobody should read that somebody is. */
const LEAVE_AFTER_MS = 5000;
/** A picture that cannot be confirmed is shown no longer than this: a lease would not outlive it either. */
const DIM_FOR_MS = 10_000;
const STALL_MS = 3000;
const BEHIND_MS = 1500;
/** Nearer to now than this there is nothing recorded yet: that is live. */
const NOW_S = 2;
/** Clocks further apart than this say nothing about delay. */
const PLAUSIBLE_MS = 60_000;

const RUNNING = new Set(["live", "behind", "seeking", "playing"]);
const WAITING = new Set(["starting", "reconnecting", "offline", "seeking", "playing"]);
const SHOWING = new Set(["live", "behind", "seeking", "playing", "paused"]);

/** Tiles share one observer. @type {IntersectionObserver | null} */
let observer = null;

export class LiveView extends HTMLElement {
  constructor() {
    super();
    /** @type {CanvasPlayer | MsePlayer | null} */
    this.player = null;
    this.connection = this._connect();
    this._past = new Past(this);
    /** @type {PlayerControls | null} */
    this._controls = null;
    /** What is shown. @type {TrackInit | null} */
    this.run = null;
    /** @type {number | null} */
    this._offlineSince = null;
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

  /** The instant that is shown, seconds since the epoch; null: now. */
  get at() {
    return this._past.isOn ? this._past.at : null;
  }

  /** Times as fast as it was; negative: backwards. */
  get speed() {
    return this._past.speed;
  }

  get isPastOnly() {
    return this.hasAttribute("past-only");
  }

  /** What is shown: width and height of the picture, in pixels. */
  get size() {
    return this.run ? { width: this.run.width, height: this.run.height } : null;
  }

  connectedCallback() {
    if (this.hasAttribute("controls")) this._controls ??= new PlayerControls(this);
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
    if (!RUNNING.has(this.state)) return;
    if (this._past.isOn) this._past.hold(true);
    else this.connection.pause();
    this._isPausedByUser = true;
    this.setState("paused");
  }

  /** On from here in the past; else back to live. */
  resume() {
    this._isPausedByUser = false;
    if (this.state !== "paused") return;
    if (this._past.isOn) this._past.hold(false);
    if (!this.connection.isOpen) this.start();
    else if (this._past.isOn) this.setState("playing");
    else this._followLive();
  }

  /** Play from an instant on. @param {number} to  seconds since the epoch */
  seek(to) {
    if (this._isNow(to)) this.goLive();
    else if (this._mayLookBack) this._past.seek(to);
  }

  /** Ask for a small picture of an instant: `preview` {utc, jpeg} brings it. @param {number} to */
  preview(to) {
    if (this._mayLookBack && this.connection.isOpen) this.connection.preview(to);
  }

  /** Show an instant while a hand drags. @param {number} to */
  drag(to) {
    if (this._isNow(to)) this.goLive();
    else if (this._mayLookBack) this._past.drag(to);
  }

  /** One picture on, or one key frame back. @param {number} by */
  step(by) {
    if (!this._past.isOn || !this.connection.isOpen) return;
    this._past.step(by);
    this._isPausedByUser = true;
    this.setState("paused");
  }

  /** @param {number} speed  1 to 16; negative: backwards, by key frames */
  setSpeed(speed) {
    if (!this._past.isOn || !this.connection.isOpen) return;
    this._past.setSpeed(speed);
    this._isPausedByUser = false;
    if (this.state === "paused") this.setState("playing");
  }

  /** What is now. */
  goLive() {
    if (!this._past.isOn || this.isPastOnly) return;
    this._past.leave();
    this._isPausedByUser = false;
    if (this._offlineSince !== null) {
      this._clear();
      this.connection.goLive();
      this.setState("offline", { since: this._offlineSince });
    } else if (this.connection.isOpen) {
      this._followLive();
      // The last picture of the past stays until the first of now.
      this.setState("seeking");
    } else {
      this.start();
    }
  }

  get _mayLookBack() {
    return this.hasAttribute("playback") && this.state !== "ended" && this.state !== "unsupported";
  }

  /** Whether there is nothing recorded yet of this instant. @param {number} at */
  _isNow(at) {
    return at > Date.now() / 1000 - NOW_S && !this.isPastOnly;
  }

  /** Nothing of the past stays on the screen of whom it is no longer for. */
  _endPlayback() {
    if (this._past.isOn) {
      this._clear();
      this._past.leave();
      this._isPausedByUser = false;
      this.setState("starting");
    }
    this.removeAttribute("playback");
    this.tell("playbackended", {});
  }

  _connect() {
    return new LiveConnection(() => this._getTicket(), {
      onOpen: () => {
        this._openedAt = performance.now();
        performance.mark("live-view:open", { detail: this.getAttribute("camera") });
        this._past.begin();
      },
      onTrack: (init, segment) => this._past.introduce(init, () => this._begin(init, segment)),
      onFragment: (fragment) => this._past.receive(fragment),
      onAt: (utc) => this._past.arrive(utc),
      onClock: (utcAtZero) => this._past.setClock(utcAtZero),
      onGap: (from, to) => this._past.gap(from, to),
      onEdge: (isEnd) => this._past.edge(isEnd),
      onNow: () => this._past.runIntoNow(),
      onPreview: (utc, jpeg) => this.tell("preview", { utc, jpeg }),
      onPlaybackEnded: () => this._endPlayback(),
      onCamera: (isOnline, since) => this._cameraIs(isOnline, since),
      onRestart: () => this._forgetDelay(),
      onLost: () => this._lost(),
      onRetry: (isTooMany) => this.setState("reconnecting", { why: isTooMany ? "too_many" : "" }),
      onEnded: (ending) => this._end(ending),
    });
  }

  _getTicket() {
    const quality = this.getAttribute("quality") ?? "main";
    const batch = this.getAttribute("batch-url");
    if (batch) return openTicketInBatch(batch, this.getAttribute("camera") ?? "", quality);
    const url = this.getAttribute("ticket-url") ?? "";
    return this.isPastOnly
      ? openTicket(url, { kind: "playback", quality, from: isoOf(this._past.at) })
      : openTicket(url, { kind: "live", quality });
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
      if (this._past.isOn && !this.connection.isOpen) {
        this._past.hold(this._isPausedByUser);
        this.start();
      } else if (this._isPausedByUser || (this.isPastOnly && !this._past.isOn)) return;
      else if (!this.connection.isOpen) this.start();
      else if (this.state === "paused") this.resume();
    } else if (this.connection.isOpen) {
      if (RUNNING.has(this.state)) {
        if (this._past.isOn) this._past.hold(true);
        else this.connection.pause();
        this.setState("paused");
      }
      this._leaving = window.setTimeout(() => this._leave(), LEAVE_AFTER_MS);
    } else {
      this._leave();
    }
  }

  start() {
    if (this.state === "starting") return;
    this.setState("starting");
    void this.connection.open();
  }

  _followLive() {
    this.connection.goLive();
    this.setState(this.player ? "live" : "starting");
  }

  /** Out of sight: away with socket and picture, whatever may become of the right to it meanwhile. */
  _leave() {
    clearTimeout(this._leaving);
    this.connection.close();
    this._clear();
    if (this.state && this.state !== "ended" && this.state !== "unsupported") this.setState("paused");
  }

  // ── The stream ─────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * @param {TrackInit} init
   * @param {Uint8Array} segment
   */
  _begin(init, segment) {
    this.run = init;
    this._forgetDelay();
    this.player ??= this._makePlayer();
    if (!this.player) this._cannot();
    else this.player.begin(init, segment, this._past.hiddenBefore(init));
  }

  _makePlayer() {
    const listener = {
      onFrame: (/** @type {{time: number}} */ shown) => this._shown(shown.time),
      onBehind: () => this._catchUp(),
      onUnplayable: () => this._cannot(),
    };
    const isMse = this._mustUseMse || this.getAttribute("mode") === "mse" || !CanvasPlayer.isPossible;
    if (isMse && !MsePlayer.isPossible) return null;
    this.dataset.mode = isMse ? "mse" : "canvas";
    return isMse ? new MsePlayer(this, listener) : new CanvasPlayer(this, listener);
  }

  /** The player lost its place: from a key frame on. */
  _catchUp() {
    if (this._past.isOn) this._past.seek(this._past.at);
    else this.connection.goLive();
  }

  /** This player cannot show this codec: the other one may; if not, say so. */
  _cannot() {
    const wasCanvas = this.dataset.mode === "canvas";
    this._clear();
    if (wasCanvas && MsePlayer.isPossible) {
      this._mustUseMse = true;
      this.connection.close();
      void this.connection.open();
      return;
    }
    this.connection.close();
    this.setState("unsupported", { codec: this.run?.codec ?? "" });
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
    this.connection.settle();
    if (this._past.isOn && this.run) {
      const utc = this.run.utc_at_zero + time;
      this._past.shown(utc);
      this._controls?.showInstant(utc);
      return;
    }
    const behind = this.run ? Date.now() - (this.run.utc_at_zero + time) * 1000 : 0;
    this._leastDelay = Math.min(this._leastDelay, behind);
    this.behindMs = Math.abs(behind) < PLAUSIBLE_MS ? Math.max(0, Math.round(behind)) : null;
    const isLate = behind - this._leastDelay > BEHIND_MS;
    if (!isLate) this._behindSince = 0;
    if (WAITING.has(this.state)) this.setState("live");
    else if (this.state === "live" && isLate) this.setState("behind");
    else if (this.state === "behind" && !isLate) this.setState("live");
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
    if (now - this._lastFrameAt > STALL_MS) this.setState("behind");
    if (this.state === "behind") {
      this._behindSince ||= now;
      // It does not catch up by itself: leave out what is in between.
      if (now - this._behindSince > 2 * BEHIND_MS && now - this._lastFrameAt < STALL_MS) this.connection.goLive();
    }
    if (this.behindMs !== null) this.dataset.behindMs = String(this.behindMs);
    const detail = { ...this.size, fps: this.fps, behindMs: this.behindMs };
    this._controls?.showStats(detail);
    this.tell("stats", detail);
  }

  /**
   * @param {boolean} isOnline
   * @param {number} since
   */
  _cameraIs(isOnline, since) {
    this._offlineSince = isOnline ? null : since;
    // What was recorded plays on.
    if (this._past.isOn) return;
    if (!isOnline) {
      this._clear();
      this.setState("offline", { since });
    } else if (this.state === "offline") {
      this.setState("starting");
    }
  }

  _lost() {
    if (SHOWING.has(this.state)) this.setState("reconnecting");
    this._clearing ||= window.setTimeout(() => this._clear(), DIM_FOR_MS);
  }

  /** @param {Ending} ending */
  _end(ending) {
    this._clear();
    this.setState("ended", ending);
    if (document.fullscreenElement === this) void document.exitFullscreen();
    this.tell("ended", ending);
  }

  /** Black, now. No last frame stays anywhere. */
  _clear() {
    clearTimeout(this._clearing);
    this._clearing = 0;
    this.player?.close();
    this.player = null;
    delete this.dataset.firstFrameMs;
    delete this.dataset.behindMs;
    this.behindMs = null;
  }

  /**
   * @param {string} state
   * @param {{why?: string, by?: string, since?: number, codec?: string}} [detail]
   */
  setState(state, detail = {}) {
    const isNew = this.state !== state;
    this.dataset.state = state;
    if (!isNew && !detail.why) return;
    showStatus(this, state, detail);
    this._controls?.showState(state);
    if (isNew) this.tell("statechange", { state });
  }

  /** @param {string} name @param {object} detail */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

customElements.define("live-view", LiveView);
