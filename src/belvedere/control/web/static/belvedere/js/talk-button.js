/**
 * `<talk-button>`: hold to talk through a camera. Pointer or space bar for as long as it is held; Enter turns it on and off.
 *
 *   ticket-url   the camera's `…/tickets`
 *   worklet      address of talk-worklet.js
 *
 * Inside, all of it written by the server: the `<button>` with `[data-label]`, and `[data-words]`, whose data attributes
 * are what to say. It carries `data-state` (rest, connecting, speaking, refused), and `--level` (0…1) while it is spoken.
 * `talkstate` {state} tells others: who talks may want the camera's own sound less loud.
 *
 * The microphone is open while the button is held, and no longer. What is late is dropped here, too.
 */

import { openTicket, TicketRefused } from "belvedere/tickets";
import { Microphone } from "belvedere/talk-microphone";

/** @typedef {"rest" | "connecting" | "speaking" | "refused"} State */

/** 0.3 s of sound: more is not sent late, but left out. */
const MOST_WAITING = 4800;
/** The server says the rest of it, and then closes. */
const CLOSE_WITHIN_MS = 2000;
/** A touch is no hold: whoever lets go at once is told how it is done. */
const TAP_MS = 400;

/** Close codes after which the right is gone. */
const GONE = new Set([4403, 4404]);
/** Words of ours for what the camera did; all others are "unreachable". */
const CAMERA = /** @type {Record<string, string>} */ ({
  no_backchannel: "noBackchannel",
  unsupported_codec: "noBackchannel",
  camera_busy: "cameraBusy",
  wrong_password: "wrongPassword",
});

export class TalkButton extends HTMLElement {
  constructor() {
    super();
    /** @type {WebSocket | null} */
    this._socket = null;
    /** @type {Microphone | null} */
    this._microphone = null;
    /** Rises whenever talking begins or ends: what finds another number has nothing to say any more. */
    this._turn = 0;
    this._pressedAt = 0;
    /** Who is talking already, as the server said just before it closed. */
    this._holder = /** @type {string | null} */ (null);
    this._end = () => this.end();
    this._onHidden = () => {
      if (document.hidden) this.end();
    };
  }

  /** @returns {State} */
  get state() {
    return /** @type {State} */ (this.dataset.state ?? "rest");
  }

  connectedCallback() {
    this._enter("rest");
    const button = this._button;
    button.hidden = false;
    if (!Microphone.isThere) {
      this._refuse("insecure");
      button.setAttribute("aria-disabled", "true");
      return;
    }
    button.addEventListener("pointerdown", (event) => this._press(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(name, this._end);
    button.addEventListener("keydown", (event) => this._keyDown(event));
    button.addEventListener("keyup", (event) => {
      if (event.key === " ") this.end();
    });
    // A long touch asks for no menu here.
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    document.addEventListener("visibilitychange", this._onHidden);
    window.addEventListener("pagehide", this._end);
  }

  disconnectedCallback() {
    this.end();
    document.removeEventListener("visibilitychange", this._onHidden);
    window.removeEventListener("pagehide", this._end);
  }

  /** Open the microphone, ask for a ticket, and speak as soon as the camera listens. */
  async begin() {
    if (this.state === "connecting" || this.state === "speaking") return;
    const turn = ++this._turn;
    this._pressedAt = performance.now();
    this._holder = null;
    this._enter("connecting");
    const microphone = new Microphone(this.getAttribute("worklet") ?? "", (pcm, level) => this._sound(pcm, level));
    this._microphone = microphone;
    // First the microphone: while a browser asks its question, nobody else should be kept from talking.
    const missing = await microphone.open();
    if (turn !== this._turn) {
      microphone.close();
      return;
    }
    if (missing) {
      this._refuse(`microphone-${missing}`);
      return;
    }
    try {
      const url = await openTicket(this.getAttribute("ticket-url") ?? "", { kind: "talk" });
      if (turn === this._turn) this._connect(url, turn);
    } catch (error) {
      if (turn === this._turn) this._refuseTicket(error);
    }
  }

  /** Let go: what was said is still heard, nothing more is. */
  end() {
    const was = this.state;
    if (was !== "connecting" && was !== "speaking") return;
    this._turn += 1;
    this._release();
    const socket = this._socket;
    this._socket = null;
    if (socket) {
      if (was === "speaking" && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "end" }));
      else socket.close(1000);
      setTimeout(() => socket.close(1000), CLOSE_WITHIN_MS);
    }
    const isTap = was === "connecting" && performance.now() - this._pressedAt < TAP_MS;
    this._enter("rest", isTap ? "hint" : "");
  }

