// The pick-up screen of a dispensary: which numbers lie ready, which are being prepared. Never a name: this page
// reads none, whoever is signed in.

import { byId, make, write } from "./dom.js";
import { dress, showStatus } from "./frame.js";
import { Numbers } from "./numbers.js";
import { authorise } from "./session.js";
import { RoomStream } from "./stream.js";
import { text } from "./texts.js";

const code = decodeURIComponent(location.pathname.split("/").pop());
const wall = new Numbers(byId("ready"), { columns: (n) => (n > 12 ? 3 : n > 4 ? 2 : 1) });
let state = new Map();

const numbers = (wanted) => [...state]
  .filter(([, value]) => value.state !== "on_hold" && value.ready === wanted && forPickUp(value))
  .sort(([, a], [, b]) => a.number - b.number);

/** Whoever is signed in as staff gets the wards' prescriptions, too: nobody picks these up here. */
const forPickUp = ({ ward = null, take_home: home = false }) => ward === null || home;

function showReady(fresh) {
  const ready = numbers(true).map(([key, { number }]) => [key, number]);
  byId("nobody").hidden = ready.length > 0;
  wall.show(ready, fresh);
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
