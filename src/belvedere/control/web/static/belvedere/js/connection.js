/**
 * The way to a live stream and back to it: ticket, socket, what the server says, and coming back when it breaks.
 *
 * It comes back by itself, with a new ticket, from everything that may pass; never from 4403 and 4404, and never when
 * the ticket itself is refused: access ended.
 */

import { TicketRefused } from "belvedere/tickets";
import { isInitSegment } from "belvedere/fmp4";

/** @typedef {import("belvedere/canvas-player").TrackInit} TrackInit */

/**
 * @typedef {object} Ending
 * @property {number} code    close code, or HTTP status of a refused ticket
 * @property {string} why     a stable word: revoked, left, expired, signed_out, not_found, …
 * @property {string} by      the name of who ended it, "" where unknown
 */

/**
 * @typedef {object} Listener
 * @property {() => void} onOpen                                  the socket is open
 * @property {(init: TrackInit, segment: Uint8Array) => void} onTrack   a run of the track begins
 * @property {(fragment: Uint8Array) => void} onFragment
 * @property {(init: TrackInit, segment: Uint8Array) => void} onSound   a run of the sound begins
 * @property {(fragment: Uint8Array) => void} onSoundPiece
 * @property {(utcAtZero: number) => void} onSoundClock
 * @property {() => void} onListenEnded                           the right to the sound is gone, that to the picture is not
 * @property {(isOnline: boolean, since: number) => void} onCamera   the camera itself; `since` in seconds of UTC
 * @property {() => void} onRestart                               what comes next begins at a key frame again
 * @property {(utc: number) => void} onAt                         what comes next was ordered: it begins at this instant
 * @property {(utcAtZero: number) => void} onClock                 from here on the track's beginning is this instant
 * @property {(from: number, to: number) => void} onGap           between these instants there is no footage; on behind it
 * @property {(isEnd: boolean) => void} onEdge                     there is no later footage; or no earlier
 * @property {() => void} onNow                                   the footage ran into now: what comes next is live
 * @property {() => void} onPlaybackEnded                         the right to the past is gone, that to now is not
 * @property {(utc: number, jpeg: Uint8Array<ArrayBuffer>) => void} onPreview   a small picture of that instant
 * @property {(message: any) => void} onPtz                        about moving the camera: what it can, who does, why not
 * @property {() => void} onLost                                  the way is broken; it will be tried again
 * @property {(isTooMany: boolean) => void} onRetry               about to try again
 * @property {(ending: Ending) => void} onEnded                   over, for good
 */

const ENDED = 4403;
const NOT_FOUND = 4404;
const TOO_MANY = 4429;
const FIRST_DELAY_MS = 200;
const LAST_DELAY_MS = 5000;
const TOO_MANY_DELAY_MS = 10_000;
/** Where a track's number stands: sound; a small picture of the past. */
const SOUND = 1;
const PREVIEW = 254;

export class LiveConnection {
  /**
   * @param {() => Promise<string>} getTicket  resolves to the socket's address
   * @param {Listener} listener
   */
  constructor(getTicket, listener) {
    this._getTicket = getTicket;
    this._listener = listener;
    /** @type {WebSocket | null} */
    this._socket = null;
    /** @type {TrackInit | null} */
    this._init = null;
    /** @type {TrackInit | null} */
    this._sound = null;
    this._attempts = 0;
    this._timer = 0;
    this._order = 0;
    this._isWaitingForAt = false;
    this._previews = 0;
    /** Of the preview that comes next. */
    this._previewed = 0;
    /** Grows with every opening and closing, so that late answers know that they are late. */
    this._turn = 0;
  }

  get isOpen() {
    return this._socket !== null;
  }

  /** Ask for a ticket and connect. */
  async open() {
    const turn = ++this._turn;
    clearTimeout(this._timer);
    /** @type {string} */
    let url;
    try {
      url = await this._getTicket();
    } catch (error) {
      if (turn === this._turn) this._refused(error);
      return;
    }
    if (turn === this._turn) this._connect(url, turn);
  }

