// The strip of counts by status; it is the legend of the tiles as well.

import { byId, make, write } from "./dom.js";
import { symbol } from "./symbols.js";
import { text } from "./texts.js";

export const STATUSES = ["available", "occupied", "reserved", "cleaning", "contaminated", "out_of_service"];

/** Show `occupancy` ({total, available, ...}) in the bar; without one, nothing. */
export function showSums(occupancy) {
  byId("sums").hidden = !occupancy;
  write(byId("under"), occupancy ? text("beds_occupied", occupancy) : " ");
  byId("sums").replaceChildren(...(occupancy ? STATUSES.map((name) => sum(name, occupancy[name] ?? 0)) : []));
}

function sum(name, count) {
  const made = make("li", "sum", make("span", "mark", symbol(name)), make("b", "", String(count)), make("span", "word", text(name)));
  made.dataset.status = name;
  made.classList.toggle("none", count === 0);
  return made;
}
