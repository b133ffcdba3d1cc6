/** The shape of each status and state, as a path in a box of 20 x 20. A status is never colour alone. */

const SVG = "http://www.w3.org/2000/svg";

const DISC = "M10 1.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17z";
const RING = `${DISC}M10 4.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z`;
const TRIANGLE = "M10 1.2L19.4 18.2H0.6z";
const CROSS = "M4.3 1.2L10 6.9L15.7 1.2L18.8 4.3L13.1 10L18.8 15.7L15.7 18.8L10 13.1L4.3 18.8L1.2 15.7L6.9 10L1.2 4.3z";
const BAR = "M1.5 8h17v4h-17z";
const SQUARE = "M2.5 2.5h15v15h-15z";
const PLAY = "M3 1.5L18.5 10L3 18.5z";
const BARS = "M3 2h5v16H3zM12 2h5v16h-5z";

const PATHS = {
  good: DISC, warn: TRIANGLE, bad: CROSS, low_n: RING, closed: BAR, neutral: "", stale: "",
  critical: CROSS, warning: TRIANGLE, info: SQUARE,
  connecting: RING, live: DISC, catching_up: TRIANGLE, disconnected: CROSS, signed_out: BAR, replay: PLAY, paused: BARS,
};
const STATE_STALE = RING;

/** @param {string} name of a status, severity or state */
export const path = (name) => PATHS[name] ?? "";
/** The badge of a stale board has a shape, a stale tile's withheld status has none. */
export const badgePath = (name) => (name === "stale" ? STATE_STALE : path(name));

/** An element of SVG with attributes. */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** A shape whose path can be set: [element, (name) => void]. */
export function shape() {
  const inner = svg("path", { "fill-rule": "evenodd" });
  const outer = svg("svg", { class: "shape", viewBox: "0 0 20 20", "aria-hidden": "true" }, inner);
  return [outer, (name) => draw(outer, name)];
}

/** Draw one in a svg that has one path; hidden where the status has no shape. */
export function draw(outer, name, paths = path) {
  const d = paths(name);
  const inner = outer.firstElementChild;
  if (inner.getAttribute("d") !== d) inner.setAttribute("d", d);
  const display = d ? "" : "none";
  if (outer.style.display !== display) outer.style.display = display;
}
