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
 * picture of the past, `gap` {from, to}, `edge` {isEnd}, `socketopen`, `ptz` {…} with what is said of moving the camera,
 * once `playbackended`, and, once, `ended` {code, why, by}. What it says of its sound stands in `listening`.
 */

import { CanvasPlayer } from "belvedere/canvas-player";
import { LiveConnection } from "belvedere/connection";
import { MsePlayer } from "belvedere/mse-player";
import { isoOf } from "belvedere/coverage";
import { Listening } from "belvedere/listening";
import { Past } from "belvedere/past";
import { PlayerControls, showStatus } from "belvedere/player-parts";
import { Pulse } from "belvedere/pulse";
import { Sight } from "belvedere/sight";
import { openTicket, openTicketInBatch } from "belvedere/tickets";
import { NOW_S } from "belvedere/time-scale";

/** @typedef {import("belvedere/canvas-player").TrackInit} TrackInit */
/** @typedef {import("belvedere/connection").Ending} Ending */

/** Out of sight for so long, the socket is closed: nobody is watching, and nobody should read that somebody is. */
const LEAVE_AFTER_MS = 5000;
/** A picture that cannot be confirmed is shown no longer than this: a lease would not outlive it either. */
const DIM_FOR_MS = 10_000;

const RUNNING = new Set(["live", "behind", "seeking", "playing"]);
const WAITING = new Set(["starting", "reconnecting", "offline", "seeking", "playing"]);
const SHOWING = new Set(["live", "behind", "seeking", "playing", "paused"]);

export class LiveView extends HTMLElement {
  constructor() {
    super();
    /** @type {CanvasPlayer | MsePlayer | null} */
    this.player = null;
    this.connection = this._connect();
    this._past = new Past(this);
    this.listening = new Listening(this);
    this._sight = new Sight(this, () => this._consider());
    this._pulse = new Pulse();
    /** @type {PlayerControls | null} */
    this._controls = null;
    /** What is shown. @type {TrackInit | null} */
    this.run = null;
    /** @type {number | null} */
    this._offlineSince = null;
    this._isPausedByUser = false;
    this._openedAt = 0;
    this._mustUseMse = false;
    this._tick = 0;
    this._leaving = 0;
    this._clearing = 0;
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
    this._sight.begin();
    this._tick = window.setInterval(() => this._measure(), 1000);
  }

  disconnectedCallback() {
    this._sight.end();
    clearInterval(this._tick);
    this.listening.turn(false);
    this._leave();
  }

  /** Hold the picture. The end of access still arrives, and still takes the picture away. */
  pause() {
    if (!RUNNING.has(this.state)) return;
    this._hold();
    this._isPausedByUser = true;
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
        this.listening.begin();
        this.tell("socketopen", {});
      },
      onTrack: (init, segment) => {
        this.listening.offer(init.sound === true);
        this._past.introduce(init, () => this._begin(init, segment));
      },
      onFragment: (fragment) => this._past.receive(fragment),
      onSound: (init, segment) => this.listening.introduce(init, segment),
      onSoundPiece: (fragment) => this.listening.receive(fragment, this._past),
      onSoundClock: (utcAtZero) => this.listening.setClock(utcAtZero),
      onListenEnded: () => this.listening.withdraw(),
      onAt: (utc) => this._past.arrive(utc),
      onClock: (utcAtZero) => this._past.setClock(utcAtZero),
      onGap: (from, to) => this._past.gap(from, to),
      onEdge: (isEnd) => this._past.edge(isEnd),
      onNow: () => this._past.runIntoNow(),
      onPreview: (utc, jpeg) => this.tell("preview", { utc, jpeg }),
      onPlaybackEnded: () => this._endPlayback(),
      onCamera: (isOnline, since) => this._cameraIs(isOnline, since),
      onRestart: () => this._pulse.forget(),
      onPtz: (message) => this.tell("ptz", message),
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

  _consider() {
    if (this.state === "ended" || this.state === "unsupported") return;
    clearTimeout(this._leaving);
    if (this._sight.isSeen) {
      if (this._past.isOn && !this.connection.isOpen) {
        this._past.hold(this._isPausedByUser);
        this.start();
      } else if (this._isPausedByUser || (this.isPastOnly && !this._past.isOn)) return;
      else if (!this.connection.isOpen) this.start();
      else if (this.state === "paused") this.resume();
    } else if (this.connection.isOpen) {
      if (RUNNING.has(this.state)) this._hold();
      this._leaving = window.setTimeout(() => this._leave(), LEAVE_AFTER_MS);
    } else {
      this._leave();
    }
  }

  _hold() {
    if (this._past.isOn) this._past.hold(true);
    else this.connection.pause();
    this.listening.silence();
    this.setState("paused");
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
    this._pulse.forget();
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
    this._pulse.beat();
    this.dataset.frames = String(this._pulse.frames);
    if (!this.dataset.firstFrameMs) {
      this.dataset.firstFrameMs = (performance.now() - this._openedAt).toFixed(1);
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
    const isLate = this.run !== null && this._pulse.isLate(this.run.utc_at_zero + time);
    if (WAITING.has(this.state)) this.setState("live");
    else if (this.state === "live" && isLate) this.setState("behind");
    else if (this.state === "behind" && !isLate) this.setState("live");
  }

  /** Once a second: figures, and whether the picture still moves. */
  _measure() {
    this._pulse.count();
    this.listening.measure();
    if (this.state !== "live" && this.state !== "behind") return;
    if (this._pulse.hasStalled) this.setState("behind");
    // It does not catch up by itself: leave out what is in between.
    if (this.state === "behind" && this._pulse.staysBehind) this.connection.goLive();
    const { fps, behindMs } = this._pulse;
    if (behindMs !== null) this.dataset.behindMs = String(behindMs);
    const detail = { ...this.size, fps, behindMs };
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
    this._pulse.behindMs = null;
    this.listening.clear();
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
