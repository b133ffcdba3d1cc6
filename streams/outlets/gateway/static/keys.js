/** Keys of the page. A key typed into a field, or with Ctrl, Alt or Meta, is not ours. */

const ARROWS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);

/**
 * @param {{page: (n: number) => void, move: (key: string) => boolean, [key: string]: Function}} does by key
 * @param {() => boolean} busy whether a dialog is open: Esc closes it, the rest waits
 */
export function listen(does, busy) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat && !ARROWS.has(event.key)) return;
    if (event.target instanceof HTMLInputElement || busy()) return;
    if (ARROWS.has(event.key)) {
      if (does.move(event.key)) event.preventDefault();
    } else if (/^[1-9]$/.test(event.key)) {
      does.page(Number(event.key) - 1);
    } else if (Object.hasOwn(does, event.key)) {
      event.preventDefault();
      does[event.key]();
    }
  });
}
