/**
 * `<ptz-pad>`: moves the camera that is shown. Held, it moves; let go, it stays. By pointer, or, with the focus in it, by
 * arrow keys, `+`, `-` and Home. Orders go by the picture's own socket, so that nothing moves that nobody sees.
 *
 *   for          id of the `<live-view>`
 *   presets-url  where a place is kept and forgotten; only for who may configure the camera
 *
 * Inside, all of it written by the server: `[data-move="pan tilt zoom"]`, `[data-home]`, `[data-aim]`, `[data-speed]`,
 * `[data-presets]`, `[data-forget]`, a `form[data-keep]`, and `[data-words]`, whose data attributes are what to say. What stands in
 * `[data-needs]` is there if the camera can. It carries `data-state` (waiting, ready, held, gone).
 */

/** @typedef {import("belvedere/live-view").LiveView} LiveView */
/** @typedef {{turn: boolean, zoom: boolean, aim: boolean, home: boolean, presets: {preset: string, name: string}[]}} Can */

/** A move ends by itself 0.8 s after the last word of it. */
const AGAIN_MS = 300;
/** A camera that did not answer is asked again. */
const LOOK_AGAIN_MS = 5000;

const KEYS = /** @type {Record<string, [number, number, number]>} */ ({
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
  ArrowUp: [0, 1, 0],
  ArrowDown: [0, -1, 0],
  "+": [0, 0, 1],
  "=": [0, 0, 1],
  "-": [0, 0, -1],
});

export class PtzPad extends HTMLElement {
  constructor() {
    super();
    /** @type {LiveView | null} */
    this._view = null;
    /** @type {Can | null} */
    this._can = null;
    /** What is held: a key, or a pointer. */
    this._held = "";
    this._timer = 0;
    this._lookTimer = 0;
    this._isAiming = false;
    /** Whether the next place that is chosen is forgotten. */
    this._isForgetting = false;
    this._release = () => this.stop();
    this._onHidden = () => {
      if (document.hidden) this.stop();
    };
    this._onClick = (/** @type {MouseEvent} */ event) => this._aim(event);
  }

  connectedCallback() {
    const view = document.getElementById(this.getAttribute("for") ?? "");
    if (!view) return;
    this._view = /** @type {LiveView} */ (view);
    this.dataset.state = "waiting";
    view.addEventListener("socketopen", () => this._look());
    view.addEventListener("ptz", (event) => this._hear(/** @type {CustomEvent} */ (event).detail));
    view.addEventListener("statechange", (event) => this._shown(/** @type {CustomEvent} */ (event).detail.state));
    view.addEventListener("click", this._onClick, true);
    for (const button of this._all("[data-move]")) this._arm(button);
    this._one("[data-home]")?.addEventListener("click", () => this._order({ home: true }));
    this._one("[data-aim]")?.addEventListener("click", () => this._setAiming(!this._isAiming));
    this._one("[data-presets]")?.addEventListener("click", (event) => this._goTo(event));
    this._one("[data-forget]")?.addEventListener("click", () => this._setForgetting(!this._isForgetting));
    this._one("form[data-keep]")?.addEventListener("submit", (event) => void this._keep(event));
    this.addEventListener("keydown", (event) => this._keyDown(event));
    this.addEventListener("keyup", (event) => this._keyUp(event));
    this.addEventListener("focusout", (event) => {
      if (!this.contains(/** @type {Node | null} */ (event.relatedTarget))) this.stop();
    });
    document.addEventListener("visibilitychange", this._onHidden);
    window.addEventListener("blur", this._release);
    window.addEventListener("pagehide", this._release);
    if (this._view.connection.isOpen) this._look();
  }

  disconnectedCallback() {
    this.stop();
    clearTimeout(this._lookTimer);
    this._setAiming(false);
    this._view?.removeEventListener("click", this._onClick, true);
    document.removeEventListener("visibilitychange", this._onHidden);
    window.removeEventListener("blur", this._release);
    window.removeEventListener("pagehide", this._release);
  }

