/**
 * `<qr-scan>`: reads a device's label by the camera of whoever holds it, then sends the form it stands in.
 *
 *   frame-url   where a picture is POSTed to be read, where the browser itself reads no codes
 *   into        name of the form's field that takes what was read
 *
 * Inside, all of it written by the server: `[data-start]` and `[data-stop]` buttons, a `<video>` in `[data-view]`, and
 * `[data-words]`, whose `data-insecure`, `data-refused`, `data-looking`, `data-tired` and `data-failed` are what to say.
 * For tests and styles it carries `data-state` (idle, looking, found). The camera is on while it is looking, and no
 * longer: not when the page is hidden or left, nor after a minute without a code.
 */

const EVERY_MS = 500;
const TIRED_AFTER_MS = 60_000;
/** As much as a code needs; more only travels. */
const MAX_WIDTH = 960;
const FORMATS = ["qr_code", "data_matrix", "code_128"];

/** @typedef {{detect(source: HTMLVideoElement): Promise<{rawValue: string}[]>}} Detector */

/** What this browser reads codes with, or nothing. */
async function makeDetector() {
  const Maker = /** @type {any} */ (window).BarcodeDetector;
  if (!Maker) return null;
  /** @type {string[]} */
  const known = await Maker.getSupportedFormats().catch(() => []);
  const formats = FORMATS.filter((one) => known.includes(one));
  return formats.includes("qr_code") ? /** @type {Detector} */ (new Maker({ formats })) : null;
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class QrScan extends HTMLElement {
  constructor() {
    super();
    /** @type {MediaStream | null} */
    this._stream = null;
    /** Rises whenever a scan begins or ends: one that finds another number has nothing to say any more. */
    this._turn = 0;
    this._stop = () => this.stop();
    this._onHidden = () => {
      if (document.hidden) this.stop();
    };
  }

  connectedCallback() {
    this.dataset.state = "idle";
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
      this._say("insecure");
      return;
    }
    this._part("[data-start]").hidden = false;
    this._part("[data-start]").addEventListener("click", () => this.start());
    this._part("[data-stop]").addEventListener("click", this._stop);
    document.addEventListener("visibilitychange", this._onHidden);
    window.addEventListener("pagehide", this._stop);
  }

  disconnectedCallback() {
    this.stop();
    document.removeEventListener("visibilitychange", this._onHidden);
    window.removeEventListener("pagehide", this._stop);
  }

  /** Open the camera, and look until there is a code, or an end. */
  async start() {
    this.stop();
    const turn = ++this._turn;
    this.dataset.state = "looking";
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: "environment" } }, audio: false });
      if (turn !== this._turn) {
        end(stream);
        return;
      }
      this._stream = stream;
      const video = this._video();
      video.srcObject = stream;
      this._show(true);
      this._say("looking");
      await video.play();
      const text = await this._look(turn, video);
      if (turn !== this._turn) return;
      this.stop(text ? "" : "tired");
      if (text) this._send(text);
    } catch (fault) {
      if (turn !== this._turn) return;
      this.stop(fault instanceof DOMException ? "refused" : "failed");
    }
  }

  /**
   * Close the camera, and say why, if there is something to say.
   * @param {string} [words]
   */
  stop(words = "") {
    this._turn++;
    if (this._stream) end(this._stream);
    this._stream = null;
    this._video().srcObject = null;
    this._show(false);
    this._say(words);
    this.dataset.state = "idle";
  }

  /**
   * The first code's text; "" after a minute without one, or once somebody else has begun.
   * @param {number} turn
   * @param {HTMLVideoElement} video
   */
  async _look(turn, video) {
    let detector = await makeDetector();
    const until = performance.now() + TIRED_AFTER_MS;
    while (turn === this._turn && performance.now() < until) {
      const next = pause(EVERY_MS);
      let text = "";
      if (detector) {
        try {
          text = (await detector.detect(video))[0]?.rawValue ?? "";
        } catch {
          detector = null; // it is there and cannot: the server can
        }
      } else {
        text = await this._ask(video);
      }
      if (text) return text;
      await next;
    }
    return "";
  }

  /**
   * What the server reads in the picture as it is now. One at a time: a slow line gets fewer.
   * @param {HTMLVideoElement} video
   */
  async _ask(video) {
    const scale = Math.min(1, MAX_WIDTH / (video.videoWidth || MAX_WIDTH));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (!canvas.width || !canvas.height) return "";
    canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    const body = new FormData();
    body.set("frame", "1");
    body.set("picture", picture, "frame.jpg");
    const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
    const answer = await fetch(this.getAttribute("frame-url") ?? "", {
      method: "POST",
      credentials: "same-origin",
      headers: { "X-CSRFToken": token },
      body,
    });
    if (answer.status === 204) return "";
    if (!answer.ok) throw new Error(`no reading: ${answer.status}`);
    return /** @type {string} */ ((await answer.json()).text);
  }

  /** @param {string} text */
  _send(text) {
    const form = this.closest("form");
    const field = form?.elements.namedItem(this.getAttribute("into") ?? "");
    if (!form || !(field instanceof HTMLInputElement)) return;
    this.dataset.state = "found";
    field.value = text;
    form.requestSubmit();
  }

  /** @param {boolean} isLooking */
  _show(isLooking) {
    this._part("[data-view]").hidden = !isLooking;
    this._part("[data-start]").hidden = isLooking;
  }

  /** @param {string} which  "" for nothing */
  _say(which) {
    const words = this._part("[data-words]");
    words.textContent = words.dataset[which] ?? "";
    words.hidden = !words.textContent;
  }

  /** @param {string} selector */
  _part(selector) {
    return /** @type {HTMLElement} */ (this.querySelector(selector));
  }

  _video() {
    return /** @type {HTMLVideoElement} */ (this.querySelector("video"));
  }
}

/** @param {MediaStream} stream */
function end(stream) {
  for (const track of stream.getTracks()) track.stop();
}

customElements.define("qr-scan", QrScan);
