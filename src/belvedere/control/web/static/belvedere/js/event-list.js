/**
 * What happened in the part of the time that the line shows, as a row of cards: a picture, what, when. A card leads there.
 * Cards stay while what they say stays, so that no picture is asked for twice.
 */

import { eventWord, lookOf } from "belvedere/event-words";
import { word } from "belvedere/player-parts";
import { clockWords, dayKey, shortDayWords } from "belvedere/time-scale";

/** @typedef {import("belvedere/coverage").Happening} Happening */
/** @typedef {import("belvedere/time-line").TimeLine} TimeLine */

/** The latest ones in sight; the line has all of them. */
const SHOWN = 12;
const MINUTE = 60;

export class EventList {
  /**
   * @param {HTMLElement} root  with an `ol` inside; hidden while nothing happened
   * @param {TimeLine} line
   */
  constructor(root, line) {
    this._root = root;
    this._line = line;
    this._list = /** @type {HTMLElement} */ (root.querySelector("ol"));
    /** @type {Map<string, HTMLLIElement>} */
    this._cards = new Map();
    /** Whose picture was asked for. @type {Set<string>} */
    this._pictured = new Set();
    line.addEventListener("happened", (event) => this._show(/** @type {CustomEvent} */ (event).detail.events));
  }

  /** @param {Happening[]} events */
  _show(events) {
    const latest = [...events].sort((one, other) => other.from - one.from).slice(0, SHOWN);
    const cards = latest.map((event) => this._card(event));
    const kept = new Set(latest.map((event) => event.id));
    for (const id of this._cards.keys()) if (!kept.has(id)) this._cards.delete(id);
    // The focus stays where it is while the row grows in front of it.
    const isSame = cards.length === this._list.children.length && cards.every((card, index) => card === this._list.children[index]);
    if (!isSame) this._list.replaceChildren(...cards);
    this._root.hidden = cards.length === 0;
  }

  /** @param {Happening} event */
  _card(event) {
    const card = this._cards.get(event.id) ?? this._makeCard(event);
    const picture = card.querySelector(".event-picture");
    // What is being recorded can be seen a little later.
    if (event.hasPicture && picture && !this._pictured.has(event.id)) {
      this._pictured.add(event.id);
      picture.append(makePicture(event.id));
    }
    const words = card.querySelector(".event-when");
    if (words) words.textContent = whenWords(event);
    this._cards.set(event.id, card);
    return card;
  }

  /** @param {Happening} event */
  _makeCard(event) {
    const card = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "event-card";
    const picture = document.createElement("span");
    picture.className = "event-picture";
    const what = document.createElement("strong");
    what.className = `event-what is-${lookOf(event.kind)}`;
    what.textContent = eventWord(event);
    const when = document.createElement("span");
    when.className = "event-when";
    button.append(picture, what, when);
    button.addEventListener("click", () => this._line.goTo(event));
    card.append(button);
    return card;
  }
}

/** @param {string} id */
function makePicture(id) {
  const image = document.createElement("img");
  image.alt = "";
  image.loading = "lazy";
  image.decoding = "async";
  // There may be a gap just there: then the card does without.
  image.addEventListener("error", () => image.remove());
  image.src = `/api/v1/events/${id}/picture.jpg`;
  return image;
}

/** `14:32:05 · 2 min · 40 ×`. @param {Happening} event */
function whenWords(event) {
  const day = dayKey(event.from) === dayKey(Date.now() / 1000) ? "" : `${shortDayWords(event.from)}, `;
  const parts = [`${day}${clockWords(event.from)}`];
  const seconds = Math.round(event.to - event.from);
  if (!event.isOver) parts.push(word("goesOn"));
  else if (seconds >= MINUTE) parts.push(word("minutes", { n: String(Math.round(seconds / MINUTE)) }));
  if (event.count > 1) parts.push(`${event.count} ×`);
  return parts.join(" · ");
}
