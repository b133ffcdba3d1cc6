/** The problem strip: the worst problem in large letters, two more beside it, and how many there are besides. */

import { clockTime, when } from "./format.js";
import { draw, shape } from "./shapes.js";

class Line {
  constructor(element) {
    this.element = element;
    [this.shape, this.draw] = shape();
    this.text = document.createElement("span");
    this.text.className = "text";
    const said = document.createElement("span");
    said.className = "said";
    this.since = document.createElement("span");
    this.since.className = "since";
    this.ack = document.createElement("span");
    this.ack.className = "ack";
    said.append(this.since, this.ack);
    element.append(this.shape, this.text, said);
    this.problem = null;
  }

  show(problem, { words, zone, now }) {
    this.problem = problem;
    this.element.hidden = problem === null;
    if (problem === null) {
      this.text.textContent = this.since.textContent = this.ack.textContent = "";
      return;
    }
    this.draw(problem.severity);
    this.element.dataset.severity = problem.severity;
    this.element.dataset.id = problem.id;
    this.element.toggleAttribute("data-fresh", !problem.acknowledged && !problem.muted);
    this.text.textContent = problem.text;
    this.since.textContent = problem.since ? words.say("since", when(problem.since, zone, now)) : "";
    const { acknowledged } = problem;
    this.ack.textContent = acknowledged ? words.say("acked", acknowledged.by, clockTime(acknowledged.at, zone))
      : problem.muted ? words.say("muted") : "";
    this.ack.hidden = !this.ack.textContent;
    this.element.toggleAttribute("data-acknowledged", !this.ack.hidden);
    this.element.title = problem.text;
  }

  /** What does not fit one large line goes on a smaller one, or on two smaller still. */
  fit() {
    for (const long of ["no", "some", "very"]) {
      this.element.dataset.long = long;
      if (this.text.scrollWidth <= this.text.clientWidth) return;
    }
  }
}

export class Strip {
  /** @param {HTMLElement} element @param {(problem: object) => void} open */
  constructor(element, open) {
    this.element = element;
    this.quiet = element.querySelector("#quiet");
    this.others = element.querySelector("#others");
    this.more = element.querySelector("#more");
    this.lines = [...element.querySelectorAll(".problem")].map((button) => new Line(button));
    for (const line of this.lines) line.element.addEventListener("click", () => line.problem && open(line.problem));
  }

  /** @param {object[]} problems @param {number} more @param {{words: object, zone: string, now: number|null, withheld: boolean, asOf: number|null}} board */
  show(problems, more, board) {
    const { words } = board;
    const shown = problems.slice(0, 3);
    this.element.dataset.count = String(shown.length);
    this.lines.forEach((line, place) => line.show(shown[place] ?? null, board));
    this.others.hidden = shown.length < 2;
    this.others.lastElementChild.hidden = shown.length < 3;
    const rest = more + Math.max(0, problems.length - 3);
    this.more.hidden = rest === 0;
    this.more.textContent = words.say("more", rest);
    this.quiet.hidden = shown.length > 0;
    draw(this.quiet.querySelector("svg"), "good");
    this.quiet.lastElementChild.textContent = !board.known ? ""
      : board.empty ? words.say("no_queues")
      : board.withheld && board.asOf ? words.say("not_known_since", when(board.asOf, board.zone, board.now))
      : words.say("quiet");
    this.quiet.querySelector("svg").style.visibility = board.known && !board.empty ? "visible" : "hidden";
    this.lines[0].fit();
  }

  /** The first problem that is an alert and that nobody has acknowledged, else null. */
  get first() {
    return this.lines.map((line) => line.problem).find((problem) => problem && !problem.acknowledged) ?? null;
  }
}
