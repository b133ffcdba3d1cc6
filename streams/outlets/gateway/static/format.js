/** Numbers and instants as text. No sums here: what is shown is what was said. */

/** @typedef {{number: string, unit: string}} Figure */

/** 161 -> 2:41; from an hour on 1:02 h, from two days on 2.1 d. @param {number} seconds @returns {Figure} */
export function duration(seconds, lang = "en") {
  const whole = Math.floor(seconds);
  if (whole < 3_600) return { number: `${Math.floor(whole / 60)}:${two(whole % 60)}`, unit: "" };
  if (whole < 172_800) return { number: `${Math.floor(whole / 3_600)}:${two(Math.floor((whole % 3_600) / 60))}`, unit: "h" };
  return { number: decimal(whole / 86_400, 1, lang), unit: "d" };
}

/**
 * A fraction in per cent, whole; with a decimal where rounding would say 0, 100 or the target and it is none of them.
 * @returns {Figure}
 */
export function ratio(fraction, target = null, lang = "en") {
  const percent = fraction * 100;
  const whole = Math.round(percent);
  const edges = [0, 100, target === null ? null : Math.round(target * 100)];
  const misleading = edges.includes(whole) && Math.abs(percent - whole) >= 0.05 && fraction !== target;
  return { number: decimal(percent, misleading ? 1 : 0, lang), unit: "%" };
}

/** 1,284, in German 1.284; 1.2 M from a million on. @returns {Figure} */
export function count(value, lang = "en") {
  if (Math.abs(value) >= 1_000_000) return { number: decimal(value / 1_000_000, 1, lang), unit: "M" };
  const whole = Number.isInteger(value);
  const text = decimal(Math.abs(value), whole ? 0 : 1, lang);
  const [head, tail] = splitDecimal(text);
  const grouped = head.replace(/\B(?=(\d{3})+$)/g, lang === "de" ? "." : ",");
  return { number: `${value < 0 ? "−" : ""}${grouped}${tail}`, unit: "" };
}

/** One value in its unit. @param {"s"|"fraction"|"points"|"score"|"contacts"|"agents"|"promises"|"answers"} unit */
export function figure(value, unit, target = null, lang = "en") {
  if (unit === "s") return duration(value, lang);
  if (unit === "fraction") return ratio(value, target, lang);
  if (unit === "score") return { number: decimal(value, 2, lang), unit: "" };
  if (unit === "points") return count(Math.round(value), lang);
  return count(value, lang);
}

/** The same as one text: '82 %'. */
export function plain(value, unit, lang = "en") {
  const { number, unit: behind } = figure(value, unit, null, lang);
  return behind ? `${number} ${behind}` : number;
}

const formats = new Map();

function instantFormat(zone, options) {
  const key = `${zone} ${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (!found) {
    try {
      found = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
    } catch {
      found = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hourCycle: "h23", ...options });
    }
    formats.set(key, found);
  }
  return found;
}

const MINUTES = { hour: "2-digit", minute: "2-digit" };
const SECONDS = { ...MINUTES, second: "2-digit" };
const DATE = { year: "numeric", month: "2-digit", day: "2-digit" };

/** 14:32 in the board's zone. */
export const clockTime = (ms, zone) => instantFormat(zone, MINUTES).format(ms);
/** 14:32:05 in the board's zone. */
export const clockSeconds = (ms, zone) => instantFormat(zone, SECONDS).format(ms);

/** 2026-11-21 in the board's zone. */
export function date(ms, zone) {
  const parts = Object.fromEntries(instantFormat(zone, DATE).formatToParts(ms).map((part) => [part.type, part.value]));
  return `${parts.year}-${parts.month}-${parts.day}`;
}

/** 14:32, and with the day where it is another one than that of `now`. */
export function when(ms, zone, now) {
  const time = clockTime(ms, zone);
  return now === null || date(ms, zone) === date(now, zone) ? time : `${date(ms, zone)} ${time}`;
}

/** Europe/Berlin -> Berlin. */
export const city = (zone) => zone.split("/").at(-1).replaceAll("_", " ");

/** 0:34, 12:05, 1:02:41: how long something lasts, counting. */
export function counting(ms) {
  const whole = Math.floor(ms / 1_000);
  const hours = Math.floor(whole / 3_600);
  const minutes = Math.floor((whole % 3_600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function two(value) {
  return String(value).padStart(2, "0");
}

function decimal(value, digits, lang) {
  const text = value.toFixed(digits);
  return lang === "de" ? text.replace(".", ",") : text;
}

function splitDecimal(text) {
  const at = text.search(/[.,]/);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
}