  /**
   * Move on at these speeds until `stop`.
   * @param {string} held  what holds it
   * @param {number[]} way  pan, tilt, zoom: -1 to 1
   */
  move(held, way) {
    clearInterval(this._timer);
    this._held = held;
    const speed = Number(/** @type {HTMLInputElement | null} */ (this._one("[data-speed]"))?.value ?? 0.5);
    const [pan, tilt, zoom] = way.map((part) => part * speed);
    const again = () => this._order({ move: { pan, tilt, zoom } });
    again();
    this._timer = window.setInterval(again, AGAIN_MS);
  }

  /** Let go: the camera stays. */
  stop() {
    if (!this._held) return;
    this._held = "";
    clearInterval(this._timer);
    this._view?.connection.ptz({ stop: true });
    for (const button of this._all("[data-move]")) button.removeAttribute("data-pressed");
  }

  /** @param {HTMLElement} button */
  _arm(button) {
    const way = (button.dataset.move ?? "").split(" ").map(Number);
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      button.setAttribute("data-pressed", "");
      this.move("pointer", way);
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(name, this._release);
    // A long touch asks for no menu here.
    button.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** @param {KeyboardEvent} event */
  _keyDown(event) {
    const target = event.target;
    if (target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
    const isPress = event.key === " " || event.key === "Enter";
    const own = isPress && target instanceof HTMLElement ? target.dataset.move?.split(" ").map(Number) : undefined;
    const way = KEYS[event.key] ?? own;
    if (event.key === "Home" && this._can?.home) this._order({ home: true });
    else if (!way) return;
    else if (!event.repeat && this._can) this.move(event.key, way);
    // The page does not scroll meanwhile.
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  _keyUp(event) {
    if (event.key === this._held) this.stop();
  }

  /** @param {Event} event */
  _goTo(event) {
    const chosen = event.target instanceof Element ? event.target.closest("[data-preset]") : null;
    if (!(chosen instanceof HTMLElement)) return;
    if (this._isForgetting) void this._forget(chosen.dataset.preset ?? "");
    else this._order({ preset: chosen.dataset.preset });
  }

  /** @param {boolean} isOn */
  _setForgetting(isOn) {
    this._isForgetting = isOn;
    const toggle = this._one("[data-forget]");
    toggle?.setAttribute("aria-pressed", String(isOn));
    for (const place of this._all("[data-preset]")) {
      place.classList.toggle("is-loss", isOn);
      const label = (toggle?.dataset.label ?? "").replace("{name}", place.textContent ?? "");
      if (isOn) place.setAttribute("aria-label", label);
      else place.removeAttribute("aria-label");
    }
    if (isOn) this._say("forgetting");
    else if (this.dataset.state === "ready") this._say("");
  }

  /** @param {string} preset */
  async _forget(preset) {
    this._setForgetting(false);
    const answer = await this._ask("DELETE", `/${encodeURIComponent(preset)}`);
    if (answer?.ok) this._look();
    else this._say("notForgotten");
  }

  /** @param {boolean} isOn */
  _setAiming(isOn) {
    this._isAiming = isOn;
    this._view?.classList.toggle("is-aiming", isOn);
    this._one("[data-aim]")?.setAttribute("aria-pressed", String(isOn));
    if (isOn) this._say("aiming");
    else if (this.dataset.state === "ready") this._say("");
  }

  /** A point of the picture comes to its middle. @param {MouseEvent} event */
  _aim(event) {
    const view = this._view;
    const shown = view?.querySelector("canvas, video");
    const size = view?.size;
    const isControl = event.target instanceof Element && event.target.closest(".lv-controls");
    if (!this._isAiming || !view || !shown || !size || isControl) return;
    event.preventDefault();
    event.stopPropagation();
    const box = shown.getBoundingClientRect();
    // The picture is as large as fits, in the middle of its box.
    const scale = Math.min(box.width / size.width, box.height / size.height);
    const x = (event.clientX - box.left - box.width / 2) / ((size.width * scale) / 2);
    const y = -(event.clientY - box.top - box.height / 2) / ((size.height * scale) / 2);
    if (Math.abs(x) <= 1 && Math.abs(y) <= 1) this._order({ aim: { x, y } });
  }

  /** Have the camera remember where it looks. @param {Event} event */
  async _keep(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const name = /** @type {HTMLInputElement} */ (form.elements.namedItem("name"));
    const answer = await this._ask("POST", "", { name: name.value });
    if (!answer?.ok) {
      this._say("notKept");
      return;
    }
    form.reset();
    this._look();
  }

  /**
   * @param {string} method
   * @param {string} path  behind that of the places
   * @param {object} [body]
   */
  _ask(method, path, body) {
    const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
    return fetch(`${this.getAttribute("presets-url")}${path}`, {
      method,
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: body && JSON.stringify(body),
    }).catch(() => null);
  }

  // ── What the server says ───────────────────────────────────────────────────────────────────────────────────

  _look() {
    clearTimeout(this._lookTimer);
    this._view?.connection.ptz({});
  }

  /** @param {any} message */
  _hear(message) {
    if (message.type === "ended") this._leave();
    else if (message.type === "refused") this._refused(message.why);
    else if (message.can) this._learn(message.can);
    else if (typeof message.held === "boolean") this._heldBy(message.held && !message.mine, message.holder);
  }

  /** @param {Can} can */
  _learn(can) {
    this._can = can;
    this._setForgetting(false);
    for (const part of this._all("[data-needs]")) part.hidden = !(/** @type {any} */ (can)[part.dataset.needs ?? ""]);
    const list = this._one("[data-presets]");
    list?.replaceChildren(
      ...can.presets.map(({ preset, name }) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "button is-small";
        button.dataset.preset = preset;
        const words = document.createElement("bdi");
        words.textContent = name;
        button.append(words);
        return button;
      }),
    );
    if (list) list.hidden = can.presets.length === 0;
    const forget = this._one("[data-forget]");
    if (forget) forget.hidden = can.presets.length === 0;
    this.hidden = false;
    if (this.dataset.state === "waiting") this.dataset.state = "ready";
    this._say("");
  }

  /**
   * @param {boolean} isHeld  by somebody else
   * @param {string | null} holder
   */
  _heldBy(isHeld, holder) {
    this.dataset.state = isHeld ? "held" : "ready";
    if (isHeld) this._say(holder ? "heldBy" : "held", holder ?? "");
    else this._say("");
  }

  /** @param {string} why */
  _refused(why) {
    if (why === "forbidden") this._leave();
    else if (why === "no_motor" || why === "not_here") this.hidden = true;
    else if (why === "busy") this._say("held");
    else if (why === "too_many") return;
    else if (why === "declined") this._say("declined");
    else {
      this._say("unreachable");
      if (!this._can) this._lookTimer = window.setTimeout(() => this._look(), LOOK_AGAIN_MS);
    }
  }

  /** The right is gone, and the pad with it: one sentence says so. */
  _leave() {
    this.stop();
    this._setAiming(false);
    const was = this._can;
    this._can = null;
    this.dataset.state = "gone";
    if (was) this._say("ended");
    for (const part of [...this.children]) if (part !== this._words) part.remove();
  }

  /** Only what is live is moved. @param {string} state */
  _shown(state) {
    const isLive = (state === "live" || state === "behind") && this._view?.at === null;
    this.toggleAttribute("data-asleep", !isLive);
    if (!isLive) this.stop();
  }

  /** @param {object} order */
  _order(order) {
    if (this._can && !this.hasAttribute("data-asleep")) this._view?.connection.ptz(order);
  }

  /**
   * @param {string} key  of the words; "" has none
   * @param {string} name  to fill in
   */
  _say(key, name = "") {
    const words = key ? (this._words.dataset[key] ?? "").replace("{name}", name) : "";
    if (this._words.textContent !== words) this._words.textContent = words;
  }

  /** @param {string} selector */
  _one(selector) {
    return /** @type {HTMLElement | null} */ (this.querySelector(selector));
  }

  /** @param {string} selector */
  _all(selector) {
    return /** @type {NodeListOf<HTMLElement>} */ (this.querySelectorAll(selector));
  }

  get _words() {
    return /** @type {HTMLElement} */ (this.querySelector("[data-words]"));
  }
}

customElements.define("ptz-pad", PtzPad);
