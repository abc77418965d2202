// A cashier's counter. The screen before it shows which numbers are to be paid there, and nothing else; whoever
// takes money there sees the shift, too, and what is due; whoever sells there sees the shift and its drawer, and no
// invoice. The server decides which of the three this is.

import { byId, make, write } from "./dom.js";
import { Filter } from "./filter.js";
import { dress, showStatus } from "./frame.js";
import { cell, LiveTable } from "./live-table.js";
import { sum, written } from "./money.js";
import { Numbers } from "./numbers.js";
import { authorise, call, whoAmI } from "./session.js";
import { RoomStream } from "./stream.js";
import { span, text } from "./texts.js";

const code = decodeURIComponent(location.pathname.split("/").pop());
const wall = new Numbers(byId("numbers"), { columns: (n) => (n > 12 ? 4 : n > 6 ? 3 : n > 2 ? 2 : 1) });
const table = new LiveTable(byId("list"), ["number", "state", "total", "due"], cells);
const filter = new Filter(["all", "issued", "part_paid"], text("find_number"), () => showDesk(null));
let state = new Map();
let status = null;
let money = null; // the currency, once it is known
let me = null;

const sells = () => status?.audience === "seller";
const behind = () => status?.audience === "staff" || sells();
const invoices = () => [...state].filter(([key]) => key.startsWith("invoice:")).sort(([, a], [, b]) => a.number - b.number);

// --- the screen before the counter

function showWall(fresh) {
  const left = wall.show(invoices().map(([key, { number }]) => [key, number]), fresh);
  const nobody = invoices().length === 0;
  byId("nobody").hidden = !nobody;
  byId("pay").hidden = nobody;
  byId("rest").hidden = left === 0;
  write(byId("rest"), text("and_more", { n: left }));
  write(byId("under"), text("please_pay"));
}

// --- for those who take money or sell there

function cells(row, { number, state: is, total, due, currency }) {
  row.dataset.state = is;
  return [
    cell("number", make("b", "", String(number))),
    cell("state", make("span", "state", text(`kind_${is}`))),
    cell("total", written(total, currency)),
    cell("due", make("b", "", written(due, currency))),
  ];
}

function showDesk(changed) {
  const all = invoices();
  const shown = all.filter(([, one]) => (filter.kind === "all" || one.state === filter.kind) && filter.finds(one.number));
  const part = all.filter(([, one]) => one.state === "part_paid").length;
  filter.count({ all: all.length, issued: all.length - part, part_paid: part });
  table.show(shown.map(([key, one]) => [key, { ...one, currency: money }]), changed);
  byId("none").hidden = shown.length > 0;
  write(byId("none"), text(all.length ? "nothing_found" : "nothing_to_pay"));
  write(byId("under"), state.get("shift") ? text("shift_open") : text("shift_none"));
  showFacts(all);
}

function showFacts(all) {
  const shift = state.get("shift");
  byId("facts").replaceChildren(
    ...(shift ? [
      fact("since", text("shift_since"), span((status?.clock ?? Date.now()) - Date.parse(shift.opened_at))),
      fact("", text("shift_by"), shift.cashier === me?.id ? text("shift_mine") : text("shift_other")),
      fact("", text("in_the_drawer"), written(shift.cash, money)),
    ] : [fact("warn", text("shift"), text("shift_closed"))]),
    ...(sells() ? [] : [
      fact("", text("to_pay"), String(all.length)),
      fact("due", text("due_in_all"), written(sum(all.map(([, { due }]) => due)), money)),
    ]),
  );
}

const fact = (className, words, value) => make("div", className, make("dt", "", words), make("dd", "", value));

// --- the whole

function render(changed) {
  write(byId("name"), text("cashier", { code }));
  document.title = `${text("cashier", { code })} · hms-rt`;
  document.body.dataset.audience = status?.audience ?? "display";
  if (behind()) showDesk(changed);
  else showWall(changed !== null);
}

/** What amounts are in, and whose shift is one's own: asked for once, when the server says that this is behind the counter. */
async function learn() {
  me = await whoAmI();
  const answer = await call("GET", "/billing/currency");
  money = answer?.ok ? await answer.json() : null;
  render(null);
}

dress();
addEventListener("resize", () => render(null));

new RoomStream({
  io: window.io,
  namespace: "/billing",
  room: `cashier:${code}`,
  authorise,
  onState: (now, keys) => { state = now; render(keys); },
  onStatus: (now) => {
    const seenBy = status?.audience;
    status = now;
    showStatus(now);
    if (seenBy !== now.audience) render(null);
    if (behind() && seenBy !== now.audience) learn();
    if (behind()) showFacts(invoices());
  },
}).start();
