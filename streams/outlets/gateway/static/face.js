/** What one tile shows, worked out from what the server said of it. Pure: no page, no clock of its own. */

import { elapsed } from "./clock.js";
import { clockTime, duration, figure, plain, when } from "./format.js";

const NOT_KNOWN = "–";

/**
 * @param {object} tile as in the stream
 * @param {{now: number|null, asOf: number|null, ticking: boolean, fresh: boolean, withheld: boolean, zone: string, words: object}} board
 */
export function face(tile, board) {
  const { words } = board;
  const status = tile.status === "closed" ? "closed" : board.withheld ? "stale" : tile.status;
  const validAt = dataTime(tile, board);
  const asOf = validAt === null ? "" : words.say("as_of", when(validAt, board.zone, board.now));
  const { number, unit } = status === "closed" ? { number: NOT_KNOWN, unit: "" } : shownValue(tile, board);
  return {
    label: words.said(tile.label),
    asOf: validAt,
    number,
    unit,
    status,
    word: status === "stale" ? asOf : words.said(tile.word || (status === "closed" ? words.say("closed") : "")),
    note: status === "closed" ? opening(tile, board) : shownNote(tile, words),
    tag: tag(tile, status, board, asOf),
    trend: status === "closed" || status === "stale" ? "" : trend(tile, words),
  };
}

/**
 * Up to when the tile is known, ms. A tile that did not change is not sent again: then it is as of the board's
 * watermark, unless the server says that just this one is stale.
 */
function dataTime(tile, board) {
  const own = tile.as_of ?? null;
  if (tile.status === "stale" || board.asOf === null || board.asOf === undefined) return own;
  return own === null ? board.asOf : Math.max(own, board.asOf);
}

/** A waiting clock runs only while the board is live; else it stands at what the data says. */
function shownValue(tile, board) {
  const { words } = board;
  if (tile.kind === "clock" && tile.since !== null && tile.since !== undefined) {
    const until = board.ticking && !board.withheld && tile.status !== "stale" ? board.now : dataTime(tile, board);
    return duration(elapsed(tile.since, until ?? tile.since) / 1_000, words.lang);
  }
  if (tile.status === "low_n" && tile.n !== null && tile.m !== null) {
    return { number: String(tile.n), unit: words.say("n_of_m", tile.m) };
  }
  if (tile.value === null || tile.value === undefined) {
    const missing = tile.reason === "no_cases" || tile.reason === "low_n" ? words.say("not_applicable") : NOT_KNOWN;
    return { number: missing, unit: "" };
  }
  return figure(tile.value, tile.unit, tile.target, words.lang);
}

function shownNote(tile, words) {
  return tile.note ? words.said(tile.note) : tile.value === null && tile.reason ? words.say(reasonKey(tile.reason)) : "";
}

const REASONS = { closed: "is_closed", nobody_waits: "nobody_waits", no_cases: "no_cases", paused: "paused", low_n: "low_n", no_data: "no_data" };
const reasonKey = (reason) => REASONS[reason] ?? "unknown";

function opening(tile, { words, zone, now }) {
  return tile.opens ? words.say("opens", when(tile.opens, zone, now)) : words.say("is_closed");
}

/** The window of the number, unless the note says it; the mute where there is one; 'now' only while it is. */
function tag(tile, status, board, asOf) {
  if (tile.muted) return board.words.say("muted_until", clockTime(tile.muted, board.zone));
  if (status === "stale" || status === "closed") return "";
  if (tile.window === "now" && !board.fresh) return asOf;
  return tile.note?.includes(tile.window) ? "" : board.words.said(tile.window).replace(/^last /, "");
}

function trend(tile, words) {
  if (tile.trend?.state === "open" && tile.trend.ratio) {
    return words.say("usual", plain(Math.round(tile.trend.ratio * 10) / 10, "count", words.lang));
  }
  if (tile.trend?.state === "learning" && !tile.word) return words.say("learning", tile.trend.days, tile.trend.needed);
  return "";
}
