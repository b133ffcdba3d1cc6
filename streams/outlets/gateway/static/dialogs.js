/** What all dialogs share: a list of facts, a close button, and the focus back where it was. */

const filled = new WeakMap(); // what each list says: filled again only where that changed, so that a selection stays

/** Fill a <dl> with [name, text or lines] pairs; those without a text are left out. */
export function facts(list, pairs) {
  const told = pairs.map(([name, text]) => [name, [text ?? ""].flat().map(String).filter(Boolean)]).filter(([, lines]) => lines.length);
  const said = JSON.stringify(told);
  if (filled.get(list) === said) return;
  filled.set(list, said);
  list.replaceChildren(...told.flatMap(([name, lines]) => [element("dt", name), ...lines.map((line) => element("dd", line))]));
}

function element(name, text) {
  const made = document.createElement(name);
  made.append(text);
  return made;
}

export class Dialog {
  /** @param {HTMLDialogElement} element @param {object} words */
  constructor(element, words) {
    this.element = element;
    this.words = words;
    this.title = element.querySelector("h2");
    this.lead = element.querySelector(".lead");
    this.list = element.querySelector("dl");
    const close = element.querySelector(".close");
    close.textContent = words.say("close");
    close.addEventListener("click", () => element.close());
    element.addEventListener("click", (event) => event.target === element && outside(element, event) && element.close());
  }

  get open() {
    return this.element.open;
  }

  show() {
    if (!this.element.open) this.element.showModal();
  }

  close() {
    if (this.element.open) this.element.close();
  }
}

function outside(element, { clientX, clientY }) {
  const box = element.getBoundingClientRect();
  return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
}
