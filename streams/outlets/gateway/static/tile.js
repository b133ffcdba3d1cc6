/** One place of the grid: made once, bound to whatever tile stands there, changed by text nodes and attributes only. */

import { face } from "./face.js";
import { shape } from "./shapes.js";
import { Spark } from "./spark.js";

const GAP = 500; // two paints a second at most; the first change after quiet is painted at once
const BOLD = 1_000;

const span = (name) => {
  const element = document.createElement("span");
  element.className = name;
  element.append(document.createTextNode(""));
  return element;
};
const write = (element, text) => {
  if (element.firstChild.data !== text) element.firstChild.data = text;
};

export class TileView {
  /** @param {() => object} context what `face` needs to know of the board */
  constructor(context) {
    this.context = context;
    this.tile = null;
    this.painted = -Infinity;
    this.waiting = null;
    this.bold = null;
    this.parts = Object.fromEntries(
      ["label", "figure", "number", "value", "unit", "status", "word", "trend", "foot", "note", "tag"].map((name) => [name, span(name)]),
    );
    const { label, figure, number, value, unit, status, word, trend, foot, note, tag } = this.parts;
    [this.shape, this.draw] = shape();
    this.spark = new Spark();
    number.append(value, unit);
    figure.append(number, this.spark.element);
    status.append(this.shape, word, trend);
    foot.append(note, tag);
    this.element = document.createElement("button");
    this.element.type = "button";
    this.element.className = "tile empty";
    this.element.tabIndex = -1;
    this.element.append(label, figure, status, foot);
  }

  /** Another tile stands here from now on (null: none). */
  bind(tile) {
    const same = tile?.id === this.tile?.id;
    this.tile = tile;
    this.element.dataset.id = tile?.id ?? "";
    if (same) this.change();
    else {
      this.plainly();
      this.paint(false);
    }
  }

  /** The tile's value is another: painted now, or as soon as the last paint is long enough ago. */
  update(tile) {
    this.tile = tile;
    this.change();
  }

  change() {
    if (this.waiting !== null) return;
    const early = this.painted + GAP - performance.now();
    if (early <= 0) this.paint(true);
    else this.waiting = setTimeout(() => this.paint(true), early);
  }

  /** @param {boolean} news whether a changed number is one to be seen (not a tick, not another page) */
  paint(news) {
    clearTimeout(this.waiting);
    this.waiting = null;
    this.painted = performance.now();
    this.element.classList.toggle("empty", this.tile === null);
    this.element.disabled = this.tile === null;
    const shown = this.tile === null
      ? { label: "", number: "", unit: "", status: "neutral", word: "", note: "", tag: "", trend: "" }
      : face(this.tile, this.context());
    const said = `${this.tile?.since ?? ""} ${this.tile?.kind === "clock" ? "" : shown.number}`;
    if (news && this.tile !== null && said !== this.said) this.emphasise();
    if (!news && said !== this.said) this.plainly();
    this.said = said;
    const { label, value, unit, word, note, tag, trend } = this.parts;
    write(label, shown.label);
    write(value, shown.number);
    write(unit, shown.unit);
    write(word, shown.word);
    write(note, shown.note);
    write(tag, shown.tag);
    write(trend, shown.trend);
    this.draw(shown.status);
    if (this.element.dataset.status !== shown.status) this.element.dataset.status = shown.status;
    this.spark.show(this.tile?.series ?? null, this.tile?.unit, this.tile?.target ?? null, this.context().words);
  }

  /** A second has passed: waiting clocks go on. */
  tick() {
    if (this.tile?.kind === "clock" && this.waiting === null) {
      write(this.parts.value, face(this.tile, this.context()).number);
      write(this.parts.unit, face(this.tile, this.context()).unit);
    }
  }

  emphasise() {
    this.element.classList.add("changed");
    clearTimeout(this.bold);
    this.bold = setTimeout(() => this.plainly(), BOLD);
  }

  plainly() {
    clearTimeout(this.bold);
    this.element.classList.remove("changed");
  }
}
