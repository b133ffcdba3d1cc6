/** Sparklines: up to 60 values, one a minute, drawn in a fixed svg of three paths. Where there was no value is a gap. */

import { plain } from "./format.js";
import { svg } from "./shapes.js";

const WIDTH = 59;
const HEIGHT = 20;
const EDGE = 1.5;
const LEAST = 8; // values that make a line: fewer are a stray mark on the wall

/**
 * Paths of a series in a box of 59 x 20. Pure.
 * @param {(number|null)[]} series the newest last @param {number|null} target drawn as a line where it is in range
 */
export function paths(series, target = null) {
  const known = series.filter((value) => value !== null);
  if (known.length < LEAST) return { line: "", last: "", target: "" };
  const low = Math.min(...known);
  const high = Math.max(...known);
  const span = high - low || 1;
  const y = (value) => (high === low ? HEIGHT / 2 : HEIGHT - EDGE - ((value - low) / span) * (HEIGHT - 2 * EDGE)).toFixed(1);
  const first = WIDTH + 1 - series.length;
  let line = "";
  let drawing = false;
  series.forEach((value, place) => {
    if (value !== null) line += `${drawing ? "L" : "M"}${first + place} ${y(value)}`;
    drawing = value !== null;
  });
  const newest = series.at(-1);
  return {
    line,
    last: newest === null ? "" : `M${WIDTH} ${y(newest)}h0`,
    target: target !== null && target >= low && target <= high && high > low ? `M0 ${y(target)}H${WIDTH}` : "",
  };
}

/** What it shows, in words; '' where there is too little to show. */
export function summary(series, unit, words) {
  const known = (series ?? []).filter((value) => value !== null);
  if (known.length < LEAST) return "";
  const said = [known[0], known.at(-1), Math.min(...known), Math.max(...known)].map((value) => plain(value, unit, words.lang));
  return words.say("spark", ...said);
}

export class Spark {
  constructor() {
    this.target = svg("path", { class: "target" });
    this.line = svg("path", { class: "line" });
    this.last = svg("path", { class: "last" });
    this.element = svg(
      "svg",
      { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      this.target, this.line, this.last,
    );
    this.shown = "";
  }

  /** @param {(number|null)[]|null} series */
  show(series, unit, target, words) {
    const key = `${series?.join()} ${target} ${words.lang}`;
    if (key === this.shown) return;
    this.shown = key;
    const drawn = paths(series ?? [], target);
    this.target.setAttribute("d", drawn.target);
    this.line.setAttribute("d", drawn.line);
    this.last.setAttribute("d", drawn.last);
    const said = summary(series, unit, words);
    this.element.setAttribute("aria-label", said && `${words.say("field_past")}: ${said}`);
  }
}
