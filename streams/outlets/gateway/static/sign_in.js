/** The screen of somebody who is signed out: nothing of the board is left, only the form. */

import { signIn } from "./api.js";

export class SignIn {
  /** @param {HTMLElement} element @param {object} words @param {() => void} done */
  constructor(element, words, done) {
    this.element = element;
    this.words = words;
    this.done = done;
    this.key = element.querySelector("#key");
    this.error = element.querySelector("#sign-in-error");
    this.button = element.querySelector("button");
    element.querySelector("h1").textContent = words.say("signed_out_title");
    element.querySelector("p").textContent = words.say("signed_out_text");
    element.querySelector("label span").textContent = words.say("key");
    this.button.textContent = words.say("sign_in");
    element.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
  }

  show() {
    if (!this.element.hidden) return;
    this.element.hidden = false;
    this.error.textContent = "";
    this.key.focus();
  }

  hide() {
    this.element.hidden = true;
    this.key.value = "";
  }

  async send() {
    const key = this.key.value.trim();
    if (!key) return;
    this.button.disabled = true;
    const answer = await signIn(key);
    this.button.disabled = false;
    if (answer.ok) {
      this.hide();
      this.done();
      return;
    }
    const { say } = this.words;
    this.error.textContent = answer.status === 401 || answer.status === 403 ? say("sign_in_failed")
      : say("failed", answer.detail || say("offline"));
    this.key.select();
  }
}
