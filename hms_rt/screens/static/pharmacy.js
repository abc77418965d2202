// A dispensary's work: what waits to be prepared, what lies ready, what is on hold. For the pharmacy's staff.

import { byId, make, write } from "./dom.js";
import { Filter } from "./filter.js";
import { dress, showStatus } from "./frame.js";
import { cell, LiveTable } from "./live-table.js";
import { authorise } from "./session.js";
import { RoomStream } from "./stream.js";
import { span, text } from "./texts.js";

const code = decodeURIComponent(location.pathname.split("/").pop());
const LONG_MS = 30 * 60_000; // so long a prescription waits before it stands out
const TURNS = ["to_prepare", "partly", "ready", "on_hold"];
const table = new LiveTable(byId("list"), ["number", "patient", "where", "medicines", "state", "since"], cells);
const filter = new Filter(["all", ...TURNS], text("find_prescription"), () => render(null));
let state = new Map();
let status = null;

/** What is to be done: of what is partly dispensed, the rest. */
function turn({ state: is, ready }) {
  if (is === "on_hold") return "on_hold";
  if (ready) return "ready";
  return is === "partially_dispensed" ? "partly" : "to_prepare";
}

const oldestFirst = ([, a], [, b]) => Date.parse(a.prescribed_at) - Date.parse(b.prescribed_at) || a.number - b.number;

function cells(row, one) {
  row.dataset.state = turn(one);
  const age = make("span", "age");
  age.dataset.since = one.prescribed_at;
  return [
    cell("number", make("b", "", String(one.number))),
    cell("patient", make("span", "who", one.patient_name || text("unknown_patient")), make("small", "", one.mrn ?? "")),
    cell("where", where(one), one.take_home && one.ward ? make("small", "", text("to_take_home")) : null),
    cell("medicines", make("ul", "", ...one.lines.map(line))),
    cell("state", make("span", "state", text(`kind_${turn(one)}`))),
    cell("since", age),
  ];
}

function where({ ward, clinic }) {
  if (ward) return text("ward", { code: ward });
  return clinic ? text("clinic", { code: clinic }) : text("at_the_counter");
}

function line({ name, quantity, dispensed, dispense_unit: unit, controlled, not_dispensed: refused, allergy_alert: alert }) {
  const much = dispensed === "0" ? `${quantity} ${unit}` : text("part_of", { part: dispensed, whole: quantity, unit });
  const made = make("li", refused ? "refused" : "", make("span", "medicine", name), " ", make("span", "much", much));
  if (alert) made.append(" ", make("span", "mark-word recalled", text("allergy_alert")));
  if (controlled) made.append(" ", make("span", "mark-word", text("controlled")));
  if (refused) made.append(" ", make("span", "mark-word", text("not_dispensed")));
  return made;
}

function showAges() {
  const now = status?.clock ?? Date.now();
  for (const age of document.querySelectorAll("[data-since]")) {
    const waited = now - Date.parse(age.dataset.since);
    write(age, span(waited));
    const row = age.closest("tr");
    row.classList.toggle("late", waited > LONG_MS && ["to_prepare", "partly"].includes(row.dataset.state));
  }
}

function showFacts(numbers, all) {
  const waiting = all.filter(([, one]) => ["to_prepare", "partly"].includes(turn(one)));
  const now = status?.clock ?? Date.now();
  const longest = waiting.length ? span(now - Date.parse(waiting[0][1].prescribed_at)) : "–";
  byId("facts").replaceChildren(
    fact(text("kind_to_prepare"), String(waiting.length)),
    fact(text("kind_ready"), String(numbers.ready)),
    fact(text("of_wards"), String(waiting.filter(([, { ward }]) => ward).length)),
    fact(text("longest_wait"), longest),
  );
}

const fact = (words, value) => make("div", "", make("dt", "", words), make("dd", "", value));

function render(changed) {
  write(byId("name"), text("dispensary", { code }));
  write(byId("under"), text("prescriptions"));
  document.title = `${text("prescriptions")} ${code} · hms-rt`;
  const all = [...state].filter(([key]) => key.startsWith("prescription:")).sort(oldestFirst);
  const numbers = { all: all.length };
  for (const name of TURNS) numbers[name] = all.filter(([, one]) => turn(one) === name).length;
  filter.count(numbers);
  const shown = all
    .filter(([, one]) => filter.kind === "all" || turn(one) === filter.kind)
    .filter(([, one]) => filter.finds(one.number, one.patient_name, one.mrn, one.ward, one.clinic, ...one.lines.map(({ name }) => name)))
    .sort(([, a], [, b]) => TURNS.indexOf(turn(a)) - TURNS.indexOf(turn(b)));
  table.show(shown, changed);
  byId("none").hidden = shown.length > 0;
  write(byId("none"), text(all.length ? "nothing_found" : "nobody_waiting"));
  showFacts(numbers, all);
  showAges();
}

dress();

new RoomStream({
  io: window.io,
  namespace: "/pharmacy",
  room: `dispensary:${code}`,
  authorise,
  onState: (now, keys) => { state = now; render(keys); },
  onStatus: (now) => {
    status = now;
    showStatus(now);
    showAges();
  },
}).start();
