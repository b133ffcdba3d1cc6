/** What a screen reader is told: changes of alerts, and nothing else. */

export class News {
  /** @param {HTMLElement} element a polite live region @param {object} words */
  constructor(element, words) {
    this.element = element;
    this.words = words;
  }

  /** @param {object|undefined} before @param {object} alert */
  alert(before, alert) {
    const said = this.change(before, alert);
    if (said) this.element.textContent = said;
  }

  change(before, alert) {
    const { say } = this.words;
    const over = (state) => state === "resolved" || state === "retracted";
    if (over(alert.state)) return before && !over(before.state) ? say("news_ended", alert.summary) : "";
    if (alert.acknowledged && !before?.acknowledged) return say("news_acked", alert.acknowledged.by, alert.summary);
    return !before || over(before.state) ? say("news_opened", alert.summary) : "";
  }

  clear() {
    this.element.textContent = "";
  }
}
