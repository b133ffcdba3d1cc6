/** What all dialogs share: a list of facts, a close button, and the focus back where it was. */

/** Fill a <dl> with [name, text] pairs; those without a text are left out. */
export function facts(list, pairs) {
  list.replaceChildren(
    ...pairs.filter(([, text]) => text !== null && text !== undefined && text !== "").flatMap(([name, text]) => {
      const term = document.createElement("dt");
      const said = document.createElement("dd");
      term.append(name);
      said.append(...(text instanceof Node ? [text] : [String(text)]));
      return [term, said];
    }),
  );
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
