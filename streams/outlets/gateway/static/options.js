/** What the address says: ?tv=1&board=floor&pages=1,2&rotate=20&theme=dark&scale=1&sound=0&lang=de&alert=ID */

/** @param {string} search the address's query */
export function options(search) {
  const given = new URLSearchParams(search);
  const number = (name, least, most, otherwise) => {
    const value = Number(given.get(name));
    return given.has(name) && Number.isFinite(value) && value !== 0 ? Math.min(most, Math.max(least, value)) : otherwise;
  };
  const flag = (name) => ["1", "true", ""].includes(given.get(name) ?? "0");
  const one = (name, allowed, otherwise) => (allowed.includes(given.get(name)) ? given.get(name) : otherwise);
  return Object.freeze({
    tv: flag("tv"),
    board: given.get("board") || "floor",
    pages: (given.get("pages") ?? "").split(",").map(Number).filter((page) => Number.isInteger(page) && page > 0),
    rotate: number("rotate", 5, 3_600, 0),
    theme: one("theme", ["dark", "light", "auto"], "dark"),
    scale: number("scale", 1, 2, 1),
    sound: flag("sound"),
    lang: one("lang", ["en", "de"], "en"),
    alert: given.get("alert"),
  });
}
