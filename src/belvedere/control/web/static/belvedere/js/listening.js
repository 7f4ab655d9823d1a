/**
 * The sound of one `<live-view>`: whether there is any, whether it is on, and the way of each piece to the ear.
 *
 * There is any only where the server says so, and it says so only to whom it may send some. For tests and styles the view
 * carries `data-sound` (off, on, asleep: the browser waits for a touch; absent: none to be had) and, while it is on,
 * `data-sound-level`; it dispatches `soundchange`.
 */

import { readFragment } from "belvedere/fmp4";
import { MseSound } from "belvedere/mse-sound";
import { showNote, word } from "belvedere/player-parts";
import { Sound } from "belvedere/sound";
import { giveUpTheSound, rememberOn, takeTheSound, volume, wasOn } from "belvedere/sounding";

/** @typedef {import("belvedere/canvas-player").TrackInit} TrackInit */
/** @typedef {import("belvedere/live-view").LiveView} LiveView */
/** @typedef {import("belvedere/sound").SoundRun} SoundRun */

export class Listening {
  /** @param {LiveView} view */
  constructor(view) {
    this._view = view;
    this.isOn = false;
    /** Whether there is sound that may be had. */
    this.has = false;
    /** @type {SoundRun | null} */
    this._run = null;
    /** @type {Sound | MseSound | null} */
    this._sound = null;
    this._mayBegin = true;
  }

  /** The picture's run says whether there is sound to be had with it. @param {boolean} has */
  offer(has) {
    if (has === this.has) return;
    this.has = has;
    // It was on when this viewer last looked at a camera. Not so on a wall: of twenty cameras, which?
    const resumes = has && this._mayBegin && wasOn() && this._view.hasAttribute("controls");
    if (has) this._mayBegin = false;
    if (resumes) this.turn(true);
    else this._tell();
  }

  /** The right to it is gone. The picture goes on. */
  withdraw() {
    if (this.isOn) {
      this._stop();
      showNote(this._view, word("soundEnded", { name: this._view.getAttribute("name") ?? "" }));
    }
    this.offer(false);
  }

  /** Somebody wants it on, or off. */
  toggle() {
    if (!this.has) return;
    this.turn(!this.isOn);
    if (this._view.hasAttribute("controls")) rememberOn(this.isOn);
  }

  /** @param {boolean} on */
  turn(on) {
    if (on === this.isOn || (on && !this.has)) return;
    if (!on) {
      this._stop();
      this._view.connection.listen(false);
    } else {
      this.isOn = true;
      takeTheSound(this);
      this._view.connection.listen(true);
    }
    this._tell();
  }

  /** The socket is new: it knows nothing yet. */
  begin() {
    this._run = null;
    if (this.isOn) this._view.connection.listen(true);
  }

  /** A run of the sound begins. @param {TrackInit} init @param {Uint8Array} segment */
  introduce(init, segment) {
    this._run = { codec: init.codec, timescale: init.timescale, utc_at_zero: init.utc_at_zero, segment: segment.slice() };
    this.offer(true);
    const canPlay = Sound.canPlay(init.codec) || MseSound.canPlay(init.codec);
    if (this.isOn && !canPlay) this._cannot();
  }

  /** The camera's clock was set right by a little. @param {number} utcAtZero */
  setClock(utcAtZero) {
    if (this._run) this._run.utc_at_zero = utcAtZero;
  }

  /**
   * @param {Uint8Array} fragment
   * @param {import("belvedere/past").Past} past
   */
  receive(fragment, past) {
    const run = this._run;
    const frame = this.isOn && run ? readFragment(fragment) : null;
    if (!run || !frame) return;
    const give = (/** @type {number | null} */ inMs) => this._soundOf(run.codec).push(run, frame, fragment, inMs);
    if (past.isOn) past.besidePictures(run.utc_at_zero + frame.time / run.timescale, give);
    else give(null);
  }

  /** What waits to be heard is not what comes next. */
  silence() {
    this._sound?.flush();
  }

  /** Nothing of it remains, until more comes. */
  clear() {
    this._sound?.close();
    this._sound = null;
    this._run = null;
  }

  /** Somebody has touched the page. */
  wake() {
    this._sound?.wake();
  }

  /** @param {number} wanted  0 to 1 */
  setVolume(wanted) {
    this._sound?.setVolume(wanted);
  }

  /** Once a second: whether it is heard, and how loud. */
  measure() {
    if (!this.isOn) return;
    const isAsleep = this._sound ? !this._sound.isAwake : false;
    if (isAsleep && this._view.dataset.sound !== "asleep") showNote(this._view, word("soundAsleep"));
    this._view.dataset.sound = isAsleep ? "asleep" : "on";
    this._view.dataset.soundLevel = (this._sound?.level ?? 0).toFixed(4);
  }

  _stop() {
    this.isOn = false;
    giveUpTheSound(this);
    this._sound?.close();
    this._sound = null;
  }

  /** What plays this codec here: the past may be of another than what is now. @param {string} codec */
  _soundOf(codec) {
    const isPlain = Sound.canPlay(codec);
    if (!this._sound || isPlain !== this._sound instanceof Sound) {
      this._sound?.close();
      this._sound = isPlain ? new Sound(volume(), () => this._cannot()) : new MseSound(volume());
    }
    return this._sound;
  }

  _cannot() {
    showNote(this._view, word("soundUnplayable"));
    this.turn(false);
  }

  _tell() {
    const view = this._view;
    if (this.has) view.dataset.sound = this.isOn ? "on" : "off";
    else delete view.dataset.sound;
    delete view.dataset.soundLevel;
    view.tell("soundchange", { has: this.has, isOn: this.isOn });
  }
}
