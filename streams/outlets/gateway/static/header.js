/** Header and footer: title, the server's clock, the state badge; page, zone, keys. */

import { city, clockSeconds, clockTime, counting, when } from "./format.js";
import { badgePath, draw } from "./shapes.js";

const write = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

export class Header {
  /** @param {(id: string) => HTMLElement} part */
  constructor(part) {
    this.part = part;
  }

  /** What changes with the board: title, zone, page. */
  name(about, words, { tv, hidden }) {
    write(this.part("title"), about.title);
    write(this.part("zone"), about.id ? city(about.timezone) : "");
    write(this.part("today"), about.id ? words.say("today", about.timezone) : "");
    write(this.part("hidden-queues"), hidden ? words.say("hidden_queues", hidden) : "");
    write(this.part("corner"), tv ? about.id : "");
    document.title = about.title ? `${about.title} · Floorwalker` : "Floorwalker";
  }

  /**
   * What changes each second.
   * @param {object} shown of state.js @param {{now: number|null, watermark: number|null, lastHeard: number|null, zone: string, words: object}} board
   */
  tick(shown, board) {
    const { words, zone } = board;
    const time = shown.replay ? board.watermark : board.now;
    // A replay's clock is that of the data, and says its day.
    write(this.part("time"), time === null ? "" : shown.replay ? `${when(time, zone, board.now)}` : clockTime(time, zone));
    const badge = this.part("badge");
    if (badge.dataset.state !== shown.badge) badge.dataset.state = shown.badge;
    draw(badge.querySelector("svg"), shown.badge, badgePath);
    write(this.part("badge-word"), words.say(shown.badge));
    write(this.part("badge-lag"), this.beside(shown, words));
    this.part("lost").hidden = shown.lostFor === null;
    if (shown.lostFor !== null) {
      write(this.part("lost-for"), counting(shown.lostFor));
      const since = board.lastHeard;
      write(this.part("lost-since"), since === null ? words.say("lost_at_start") : words.say("lost_since", clockSeconds(since, zone)));
    }
    document.body.classList.toggle("lost", shown.badge === "disconnected");
    document.body.classList.toggle("withheld", shown.withheld);
    document.body.classList.toggle("replay", shown.replay);
  }

  beside(shown, words) {
    if (shown.badge === "paused") return counting(shown.pausedFor);
    if (!["live", "catching_up", "stale", "closed"].includes(shown.badge)) return "";
    return shown.lag === null ? words.say("no_data_yet") : words.say("behind", Math.max(0, Math.round(shown.lag)));
  }
}
