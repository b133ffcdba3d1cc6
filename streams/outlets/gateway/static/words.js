/** The page's words. What the server says in words comes in English and is translated where its form is known. */

import { EN } from "./english.js";
import { DE, DE_SAID } from "./german.js";

/**
 * `say`: a text of the page by its key; `named`: a word of the contract by its kind, itself where it has no text here;
 * `said`: what the server said in words.
 * @param {string} lang
 * @returns {{lang: string, say: (key: string, ...values: unknown[]) => string, named: (kind: string, word?: string|null, value?: string) => string,
 *   said: (text: string) => string}}
 */
export function words(lang) {
  const table = lang === "de" ? { ...EN, ...DE } : EN;
  const say = (key, ...values) => table[key].replace(/\{(\d)\}/g, (_, place) => String(values[Number(place)]));
  return {
    lang: lang === "de" ? "de" : "en",
    say,
    named: (kind, word, value = "") => {
      const key = `${kind}_${word}`;
      return Object.hasOwn(table, key) ? say(key, value) : `${(word ?? "").replaceAll("_", " ")} ${value}`.trim();
    },
    said: (text) => {
      if (lang !== "de") return text;
      const known = DE_SAID.find(([form]) => form.test(text));
      return known ? text.replace(known[0], known[1]).replace(/(\d),(?=\d{3})/g, "$1.") : text;
    },
  };
}
