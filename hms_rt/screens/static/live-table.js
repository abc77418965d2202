// Tables of live things: a row is kept by its key, so that nothing jumps, and a row that changes can be seen.

import { flash, make } from "./dom.js";
import { text } from "./texts.js";

/** A cell of the column `name`; on a phone it carries the column's heading itself. */
export function cell(name, ...children) {
  const made = make("td", name, ...children);
  made.dataset.label = text(`col_${name}`);
  return made;
}

export class LiveTable {
  #body; #cells;
  #rows = new Map(); // key -> {element, shown}

  /** `cells(row, value)` answers the cells of one value, and may mark the row. */
  constructor(table, columns, cells) {
    this.#body = table.tBodies[0];
    this.#cells = cells;
    table.tHead.rows[0].replaceChildren(...columns.map((name) => heading(name)));
  }

  /** Show `entries`, [key, value] in order; the rows of `changed` keys (a Set, or null) are lit up. */
  show(entries, changed) {
    const wanted = new Set(entries.map(([key]) => key));
    for (const key of this.#rows.keys()) if (!wanted.has(key)) this.#rows.delete(key);
    for (const [key, value] of entries) this.#fill(key, value, changed?.has(key));
    const order = entries.map(([key]) => this.#rows.get(key).element);
    const there = this.#body.rows;
    if (there.length !== order.length || order.some((row, index) => there[index] !== row)) this.#body.replaceChildren(...order);
  }

  #fill(key, value, changed) {
    const shown = JSON.stringify(value);
    const known = this.#rows.get(key);
    if (known?.shown === shown) return;
    const element = known?.element ?? make("tr", "");
    element.className = "";
    element.replaceChildren(...this.#cells(element, value));
    this.#rows.set(key, { element, shown });
    if (changed) requestAnimationFrame(() => flash(element, "changed"));
  }
}

function heading(name) {
  const made = make("th", name, text(`col_${name}`));
  made.scope = "col";
  return made;
}
