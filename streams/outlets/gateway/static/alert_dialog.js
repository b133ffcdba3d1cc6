/** The dialog of one alert: what, since when, how many, who was told; acknowledge it, mute its like for an hour. */

import { acknowledge, alertDetails, me, mute } from "./api.js";
import { Dialog, facts } from "./dialogs.js";
import { evidenceOf, lineOf } from "./evidence.js";
import { clockTime, when } from "./format.js";

const HOUR = 3_600_000;
const CONFIRMED_WITHIN = 20_000;
const NAME = "floorwalker.name";
const OVER = ["resolved", "retracted"];
const PIPELINE = "pipeline";

/** Whether it is a line of the strip that the gateway found by itself: no alert, so nothing to say to it. */
const isNoAlert = (id) => id === PIPELINE || id?.startsWith("source:");

export class AlertDialog extends Dialog {
  /** @param {import("./board.js").Board} board @param {() => {words: object, zone: string, now: number|null}} context */
  constructor(element, board, context) {
    super(element, context().words);
    this.board = board;
    this.context = context;
    const find = (id) => element.querySelector(id);
    this.by = find("#by");
    this.why = find("#why");
    this.outcome = find(".outcome");
    this.acknowledgeButton = find("#acknowledge");
    this.muteButton = find("#mute");
    const { say } = this.words;
    find("#by-field span").textContent = say("your_name");
    this.whyLabel = find("#why-field span");
    this.acknowledgeButton.textContent = say("acknowledge");
    this.muteButton.textContent = say("mute");
    this.acknowledgeButton.addEventListener("click", () => this.acknowledge());
    this.muteButton.addEventListener("click", () => this.mute());
    element.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    for (const field of [this.by, this.why]) {
      field.addEventListener("keydown", (event) => {
        if (event.key === "Enter") (this.asksWhy ? this.mute() : this.acknowledge());
      });
    }
    this.id = null;
    this.details = null; // what the API says of it, once it has
    this.loading = false;
    this.missing = false; // the API knows no such alert
    this.known = false; // whether the name was asked before
    this.asksWhy = false; // whether the reason is asked: from the first press of Mute on
    this.waiting = null;
    this.timer = null;
  }

  /** @param {string} id of an alert, or of a problem that is none @param {object|null} problem the strip's line of it */
  of(id, problem = null) {
    if (this.id !== id) {
      this.say("");
      this.details = null;
      this.missing = false;
    }
    this.id = id;
    this.problem = problem ?? this.board.problems.find((line) => line.id === id) ?? null;
    this.by.value = sessionStorage.getItem(NAME) ?? "";
    this.known = this.by.value !== "";
    this.ask();
    this.why.value = "";
    this.asksWhy = false;
    this.fill();
    this.show();
    this.focus();
    this.load();
  }

  /** Ask the API for what the stream does not say. A wall's key may not; what is no alert has no more to it. */
  async load() {
    if (this.loading || this.board.role === "wall" || isNoAlert(this.id)) return;
    const { id } = this;
    this.loading = true;
    const { status, details } = await alertDetails(id);
    this.loading = false;
    if (!this.open || this.id === null) return;
    if (this.id !== id) {
      this.load(); // another one was opened meanwhile
      return;
    }
    this.details = details ?? this.details;
    this.missing = status === 404;
    this.fill();
    if (document.activeElement === document.body || document.activeElement === this.element) this.focus();
  }

  /** The alert as the stream has it, else as the API has it; null where neither does. */
  get alert() {
    return this.board.alerts.get(this.id) ?? (this.details && lineOf(this.details.alert));
  }

  /** Where there are keys the name is the key's, whatever was typed before. */
  async ask() {
    const { name } = await me();
    if (name === null) return;
    this.by.value = name;
    this.known = true;
    if (!this.open) return;
    this.fill();
    this.focus();
  }

  /** On what is to be done first: the name, where it is not known. */
  focus() {
    const first = this.known ? this.acknowledgeButton : this.by;
    if (first.checkVisibility()) first.focus();
  }

  /** The stream said something: show it, and whether it confirms what was sent. `anew`: ask the API again, too. */
  refresh(anew = false) {
    if (!this.open) return;
    if (anew && !this.missing) this.load();
    this.problem = this.board.problems.find((line) => line.id === this.id) ?? this.problem;
    this.fill();
    const { alert } = this;
    if (this.waiting === "acknowledge" && alert?.acknowledged) {
      const { by, at } = alert.acknowledged;
      this.say(this.words.say("acknowledged_by", by, clockTime(at, this.context().zone)), "done");
    } else if (this.waiting === "mute" && alert?.muted) {
      this.say(this.words.say("muted_now"), "done");
    }
  }

