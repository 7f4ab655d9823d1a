/** What kinds of events are called, and which of the few looks on a time line each has. */

import { word } from "belvedere/player-parts";

/** From behind to the front: who comes in stands above what only moves. */
export const LOOKS = /** @type {const} */ (["trouble", "motion", "vehicle", "person"]);

const LOOK_OF = /** @type {Record<string, string>} */ ({
  person: "person",
  intrusion: "person",
  line: "person",
  tamper: "person",
  vehicle: "vehicle",
  animal: "vehicle",
  offline: "trouble",
  storage: "trouble",
  filling: "trouble",
  node_lost: "trouble",
});

/** @param {string} kind @returns {string} */
export function lookOf(kind) {
  return LOOK_OF[kind] ?? "motion";
}

/** `digital_input` → “Contact”; of an animal that its source calls a dog, “Animal (dog)”. @param {{kind: string, label: string}} event */
export function eventWord({ kind, label }) {
  const camel = kind.replace(/(?:^|_)(\w)/g, (_all, letter) => letter.toUpperCase());
  const what = word(`event${camel}`) || word("eventMotion");
  return label ? `${what} (${label})` : what;
}
