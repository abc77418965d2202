// What a list shows of all there is: one of several kinds, and what somebody types.

import { byId, make, write } from "./dom.js";
import { text } from "./texts.js";

/**
 * Buttons for `kinds`, each with how many there are, and a field to type in.
 *
 * `onChange()` is called when somebody chooses or types; `kind` and `words` say what for.
 */
export class Filter {
  kind;
  words = "";
  #buttons = new Map();

  constructor(kinds, placeholder, onChange) {
    this.kind = kinds[0];
    for (const kind of kinds) this.#buttons.set(kind, this.#button(kind, onChange));
    byId("kinds").replaceChildren(...[...this.#buttons.values()].map(({ button }) => button));
    const field = byId("find");
    field.placeholder = placeholder;
    field.setAttribute("aria-label", placeholder);
    field.addEventListener("input", () => {
      this.words = plain(field.value);
      onChange();
    });
    this.#press();
  }

  /** Say how many there are of each kind: {kind: number}. */
  count(numbers) {
    for (const [kind, { button, number }] of this.#buttons) {
      write(number, String(numbers[kind] ?? 0));
      button.classList.toggle("none", !numbers[kind]);
    }
  }

  /** True if one of `texts` holds what was typed, however it is written. */
  finds(...texts) {
    return !this.words || texts.some((one) => plain(String(one ?? "")).includes(this.words));
  }

  #button(kind, onChange) {
    const number = make("b", "", "0");
    const button = make("button", "chip", make("span", "", text(`kind_${kind}`)), number);
    button.type = "button";
    button.dataset.kind = kind;
    button.addEventListener("click", () => {
      this.kind = kind;
      this.#press();
      onChange();
    });
    return { button, number };
  }

  #press() {
    for (const [kind, { button }] of this.#buttons) button.setAttribute("aria-pressed", String(kind === this.kind));
  }
}

/** Without case and accents: "Jiménez" is found by "jimenez". */
const plain = (words) => words.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