  /** Go away: the server stops at once, and whoever looks at the list of viewers sees that. */
  close() {
    this._turn += 1;
    clearTimeout(this._timer);
    this._socket?.close(1000);
    this._forget();
  }

  /** Stay, but be sent nothing. The end of access still arrives. */
  pause() {
    this._say({ type: "pause" });
  }

  /** Be sent the newest key frame and what follows. */
  goLive() {
    this._sayInTurn({ type: "live" });
    this._listener.onRestart();
  }

  /** Be sent what was recorded from this instant on. @param {number} to  seconds since the epoch */
  seek(to) {
    this._sayInTurn({ type: "seek", to });
  }

  /**
   * One picture on, or one key frame back, and stand there.
   * @param {number} by    1 or -1
   * @param {number} from  the instant that is shown
   */
  step(by, from) {
    this._sayInTurn({ type: "step", by, from });
  }

  /** Go on at this pace. @param {number} x  times as fast as it was */
  setSpeed(x) {
    this._say({ type: "speed", x });
  }

  /** Go back from key frame to key frame. @param {number} x  times as fast as it was */
  reverse(x) {
    this._sayInTurn({ type: "reverse", x });
  }

  /** Ask for a small picture of this instant; what is shown goes on. @param {number} to */
  preview(to) {
    this._previews += 1;
    this._say({ type: "preview", n: this._previews, to });
  }

  /** Be sent the sound of now, too, or not any more; that of the past comes with its pictures. @param {boolean} on */
  listen(on) {
    this._say({ type: "listen", on });
  }

  /** Move the camera; without an order, ask what it can. @param {object} order */
  ptz(order) {
    this._say({ type: "ptz", ...order });
  }

  /** Go on after a pause in the past. */
  play() {
    this._say({ type: "play" });
  }

  /** A picture came: the next break starts with the shortest delay again. */
  settle() {
    this._attempts = 0;
  }

  /** What is on its way meanwhile is of before, and dropped. @param {object} order */
  _sayInTurn(order) {
    this._order += 1;
    this._isWaitingForAt = true;
    this._say({ ...order, n: this._order });
  }

  /** @param {object} order */
  _say(order) {
    if (this._socket?.readyState === WebSocket.OPEN) this._socket.send(JSON.stringify(order));
  }

  /**
   * @param {string} url
   * @param {number} turn
   */
  _connect(url, turn) {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this._socket = socket;
    socket.onopen = () => this._listener.onOpen();
    socket.onmessage = (event) => {
      if (turn === this._turn) this._hear(event.data);
    };
    socket.onclose = (event) => {
      if (turn === this._turn) this._closed(event.code, event.reason);
    };
  }

  /** @param {string | ArrayBuffer} data */
  _hear(data) {
    if (typeof data === "string") {
      this._obey(JSON.parse(data));
      return;
    }
    const bytes = new Uint8Array(data);
    if (bytes[0] === PREVIEW) {
      this._listener.onPreview(this._previewed, bytes.subarray(1));
      return;
    }
    const payload = bytes.subarray(1);
    if (bytes[0] === SOUND) this._hearSound(payload);
    if (this._isWaitingForAt || !this._init || bytes[0] !== this._init.track) return;
    if (isInitSegment(payload)) this._listener.onTrack(this._init, payload);
    else this._listener.onFragment(payload);
  }

  /** @param {Uint8Array} payload */
  _hearSound(payload) {
    if (!this._sound) return;
    // What introduces it is said once, whatever was ordered meanwhile.
    if (isInitSegment(payload)) this._listener.onSound(this._sound, payload);
    else if (!this._isWaitingForAt) this._listener.onSoundPiece(payload);
  }

