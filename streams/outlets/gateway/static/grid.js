/** The grid of tiles and its pages: a fixed number of places, whatever stands on them. */

import { layout, split } from "./layout.js";
import { TileView } from "./tile.js";

const PLACES = 12;
const HAND = "(max-width: 640px), (max-height: 500px)";
const TALL = "(max-aspect-ratio: 1333/1000)";
const HAND_TILE = 270; // pixels that a tile needs where pages scroll

export class Grid {
  /** @param {object} parts elements @param {import("./board.js").Board} board @param {() => object} context */
  constructor(parts, board, options, context) {
    Object.assign(this, { ...parts, board, options, context });
    this.views = Array.from({ length: PLACES }, () => new TileView(context));
    this.tiles.append(...this.views.map((view) => view.element));
    this.views[0].element.tabIndex = 0;
    this.page = 0;
    this.sheets = [];
    this.buttons = Array.from({ length: 9 }, (_, page) => {
      const button = document.createElement("button");
      button.type = "button";
      button.hidden = true;
      button.textContent = String(page + 1);
      button.addEventListener("click", () => this.show(page));
      return button;
    });
    this.nav.append(...this.buttons);
    for (const query of [HAND, TALL]) matchMedia(query).addEventListener("change", () => this.arrange());
    addEventListener("resize", () => matchMedia(HAND).matches && this.arrange());
  }

  /** Lay out anew: the pages, or the screen, are others. */
  arrange() {
    const { options, board } = this;
    const shape = matchMedia(HAND).matches ? "hand" : matchMedia(TALL).matches ? "tall" : "wide";
    const across = Math.max(1, Math.floor(innerWidth / HAND_TILE));
    const chosen = board.pages.filter((_, place) => !options.pages.length || options.pages.includes(place + 1));
    const room = layout(PLACES, options.scale, shape, across).room;
    this.sheets = chosen.flatMap((page) => split(page.ids, room).map((ids) => ({ title: page.title, ids })));
    const most = Math.max(0, ...this.sheets.map((sheet) => sheet.ids.length));
    const plan = layout(most, options.scale, shape, across);
    const style = document.documentElement.style;
    style.setProperty("--cols", String(plan.cols));
    style.setProperty("--rows", String(Math.max(1, plan.rows)));
    style.setProperty("--t", String(plan.size));
    style.setProperty("--c", String(plan.chrome));
    this.places = plan.rows === 0 ? most : plan.cols * plan.rows;
    this.cols = plan.cols;
    this.show(Math.min(this.page, Math.max(0, this.sheets.length - 1)));
  }

  /** @param {number} page counted from 0 */
  show(page) {
    if (page < 0 || (page > 0 && page >= this.sheets.length)) return;
    this.page = page;
    const ids = this.sheets[page]?.ids ?? [];
    this.views.forEach((view, place) => {
      view.element.hidden = place >= this.places;
      view.bind(this.board.tiles.get(ids[place]) ?? null);
    });
    const focusable = this.views.find((view) => view.element.tabIndex === 0);
    if (!focusable?.tile && this.views[0].tile) this.stop(this.views[0]);
    this.buttons.forEach((button, place) => {
      button.hidden = this.sheets.length < 2 || place >= this.sheets.length;
      if (place === page) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
      button.setAttribute("aria-label", this.context().words.say("page", place + 1, this.sheets.length));
    });
    this.nav.hidden = this.sheets.length < 2;
  }

  /** @param {string[]} ids of tiles that changed */
  update(ids) {
    const changed = new Set(ids);
    for (const view of this.views) {
      if (view.tile && changed.has(view.tile.id)) view.update(this.board.tiles.get(view.tile.id));
    }
  }

  /** Everything as it is now: the state of the board is another. */
  repaint() {
    for (const view of this.views) view.paint(false);
  }

  tick() {
    for (const view of this.views) view.tick();
  }

  /** The page to turn to: while a page has a bad tile, no page without one. @param {Set<string>} bad */
  turn(bad) {
    const has = (sheet) => sheet.ids.some((id) => bad.has(id));
    if (this.sheets.length < 2 || (this.sheets[this.page] && has(this.sheets[this.page]))) return;
    const after = this.sheets.map((_, step) => (this.page + 1 + step) % this.sheets.length);
    const wanted = this.sheets.some(has) ? after.find((page) => has(this.sheets[page])) : after[0];
    this.show(wanted);
  }

  /** Make one view the grid's tab stop. */
  stop(view) {
    for (const other of this.views) other.element.tabIndex = other === view ? 0 : -1;
  }

  /** Move the focus by arrow key. @returns {boolean} whether it was one of ours */
  move(key) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.cols, ArrowDown: this.cols }[key];
    const from = this.views.findIndex((view) => view.element === document.activeElement);
    const stop = this.views.findIndex((view) => view.element.tabIndex === 0);
    const wanted = from < 0 ? stop : from + step;
    const view = this.views[wanted];
    if (!view?.tile || view.element.hidden) return from >= 0;
    this.stop(view);
    view.element.focus();
    return true;
  }

  /** The view that has the focus, else null. */
  get focused() {
    return this.views.find((view) => view.element === document.activeElement) ?? null;
  }
}
