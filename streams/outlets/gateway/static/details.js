/** The dialogs of a tile's details and of the keys. */

import { Dialog, facts } from "./dialogs.js";
import { face } from "./face.js";
import { clockSeconds, plain } from "./format.js";
import { summary } from "./spark.js";

export class Details extends Dialog {
  /** @param {object} tile @param {object} context what `face` needs */
  of(tile, context) {
    const { words, zone } = context;
    const { say } = words;
    const shown = face(tile, context);
    this.title.textContent = shown.label;
    this.lead.textContent = [`${shown.number} ${shown.unit}`.trim(), shown.word, shown.note].filter(Boolean).join(" · ");
    facts(this.list, [
      [say("field_metric"), tile.metric],
      [say("field_version"), tile.version],
      [say("field_target"), tile.target === null ? "" : plain(tile.target, tile.unit, words.lang)],
      [say("field_better"), tile.direction ? say(tile.direction) : ""],
      [say("field_window"), words.said(tile.window)],
      [say("field_cases"), tile.n === null || tile.m === null ? "" : say("of", tile.n, tile.m)],
      [say("field_as_of"), shown.asOf === null ? "" : clockSeconds(shown.asOf, zone)],
      [say("field_past"), summary(tile.series, tile.unit, words)],
    ]);
    this.show();
  }
}

const KEYS = [
  ["?", "key_help"], ["f", "key_full"], ["t", "key_tv"], ["1 2 3", "key_page"], ["← ↑ → ↓", "key_move"],
  ["Enter", "key_enter"], ["d", "key_definition"], ["a", "key_acknowledge"], ["p", "key_pause"], ["m", "key_sound"],
  ["Esc", "key_esc"],
];

export class Help extends Dialog {
  constructor(element, words) {
    super(element, words);
    this.title.textContent = words.say("help");
    this.list.replaceChildren(
      ...KEYS.flatMap(([keys, said]) => {
        const term = document.createElement("dt");
        for (const key of keys.split(" ")) {
          const cap = document.createElement("kbd");
          cap.append(key);
          term.append(cap, " ");
        }
        const text = document.createElement("dd");
        text.append(words.say(said));
        return [term, text];
      }),
    );
  }

  of(build, board, unread) {
    const { say } = this.words;
    this.element.querySelector("#help-build").textContent =
      `${say("build", build ?? "–", board)}${unread ? ` · ${say("unread", unread)}` : ""}`;
    this.show();
  }
}
