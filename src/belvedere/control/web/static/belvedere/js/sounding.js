/**
 * What is heard on this page: one view at a time, as loud as this viewer last wanted it.
 */

/** @typedef {import("belvedere/listening").Listening} Listening */

const KEY = "belvedere-sound";

/** @type {{isOn: boolean, volume: number}} */
const remembered = { isOn: false, volume: 0.8 };
try {
  const said = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  remembered.isOn = said.isOn === true;
  if (said.volume >= 0 && said.volume <= 1) remembered.volume = said.volume;
} catch {
  // A browser that keeps nothing remembers nothing.
}

function remember() {
  try {
    localStorage.setItem(KEY, JSON.stringify(remembered));
  } catch {
    // As above.
  }
}

/** @type {Listening | null} */
let current = null;

/** The one that is heard now, or nobody. */
export function whoSounds() {
  return current;
}

/** This one, and nobody else. @param {Listening} who */
export function takeTheSound(who) {
  if (current !== who) current?.turn(false);
  current = who;
}

/** @param {Listening} who */
export function giveUpTheSound(who) {
  if (current === who) current = null;
}

/** Whether this viewer had the sound on, where a camera fills the page. */
export function wasOn() {
  return remembered.isOn;
}

/** @param {boolean} isOn */
export function rememberOn(isOn) {
  remembered.isOn = isOn;
  remember();
}

export function volume() {
  return remembered.volume;
}

/** @param {number} wanted  0 to 1 */
export function setVolume(wanted) {
  remembered.volume = wanted;
  current?.setVolume(wanted);
  remember();
}

// Browsers let a page be heard once somebody has touched it.
for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, () => current?.wake(), { capture: true });