  /** @param {any} message  unknown types and fields are from a newer server: not our business */
  _obey(message) {
    switch (message.type) {
      case "init":
        if (message.kind === "video") this._init = message;
        else if (message.track === SOUND) this._sound = message;
        break;
      case "at":
        if (message.n !== this._order) break;
        this._isWaitingForAt = false;
        this._listener.onAt(message.utc);
        break;
      case "preview":
        this._previewed = message.utc ?? 0;
        break;
      case "camera":
        this._listener.onCamera(message.state === "online", message.since ?? 0);
        break;
      case "lag":
        this._listener.onRestart();
        break;
      case "gap":
        if (!this._isWaitingForAt) this._listener.onGap(message.from ?? 0, message.to ?? 0);
        break;
      case "clock":
        if (message.track === SOUND) {
          this._listener.onSoundClock(message.utc_at_zero);
          break;
        }
        if (this._init && message.track === this._init.track) this._init = { ...this._init, utc_at_zero: message.utc_at_zero };
        if (!this._isWaitingForAt) this._listener.onClock(message.utc_at_zero);
        break;
      case "ptz":
        this._listener.onPtz(message);
        break;
      case "refused":
        if (message.what === "ptz") {
          this._listener.onPtz(message);
          break;
        }
        if (message.what === "listen") this._listener.onListenEnded();
        if (message.n !== this._order) break;
        this._isWaitingForAt = false;
        if (message.what === "playback") this._listener.onPlaybackEnded();
        else this._listener.onCamera(false, 0);
        break;
      case "end_of_footage":
      case "start_of_footage":
        if (!this._isWaitingForAt) this._listener.onEdge(message.type === "end_of_footage");
        break;
      case "live":
        if (!this._isWaitingForAt) this._listener.onNow();
        break;
      case "ended":
        if (message.what === "playback") this._listener.onPlaybackEnded();
        else if (message.what === "listen") this._listener.onListenEnded();
        else if (message.what === "ptz") this._listener.onPtz(message);
        break;
      case "rights":
        // More right is opened anew; the picture at hand stays until then.
        this.close();
        void this.open();
        break;
      case "end":
        this._end({ code: ENDED, why: message.why ?? "", by: message.by ?? "" });
        break;
      default:
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  _closed(code, reason) {
    this._forget();
    if (code === ENDED || code === NOT_FOUND) {
      const said = parse(reason);
      this._end({ code, why: said.why || (code === NOT_FOUND ? "not_found" : ""), by: said.by || "" });
      return;
    }
    this._listener.onLost();
    this._retry(code === TOO_MANY ? TOO_MANY_DELAY_MS : 0);
  }

  /** @param {unknown} error */
  _refused(error) {
    if (!(error instanceof TicketRefused)) throw error;
    if (error.status === 401) this._end({ code: 401, why: "signed_out", by: "" });
    else if (error.code === "switched_off") this._end({ code: error.status, why: "disabled", by: "" });
    else if (error.status === 403 || error.status === 404) this._end({ code: error.status, why: error.code, by: "" });
    else {
      this._listener.onLost();
      this._retry(error.retryAfter * 1000 || (error.status === 429 ? TOO_MANY_DELAY_MS : 0));
    }
  }

  /** @param {number} atLeast  milliseconds */
  _retry(atLeast) {
    const delay = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** this._attempts);
    this._attempts += 1;
    // Jitter: a server that comes back must not meet everybody at once.
    this._timer = window.setTimeout(() => {
      this._listener.onRetry(atLeast > 0);
      void this.open();
    }, Math.max(atLeast, delay * (0.5 + Math.random() / 2)));
  }

  /** @param {Ending} ending */
  _end(ending) {
    // First of all the picture: whatever else there is to do comes after it.
    this._listener.onEnded(ending);
    this.close();
  }

  _forget() {
    this._socket = null;
    this._init = this._sound = null;
    this._isWaitingForAt = false;
  }
}

/**
 * The reason in a close frame: `{"why", "by"}`.
 * @param {string} reason
 * @returns {{why?: string, by?: string}}
 */
function parse(reason) {
  try {
    return JSON.parse(reason) ?? {};
  } catch {
    return {};
  }
}
