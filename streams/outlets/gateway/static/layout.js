/** How many tiles stand side by side and above each other, and how large they are. Pure. */

/**
 * @param {number} tiles how many the page has
 * @param {number} scale 1 to 2, from the address
 * @param {"wide"|"tall"|"hand"} shape of the screen; `across`: how many fit in a hand-held one
 * @returns {{cols: number, rows: number, size: number, chrome: number, room: number}} `room`: tiles a page holds at
 *   most; `size`: factor of the tiles, `chrome`: of header, strip and footer
 */
export function layout(tiles, scale, shape, across = 1) {
  if (shape === "hand") return { cols: across, rows: 0, size: 1, chrome: 1, room: 12 };
  const [mostCols, mostRows] = shape === "wide" ? [Math.round(4 / scale), Math.floor(3 / scale)]
    : [scale > 1 ? 1 : 2, Math.floor(6 / scale)];
  const room = mostCols * mostRows;
  const shown = Math.min(Math.max(tiles, 1), room);
  const full = shape === "wide" ? [4, 3] : [2, 6];
  // Fewer tiles are larger ones: the rows that let them be largest, as far as both directions allow.
  let best = null;
  for (let rows = Math.ceil(shown / mostCols); rows <= mostRows; rows += 1) {
    const cols = Math.ceil(shown / rows);
    const size = Math.min(full[0] / cols, full[1] / rows, 2.4);
    if (best === null || size > best.size) best = { cols, rows, size };
  }
  return { ...best, size: Math.max(scale, best.size), chrome: Math.sqrt(scale), room };
}

/** A server page of more tiles than there is room becomes several. @template T @param {T[]} tiles */
export function split(tiles, room) {
  const pages = [];
  for (let first = 0; first < tiles.length; first += room) pages.push(tiles.slice(first, first + room));
  return pages.length ? pages : [[]];
}
