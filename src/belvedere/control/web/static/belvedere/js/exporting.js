/**
 * Exports on the camera page: marks on the time line become a piece, a piece becomes a file.
 * And the same piece, or now, for a player that is not ours.
 */

import { isoOf } from "belvedere/coverage";
import { word } from "belvedere/player-parts";
import { openTicket, TicketRefused } from "belvedere/tickets";
import { lengthWords } from "belvedere/time-scale";

/** @typedef {import("belvedere/live-view").LiveView} LiveView */
/** @typedef {import("belvedere/time-line").TimeLine} TimeLine */

/** Without marks a piece begins so long before what is shown. */
const USUAL_S = 60;

export class ExportPanel {
  /**
   * @param {HTMLElement} panel
   * @param {LiveView} view
   * @param {TimeLine} line
   */
  constructor(panel, view, line) {
    this._panel = panel;
    this._view = view;
    this._line = line;
    this._url = view.getAttribute("ticket-url") ?? "";
    /** bytes a day, 0 where nobody knows */
    this._rate = Number(panel.dataset.rate ?? 0);
    this._from = this._input("from");
    this._to = this._input("to");
    this._size = panel.querySelector("[data-size]");
    this._trouble = panel.querySelector("[data-trouble]");
    this._address = panel.querySelector("[data-address]");
    panel.addEventListener("toggle", () => this._fill());
    for (const which of /** @type {const} */ (["in", "out"])) {
      panel.querySelector(`[data-mark="${which}"]`)?.addEventListener("click", () => line.setMark(which, this._head()));
    }
    for (const [input, which] of /** @type {const} */ ([[this._from, "in"], [this._to, "out"]])) {
      input.addEventListener("change", () => line.setMark(which, valueOf(input)));
    }
    line.addEventListener("mark", () => this._marked());
    panel.querySelector("form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._export();
    });
    panel.querySelector("[data-elsewhere]")?.addEventListener("click", () => void this._openElsewhere());
    // Who proved anew who he is comes back to the piece he had marked.
    const kept = /^#export=(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)$/.exec(location.hash);
    if (kept && panel instanceof HTMLDetailsElement) {
      line.setMark("in", Number(kept[1]));
      line.setMark("out", Number(kept[2]));
      panel.open = true;
    }
  }

  /** @param {string} name */
  _input(name) {
    return /** @type {HTMLInputElement} */ (this._panel.querySelector(`input[name="${name}"]`));
  }

  _head() {
    return this._view.at ?? Date.now() / 1000;
  }

  /** Opened without marks: the last minute of what is shown. A mark that opened it waits for the other one. */
  _fill() {
    if (!(this._panel instanceof HTMLDetailsElement) || !this._panel.open) return;
    if (this._line.marks.in !== null || this._line.marks.out !== null) return;
    const head = this._head();
    this._line.setMark("in", head - USUAL_S);
    this._line.setMark("out", head);
  }

  _marked() {
    const { in: from, out: to } = this._line.marks;
    this._from.value = from === null ? "" : localOf(from);
    this._to.value = to === null ? "" : localOf(to);
    if (this._panel instanceof HTMLDetailsElement) this._panel.open = true;
    if (!this._size) return;
    const length = from !== null && to !== null ? to - from : 0;
    const size = (length * this._rate) / 86_400;
    this._size.textContent = !length ? "" : size ? word("pieceAndSize", { length: lengthWords(length), size: sizeWords(size) }) : lengthWords(length);
  }

  async _export() {
    const { in: from, out: to } = this._line.marks;
    if (from === null || to === null) return;
    const url = await this._ask({ kind: "export", quality: this._view.getAttribute("quality") ?? "main", from: isoOf(from), to: isoOf(to) });
    if (!url) return;
    // The answer is a file: the page stays.
    location.assign(url);
    setTimeout(() => document.body.dispatchEvent(new CustomEvent("exported")), 1000);
  }

  async _openElsewhere() {
    const past = this._view.at;
    const url = await this._ask({ kind: "hls", ...(past === null ? {} : { from: isoOf(past) }) });
    if (!url || !(this._address instanceof HTMLElement)) return;
    const field = /** @type {HTMLInputElement} */ (this._address.querySelector("input"));
    field.value = url;
    this._address.hidden = false;
    field.focus();
    field.select();
  }

  /**
   * @param {{kind: string, quality?: string, from?: string, to?: string}} wish
   * @returns {Promise<string>} "" where it was refused; why stands on the page
   */
  async _ask(wish) {
    this._say("");
    try {
      return await openTicket(this._url, wish);
    } catch (error) {
      if (!(error instanceof TicketRefused)) throw error;
      if (error.code === "reauthentication_required") this._proveAnew();
      else this._say(error.words || word("notAnswered"));
      return "";
    }
  }

  /** To the page that asks who is there, and back here with the marks. */
  _proveAnew() {
    const { in: from, out: to } = this._line.marks;
    const back = `${location.pathname}#export=${from},${to}`;
    location.assign(`${this._panel.dataset.prove}?${new URLSearchParams({ next: back })}`);
  }

  /** @param {string} text */
  _say(text) {
    if (!(this._trouble instanceof HTMLElement)) return;
    this._trouble.textContent = text;
    this._trouble.hidden = !text;
  }
}

/** For a `datetime-local` field. @param {number} at */
function localOf(at) {
  const wall = new Date(at * 1000);
  return new Date(wall.getTime() - wall.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** @param {HTMLInputElement} input */
function valueOf(input) {
  return input.value ? new Date(input.value).getTime() / 1000 : null;
}

/** @param {number} bytes */
function sizeWords(bytes) {
  const [unit, size] = bytes >= 1e9 ? ["GB", bytes / 1e9] : ["MB", Math.max(1, bytes / 1e6)];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}
