// The queue screen of a clinic: which number goes where, who is next, how long it may take. Never a name: this
// page reads none, whoever is signed in.

import { byId, flash, make, natural, write } from "./dom.js";
import { widest } from "./fit.js";
import { dress, showStatus } from "./frame.js";
import { authorise } from "./session.js";
import { announce, offerSound } from "./sound.js";
import { RoomStream } from "./stream.js";
import { inOrder } from "./line.js";
import { symbol } from "./symbols.js";
import { text } from "./texts.js";

const code = decodeURIComponent(location.pathname.split("/").pop());
const MOST_CALLS = 12;
const FRESH_MS = 30_000; // so long a call is shown as new
const cards = new Map(); // token key -> element
let state = new Map();
let status = null;

const tokens = (...states) => [...state].filter(([key, { state: is }]) => key.startsWith("token:") && states.includes(is));
const counterName = (counter) => state.get(`counter:${counter}`)?.name ?? text("counter", { code: counter });
const newestFirst = ([, a], [, b]) => (b.called_at ?? "").localeCompare(a.called_at ?? "") || natural(a.label, b.label);

// --- now serving

function showCalls(keys) {
  const shown = tokens("called", "serving").sort(newestFirst).slice(0, MOST_CALLS);
  for (const key of cards.keys()) if (!shown.some(([other]) => other === key)) cards.delete(key);
  for (const [key, token] of shown) fill(key, token, keys);
  const order = shown.map(([key]) => cards.get(key).element);
  const calls = byId("calls");
  if (calls.children.length !== order.length || order.some((element, index) => calls.children[index] !== element)) {
    calls.replaceChildren(...order);
  }
  byId("nobody").hidden = order.length > 0 || !state.has("clinic");
  sizeCalls(calls, shown.map(([, token]) => token));
}

/** Rows as high as the screen allows, and numbers as large as a row and the longest number allow. */
function sizeCalls(calls, shown) {
  const columns = shown.length > 6 ? 2 : 1;
  const rows = Math.max(4, Math.ceil(shown.length / columns));
  const gap = 14;
  const tall = (calls.clientHeight - (rows - 1) * gap) / rows;
  const wide = (calls.clientWidth - (columns - 1) * gap) / columns;
  const label = widest(shown.map((token) => token.label), 750);
  const where = Math.max(...shown.map((token) => widest([token.counter ? counterName(token.counter) : ""], 600)), 0);
  const size = Math.min(tall * 0.62, (wide * 0.9) / (label + 1.1 + Math.min(where, 7) * 0.62));
  for (const [name, value] of Object.entries({ columns, rows, gap: `${gap}px`, size: `${size}px`, label: `${label * size}px` })) {
    calls.style.setProperty(`--${name}`, String(value));
  }
}

function fill(key, token, keys) {
  if (!cards.has(key)) {
    const [label, where] = [make("b", "label"), make("span", "where")];
    const element = make("li", "call", label, make("span", "to", symbol("arrow")), where);
    cards.set(key, { element, label, where, called: null });
  }
  const card = cards.get(key);
  write(card.label, token.label);
  write(card.where, token.counter ? counterName(token.counter) : "");
  const called = token.state === "called" ? token.called_at ?? key : null;
  if (called && called !== card.called && keys?.has(key)) {
    announce(token.label, card.where.textContent, state.get("clinic")?.announcements ?? []);
    requestAnimationFrame(() => flash(card.element, "flash"));
  }
  card.called = called;
  card.element.dataset.state = token.state;
  card.element.classList.toggle("fresh", isFresh(token));
}

const isFresh = ({ state: is, called_at: at }) =>
  is === "called" && (!at || !status || status.clock - Date.parse(at) < FRESH_MS);

// --- next

/** The server decides who comes first: with the turns of its `line`, else with `order`; without, numbers count. */
function inLine() {
  const waiting = tokens("waiting").map(([, token]) => token);
  const line = state.get("line");
  if (line && waiting.every(({ order }) => order)) return inOrder(waiting, line, status?.clock ?? Date.now());
  return waiting.sort((a, b) => natural(String(a.order ?? ""), String(b.order ?? "")) || natural(a.label, b.label));
}

let lineShown = "";

/** An appointment becomes due without a word from the server. */
function followTime() {
  if (inLine().map(({ label }) => label).join(" ") !== lineShown) showLine();
}

function showLine() {
  const waiting = inLine();
  lineShown = waiting.map(({ label }) => label).join(" ");
  const line = byId("line");
  line.replaceChildren(...waiting.map(({ label }) => make("li", "", label)));
  if (!waiting.length) line.append(make("li", "nobody", text("nobody_waiting")));
  shorten(line, waiting.length);
  const missed = tokens("no_show").map(([, { label }]) => label).sort(natural);
  byId("missed").hidden = !missed.length;
  byId("missed").replaceChildren(text("missed"), " ", make("b", "", missed.slice(0, 8).join("  ")));
}

/** Numbers that do not fit are counted instead of cut off. */
function shorten(line, total) {
  if (line.scrollHeight <= line.clientHeight + 1) return;
  const rest = make("li", "rest");
  line.append(rest);
  let left = total;
  while (left > 1 && line.scrollHeight > line.clientHeight + 1) {
    line.children[--left].remove();
    write(rest, text("more", { n: total - left }));
  }
}

// --- counts

const minutes = (seconds) => Math.max(5, Math.ceil(seconds / 300) * 5); // nobody is promised a minute

function wait({ wait_p50_s: low, wait_p90_s: high }) {
  if (low === null || low === undefined || high === null || high === undefined) return text("wait_unknown");
  if (high <= 300) return text("wait_under");
  const range = { low: minutes(low), high: minutes(high) };
  return text(range.low === range.high ? "wait_about" : "wait_range", range);
}

function showCounts(summary) {
  if (!summary) return byId("counts").replaceChildren();
  const open = [...state].filter(([key, counter]) => key.startsWith("counter:") && counter.open).length;
  byId("counts").replaceChildren(
    count("wide", text("estimated_wait"), wait(summary)),
    count("", text("waiting"), summary.waiting),
    count("", text("in_service"), (summary.called ?? 0) + (summary.serving ?? 0)),
    count("", text("served_today"), summary.done ?? 0),
    count("", text("counters_open"), open || summary.active_counters || 0),
  );
  return undefined;
}

const count = (className, words, value) => make("div", className, make("dt", "", words), make("dd", "", String(value ?? 0)));

// --- the whole

function render(keys) {
  const clinic = state.get("clinic");
  write(byId("name"), clinic?.name ?? text("clinic", { code }));
  document.title = `${clinic?.name ?? code} · hms-rt`;
  showCalls(keys);
  showCounts(state.get("summary"));
  showLine();
}

dress();
offerSound();
addEventListener("resize", () => render(null));

new RoomStream({
  io: window.io,
  namespace: "/opd",
  room: `clinic:${code}`,
  authorise,
  onState: (now, keys) => { state = now; render(keys); },
  onStatus: (now) => {
    const covered = byId("banner").hidden;
    status = now;
    showStatus(now);
    if (covered !== byId("banner").hidden) render(null);
    else followTime();
    for (const [key, token] of tokens("called")) cards.get(key)?.element.classList.toggle("fresh", isFresh(token));
  },
}).start();