  /** @param {PointerEvent} event */
  _press(event) {
    if (event.button !== 0) return;
    this._button.setPointerCapture(event.pointerId);
    void this.begin();
  }

  /** @param {KeyboardEvent} event */
  _keyDown(event) {
    if (event.key !== " " && event.key !== "Enter") return;
    // Neither a click nor a page that scrolls.
    event.preventDefault();
    if (event.repeat) return;
    if (event.key === "Enter" && (this.state === "connecting" || this.state === "speaking")) this.end();
    else void this.begin();
  }

  /**
   * @param {string} url
   * @param {number} turn
   */
  _connect(url, turn) {
    const socket = new WebSocket(url);
    this._socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "begin", rate: 8000 }));
    socket.onmessage = ({ data }) => {
      if (turn !== this._turn || typeof data !== "string") return;
      const message = JSON.parse(data);
      if (message.type === "ready") this._enter("speaking");
      else if (message.type === "busy") this._holder = message.holder;
    };
    socket.onclose = ({ code, reason }) => {
      if (turn === this._turn) this._closed(code, reason);
    };
  }

  /**
   * @param {ArrayBuffer} pcm
   * @param {number} level
   */
  _sound(pcm, level) {
    const socket = this._socket;
    this.style.setProperty("--level", level.toFixed(2));
    if (this.state === "speaking" && socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < MOST_WAITING) socket.send(pcm);
  }

  /**
   * The server ended it.
   * @param {number} code
   * @param {string} reason
   */
  _closed(code, reason) {
    /** @type {{why?: string, by?: string}} */
    let said = {};
    try {
      said = JSON.parse(reason);
    } catch {
      // Not every end has a reason.
    }
    if (GONE.has(code)) this._leave(said.by ?? "");
    else if (code === 4409) this._refuse(this._holder ? "busyBy" : "busy", this._holder ?? "");
    else if (code === 4424) this._refuse(CAMERA[said.why ?? ""] ?? "unreachable");
    else if (code === 4429) this._refuse("tooMany");
    else if (said.why === "too_long") this._refuse("tooLong");
    else if (code === 1000) this._refuse("");
    else this._refuse("broken");
  }

  /** @param {unknown} error */
  _refuseTicket(error) {
    const status = error instanceof TicketRefused ? error.status : 0;
    if (status === 403 || status === 404) this._leave("");
    else if (error instanceof TicketRefused && error.words) this._say(error.words, "refused");
    else this._refuse(status === 429 ? "tooMany" : "broken");
  }

  /** The right is gone, and the button with it: one sentence says so. @param {string} by */
  _leave(by) {
    this._refuse(by ? "endedBy" : "ended", by);
    this._button.remove();
  }

  /**
   * Not now, and why.
   * @param {string} key   of the words; "" has none
   * @param {string} name  to fill in
   */
  _refuse(key, name = "") {
    this._say(key ? this._word(key, name) : "", key ? "refused" : "rest");
  }

  /**
   * @param {string} words
   * @param {State} state
   */
  _say(words, state) {
    this._turn += 1;
    this._release();
    this._socket?.close(1000);
    this._socket = null;
    this._enter(state);
    this._words.textContent = words;
  }

  _release() {
    this._microphone?.close();
    this._microphone = null;
    this.style.removeProperty("--level");
  }

  /**
   * @param {State} state
   * @param {string} [key]  words beside it
   */
  _enter(state, key = "") {
    this.dataset.state = state;
    const label = this.querySelector("[data-label]");
    if (label) label.textContent = this._word(state === "refused" ? "rest" : state);
    this._button?.setAttribute("aria-pressed", String(state === "connecting" || state === "speaking"));
    this._words.textContent = key ? this._word(key) : "";
    this.dispatchEvent(new CustomEvent("talkstate", { bubbles: true, detail: { state } }));
  }

  /**
   * @param {string} key
   * @param {string} [name]
   */
  _word(key, name = "") {
    const camel = key.replace(/-(\w)/g, (_all, letter) => letter.toUpperCase());
    return (this._words.dataset[camel] ?? "").replace("{name}", name);
  }

  get _button() {
    return /** @type {HTMLButtonElement} */ (this.querySelector("button"));
  }

  get _words() {
    return /** @type {HTMLElement} */ (this.querySelector("[data-words]"));
  }
}

customElements.define("talk-button", TalkButton);