  fill() {
    const { words, zone, now } = this.context();
    const { say, named } = words;
    const { alert } = this;
    const told = alert ?? this.problem;
    const scope = Object.entries(alert?.labels ?? {}).map(([name, value]) => named("label", name, value)).join(", ");
    this.title.textContent = alert?.summary ?? this.problem?.text ?? (this.missing || this.board.role === "wall" ? say("gone") : "…");
    this.lead.textContent = isNoAlert(this.id) ? say(this.id === PIPELINE ? "help_pipeline" : "help_source") : scope;
    this.whyLabel.textContent = say("why", scope);
    const ack = told?.acknowledged;
    const since = alert?.started_at ?? this.problem?.since ?? null;
    facts(this.list, [
      [say("field_severity"), told && named("severity", told.severity)],
      [say("field_state"), [told && named("state", told.state), ack && say("acknowledged_by", ack.by, clockTime(ack.at, zone)), told?.muted && say("muted")].filter(Boolean).join(", ")],
      [say("field_since"), since === null ? "" : when(since, zone, now)],
      [say("field_ended"), alert?.ended_at ? when(alert.ended_at, zone, now) : ""],
      [say("field_count"), alert && alert.total ? say("count_of", alert.open, alert.total) : ""],
      [say("field_reason"), alert?.reason],
      ...(this.details ? evidenceOf(this.details, { words, zone, now }) : []),
      [say("field_rule"), alert?.rule],
      [say("field_id"), alert?.id],
    ]);
    const open = Boolean(alert) && !OVER.includes(alert.state);
    const may = open && this.board.role === "lead";
    const mayMute = may && !alert.muted && Object.keys(alert.labels ?? {}).length > 0;
    this.acknowledgeButton.hidden = !may || Boolean(alert.acknowledged);
    this.muteButton.hidden = !mayMute;
    this.element.querySelector("#why-field").hidden = !mayMute || !this.asksWhy;
    // Asked once: afterwards the name is known in this tab.
    this.element.querySelector("#by-field").hidden = this.known || (this.acknowledgeButton.hidden && this.muteButton.hidden);
    this.enable(this.waiting === null);
  }

  async acknowledge() {
    if (this.acknowledgeButton.hidden || this.waiting) return;
    const by = this.name();
    if (by) await this.send("acknowledge", (id) => acknowledge(id, by));
  }

  async mute() {
    if (this.muteButton.hidden || this.waiting) return;
    if (!this.asksWhy) {
      this.asksWhy = true;
      this.fill();
      this.why.focus();
      return;
    }
    const by = this.name();
    if (!by) return;
    const why = this.why.value.trim();
    if (!why) {
      this.say(this.words.say("need_why"), "failed");
      this.why.focus();
      return;
    }
    const { labels } = this.alert;
    const now = this.context().now;
    await this.send("mute", () => mute(labels, why, now + HOUR, by));
  }

  name() {
    const by = this.by.value.trim();
    if (by) {
      if (!this.known) sessionStorage.setItem(NAME, by);
      return by;
    }
    this.say(this.words.say("need_name"), "failed");
    this.by.focus();
    return null;
  }

  /** Send, and wait for the stream to say that it happened: an answer alone is no confirmation. */
  async send(what, request) {
    const { id } = this;
    this.waiting = what;
    this.enable(false);
    const answer = await request(id);
    if (this.id !== id) return;
    const { say } = this.words;
    if (!answer.ok) {
      this.say(say("failed", answer.detail || say("offline")), "failed");
      return;
    }
    if (this.waiting === null) return; // the stream was faster than the answer
    this.say(say("sent"), "sent");
    this.waiting = what;
    this.enable(false);
    this.timer = setTimeout(() => this.say(say("not_confirmed"), "failed"), CONFIRMED_WITHIN);
    this.refresh();
  }

  enable(may) {
    this.acknowledgeButton.disabled = this.muteButton.disabled = !may;
  }

  /** Say how it went, and be ready for the next. */
  say(text, kind = "") {
    clearTimeout(this.timer);
    this.waiting = null;
    this.outcome.textContent = text;
    this.outcome.dataset.kind = kind;
    this.enable(true);
  }

  clear() {
    this.id = null;
    this.details = null;
    this.problem = null;
    this.say("");
    this.close();
    this.title.textContent = this.lead.textContent = this.whyLabel.textContent = "";
    facts(this.list, []);
  }
}
