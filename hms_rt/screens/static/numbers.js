// A wall of numbers, as large as there is room for; a new one is lit up. Screens before counters show it.

import { flash, make } from "./dom.js";
import { widest } from "./fit.js";

const GAP = 14;

export class Numbers {
  #list; #columns; #most;
  #cards = new Map(); // key -> element

  /** `columns`: how many for so many numbers; `most`: of more, the last ones are shown. */
  constructor(list, { columns, most = 24 }) {
    this.#list = list;
    this.#columns = columns;
    this.#most = most;
  }

  /** Show `entries`, [key, number] in order; `fresh`: light up what was not there. Answers how many are left out. */
  show(entries, fresh) {
    const shown = entries.slice(-this.#most);
    const keys = new Set(shown.map(([key]) => key));
    for (const key of this.#cards.keys()) if (!keys.has(key)) this.#cards.delete(key);
    for (const [key, number] of shown) {
      if (this.#cards.has(key)) continue;
      const card = make("li", "call", make("b", "label", String(number)));
      card.dataset.state = "called";
      this.#cards.set(key, card);
      if (fresh) requestAnimationFrame(() => flash(card, "flash"));
    }
    this.#list.replaceChildren(...shown.map(([key]) => this.#cards.get(key)));
    this.#size(shown.map(([, number]) => String(number)));
    return entries.length - shown.length;
  }

  /** Rows as high as the screen allows, and numbers as large as a row and the longest number allow. */
  #size(shown) {
    const columns = this.#columns(shown.length);
    const rows = Math.max(3, Math.ceil(shown.length / columns));
    const tall = (this.#list.clientHeight - (rows - 1) * GAP) / rows;
    const wide = (this.#list.clientWidth - (columns - 1) * GAP) / columns;
    const points = Math.min(tall * 0.7, (wide * 0.85) / Math.max(widest(shown, 750), 1));
    for (const [name, value] of Object.entries({ columns, rows, gap: `${GAP}px`, size: `${points}px` })) {
      this.#list.style.setProperty(`--${name}`, String(value));
    }
  }
}
