/** What an alert rests on and who was told of it, in words. Frozen when the alert's record was made. Pure. */

import { clockSeconds, clockTime, count, counting, plain, when } from "./format.js";
import { elapsed } from "./clock.js";

const TOLD_SHOWN = 6;

/** An alert of the API as the stream has it: instants in ms, counts beside the rest. */
export function lineOf(alert) {
  const { acknowledged: ack } = alert;
  return {
    ...alert,
    started_at: Date.parse(alert.started_at),
    ended_at: alert.ended_at ? Date.parse(alert.ended_at) : null,
    open: alert.evidence.open,
    total: alert.evidence.total,
    acknowledged: ack ? { by: ack.by, at: Date.parse(ack.at) } : null,
    muted: Boolean(alert.muted),
  };
}

/**
 * @param {{alert: object, deliveries: object[]}} details as /api/v1/alerts/ID says them
 * @param {{words: object, zone: string, now: number|null}} board
 * @returns {[string, string|string[]][]} names and texts
 */
export function evidenceOf({ alert, deliveries }, { words, zone, now }) {
  const { say } = words;
  const { evidence } = alert;
  return [
    [say("field_target"), evidence.target ? plain(evidence.target, "s", words.lang) : ""],
    [say("field_evidence"), [...trend(evidence.trend, words, zone), ...subjects(evidence, words, zone)]],
    [say("field_note"), alert.acknowledged?.note],
    [say("field_told"), told(alert, deliveries, words, zone)],
    [say("field_as_of"), instant(alert.updated_at, zone, now)],
  ];
}

const seconds = (text, zone) => clockSeconds(Date.parse(text), zone);

/** With seconds, and with the day where it is another one than today. */
function instant(text, zone, now) {
  const at = Date.parse(text);
  const day = when(at, zone, now).slice(0, -clockTime(at, zone).length);
  return `${day}${clockSeconds(at, zone)}`;
}

function subjects(evidence, words, zone) {
  const promises = (evidence.subjects ?? []).filter((subject) => subject.due_at);
  const lines = promises.map(({ since, due_at, ended_at, outcome }) => {
    if (!ended_at) return words.say("subject_open", seconds(since, zone), seconds(due_at, zone));
    const waited = counting(elapsed(Date.parse(since), Date.parse(ended_at)));
    return words.say("subject_over", seconds(since, zone), seconds(ended_at, zone), waited, words.named("outcome", outcome));
  });
  const rest = evidence.total - promises.length;
  if (promises.length && rest > 0) lines.push(words.say("more", rest));
  if (evidence.corrected) lines.push(words.say("corrected", evidence.corrected));
  return lines;
}

function trend(found, { say, lang }, zone) {
  if (!found) return [];
  if (found.last_seen) {
    const heard = say("last_heard", seconds(found.last_seen, zone));
    return [heard, found.limit ? say("silent_after", plain(found.limit, "s", lang)) : say("records_due", rounded(found.expected, lang))];
  }
  return [say("arrivals", rounded(found.observed, lang), rounded(found.expected, lang)), found.days ? say("past_days", found.days) : ""].filter(Boolean);
}

const rounded = (value, lang) => count(value < 10 ? Math.round(value * 10) / 10 : Math.round(value), lang).number;

/** The newest messages last. Nobody told has a reason, and it is said. */
function told(alert, deliveries, { say, named }, zone) {
  if (!deliveries.length) {
    if (alert.mode === "replay") return say("told_replay");
    return alert.told ? say("told_unknown") : alert.muted ? say("told_muted") : say("told_nobody");
  }
  const lines = deliveries.toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at)).map((each) => {
    const how = each.outcome === "sent" ? "" : each.detail ?? "";
    return say("told", each.receiver, named("notify", each.notify), named("delivery", each.outcome), clockTime(Date.parse(each.at), zone)) + (how && `: ${how}`);
  });
  const earlier = lines.length - TOLD_SHOWN;
  return earlier > 0 ? [say("earlier", earlier), ...lines.slice(-TOLD_SHOWN)] : lines;
}
