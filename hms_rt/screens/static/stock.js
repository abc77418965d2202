// What lies in a store: its medicines with their lots, what is low, what expires, what is recalled. For the
// pharmacy; of a ward's cupboard for the ward's nurses, too.

import { byId, make, natural, write } from "./dom.js";
import { Filter } from "./filter.js";
import { dress, showStatus } from "./frame.js";
import { cell, LiveTable } from "./live-table.js";
import { authorise, call } from "./session.js";
import { RoomStream } from "./stream.js";
import { locale, text } from "./texts.js";

const code = decodeURIComponent(location.pathname.split("/").pop());
const DAY_MS = 86_400_000;
const SOON_DAYS = 100; // nearer than that, days are counted
const MARKS = ["recalled", "expired", "near_expiry"];
const day = new Intl.DateTimeFormat(locale, { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" });
const table = new LiveTable(byId("list"), ["medicine", "lot", "expires", "quantity", "standing"], cells);
const filter = new Filter(["all", "low", ...MARKS], text("find_medicine"), () => render(null));
const known = new Map(); // code of a medicine -> its entry in the formulary
let state = new Map();
let status = null;
let store = null;

const unit = (medicine) => known.get(medicine)?.dispense_unit ?? "";
const nameOf = (medicine) => known.get(medicine)?.name ?? medicine;
const mark = (name) => make("span", `mark-word ${name}`, text(`kind_${name}`));

/** Of several marks the gravest counts; a recalled lot is not told to be expired as well. */
const standing = (lot) => MARKS.find((name) => lot[name]) ?? null;

// --- rows: a medicine, then its lots in the order of their last day

function groups() {
  const found = new Map();
  const of = (medicine) => {
    if (!found.has(medicine)) found.set(medicine, { medicine, shelf: null, lots: [] });
    return found.get(medicine);
  };
  for (const [key, value] of state) {
    if (key.startsWith("medicine:")) of(value.medicine).shelf = value;
    else if (key.startsWith("lot:")) of(value.medicine).lots.push([key, value]);
  }
  for (const { lots } of found.values()) lots.sort(([, a], [, b]) => a.expires_on.localeCompare(b.expires_on) || natural(a.lot, b.lot));
  return [...found.values()].sort((a, b) => natural(nameOf(a.medicine), nameOf(b.medicine)));
}

function rowsOf({ medicine, shelf, lots }) {
  const low = shelf?.low ?? false;
  const listed = lots.filter(([, lot]) => ["all", "low"].includes(filter.kind) || lot[filter.kind])
    .filter(([, lot]) => filter.finds(medicine, nameOf(medicine), lot.lot));
  const here = filter.kind === "low" ? low : filter.kind === "all" || listed.length > 0;
  if (!here || (!listed.length && !filter.finds(medicine, nameOf(medicine)))) return [];
  const head = { name: nameOf(medicine), unit: unit(medicine), medicine, shelf };
  return [[`medicine:${medicine}`, head], ...listed.map(([key, lot]) => [key, { ...lot, unit: unit(medicine), left: left(lot) }])];
}

function cells(row, value) {
  return value.lot_id ? lotCells(row, value) : medicineCells(row, value);
}

function medicineCells(row, { name, unit: of, medicine, shelf }) {
  row.className = "group";
  const level = shelf?.reorder_level ?? null;
  return [
    cell("medicine", make("b", "", name), name === medicine ? null : make("small", "", medicine)),
    cell("lot"),
    cell("expires"),
    cell("quantity", make("b", "", `${shelf?.usable ?? "0"} ${of}`), level === null ? null : make("small", "", text("order_at", { level }))),
    cell("standing", shelf?.low ? mark("low") : null),
  ];
}

function lotCells(row, lot) {
  const is = standing(lot);
  row.className = is ?? "";
  return [
    cell("medicine"),
    cell("lot", lot.lot),
    cell("expires", day.format(Date.parse(lot.expires_on)), lot.left && make("small", "", lot.left)),
    cell("quantity", `${lot.quantity} ${lot.unit}`),
    cell("standing", is ? mark(is) : null),
  ];
}

/** How many days a lot may still be handed over, where it is not long; its last day counts. */
function left({ expires_on: last }) {
  const days = Math.floor((Date.parse(last) - (status?.clock ?? Date.now())) / DAY_MS) + 1;
  if (days > SOON_DAYS) return "";
  return days < 0 ? text("days_over", { n: -days }) : text("days_left", { n: days });
}

// --- the whole

function render(changed) {
  const title = store?.name ?? text("store", { code });
  write(byId("name"), title);
  document.title = `${title} · hms-rt`;
  const all = groups();
  const lots = all.flatMap((group) => group.lots);
  const numbers = { all: all.length, low: all.filter(({ shelf }) => shelf?.low).length };
  for (const name of MARKS) numbers[name] = lots.filter(([, lot]) => lot[name]).length;
  filter.count(numbers);
  write(byId("under"), text("in_store", { medicines: all.length, lots: lots.length }));
  const shown = all.flatMap(rowsOf);
  table.show(shown, changed);
  byId("none").hidden = shown.length > 0;
  write(byId("none"), text(all.length ? "nothing_found" : "store_empty"));
}

let asked = false;

/** The names of store and medicines; asked for once, when the server has shown the store. */
async function learn() {
  asked = true;
  const found = await call("GET", `/pharmacy/stores/${code}`);
  if (found?.ok) store = await found.json();
  let cursor = "";
  do {
    const answer = await call("GET", `/pharmacy/formulary?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    const page = answer?.ok ? await answer.json() : { items: [], next_cursor: null };
    for (const one of page.items) known.set(one.code, one);
    cursor = page.next_cursor;
  } while (cursor);
  render(null);
}

dress();

new RoomStream({
  io: window.io,
  namespace: "/pharmacy",
  room: `stock:${code}`,
  authorise,
  onState: (now, keys) => {
    state = now;
    render(keys);
    if (state.size && !asked) learn();
  },
  onStatus: (now) => {
    const day = new Date(status?.clock ?? 0).toDateString(); // what is left changes at midnight
    status = now;
    showStatus(now);
    if (day !== new Date(now.clock).toDateString()) render(null);
  },
}).start();
