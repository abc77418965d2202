// The pick-up screen of a dispensary: which numbers lie ready, which are being prepared. Never a name: this page
// reads none, whoever is signed in.

import { byId, flash, make, write } from "./dom.js";
import { widest } from "./fit.js";
import { dress, showStatus } from "./frame.js";
import { authorise } from "./session.js";
import { RoomStream } from "./stream.js";
import { text } from "./texts.js";

const code = decodeURIComponent(location.pathname.split("/").pop());
const MOST_READY = 24;
const cards = new Map(); // prescription key -> element
let state = new Map();

const numbers = (wanted) => [...state]
  .filter(([, value]) => value.state !== "on_hold" && value.ready === wanted && forPickUp(value))
  .sort(([, a], [, b]) => a.number - b.number);

/** Whoever is signed in as staff gets the wards' prescriptions, too: nobody picks these up here. */
const forPickUp = ({ ward = null, take_home: home = false }) => ward === null || home;

function showReady(fresh) {
  const shown = numbers(true).slice(-MOST_READY);
  for (const key of cards.keys()) if (!shown.some(([other]) => other === key)) cards.delete(key);
  for (const [key, { number }] of shown) {
    if (cards.has(key)) continue;
    const card = make("li", "call", make("b", "label", String(number)));
    card.dataset.state = "called";
    cards.set(key, card);
    if (fresh) requestAnimationFrame(() => flash(card, "flash"));
  }
  const ready = byId("ready");
  ready.replaceChildren(...shown.map(([key]) => cards.get(key)));
  byId("nobody").hidden = shown.length > 0;
  size(ready, shown.map(([, { number }]) => String(number)));
}

/** Rows as high as the screen allows, and numbers as large as a row and the longest number allow. */
function size(ready, shown) {
  const columns = shown.length > 12 ? 3 : shown.length > 4 ? 2 : 1;
  const rows = Math.max(3, Math.ceil(shown.length / columns));
  const gap = 14;
  const tall = (ready.clientHeight - (rows - 1) * gap) / rows;
  const wide = (ready.clientWidth - (columns - 1) * gap) / columns;
  const points = Math.min(tall * 0.7, (wide * 0.85) / Math.max(widest(shown, 750), 1));
  for (const [name, value] of Object.entries({ columns, rows, gap: `${gap}px`, size: `${points}px` })) {
    ready.style.setProperty(`--${name}`, String(value));
  }
}

function showLine() {
  const waiting = numbers(false);
  const line = byId("line");
  line.replaceChildren(...waiting.map(([, { number }]) => make("li", "", String(number))));
  if (!waiting.length) line.append(make("li", "nobody", text("nobody_waiting")));
  if (line.scrollHeight <= line.clientHeight + 1) return;
  const rest = make("li", "rest");
  line.append(rest);
  for (let left = waiting.length; left > 1 && line.scrollHeight > line.clientHeight + 1;) {
    line.children[--left].remove();
    write(rest, text("more", { n: waiting.length - left }));
  }
}

function render(fresh) {
  write(byId("name"), text("dispensary", { code }));
  document.title = `${text("dispensary", { code })} · hms-rt`;
  showReady(fresh);
  showLine();
}

dress();
addEventListener("resize", () => render(false));

new RoomStream({
  io: window.io,
  namespace: "/pharmacy",
  room: `dispensary:${code}`,
  authorise,
  onState: (now, keys) => { state = now; render(keys !== null); },
  onStatus: showStatus,
}).start();
