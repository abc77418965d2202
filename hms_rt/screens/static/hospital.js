// Occupancy of every ward, and beside it the notifications of whoever is signed in.

import { byId, flash, make, natural } from "./dom.js";
import { dress, showStatus } from "./frame.js";
import { authorise, whoAmI } from "./session.js";
import { RoomStream } from "./stream.js";
import { STATUSES, showSums } from "./sums.js";
import { locale, text } from "./texts.js";

const cards = new Map(); // ward code -> element

// --- occupancy

function sumOf(wards) {
  const sum = { total: 0 };
  for (const ward of wards) for (const name of ["total", ...STATUSES]) sum[name] = (sum[name] ?? 0) + (ward[name] ?? 0);
  return sum;
}

function card(ward) {
  const meter = make("div", "meter");
  for (const name of STATUSES) {
    const part = make("i", "");
    part.dataset.status = name;
    part.style.flexGrow = String(ward[name] ?? 0);
    meter.append(part);
  }
  const link = make("a", "ward", make("b", "name", ward.name), make("span", "free", text("beds_free", ward)), meter,
    make("span", "under", text("beds_occupied", ward)));
  link.href = `/screens/ward/${ward.code}`;
  return link;
}

function showWards(state, keys) {
  const wards = [...state].sort(([, a], [, b]) => natural(a.name, b.name));
  showSums(wards.length ? sumOf(wards.map(([, ward]) => ward)) : null);
  for (const [key, ward] of wards) if (!keys || keys.has(key) || !cards.has(key)) cards.set(key, card(ward));
  byId("board").replaceChildren(...wards.map(([key]) => cards.get(key)));
  for (const key of keys ?? []) if (cards.has(key)) flash(cards.get(key), "changed");
}

dress();
new RoomStream({
  io: window.io, namespace: "/beds", room: "hospital", authorise, onState: showWards, onStatus: showStatus,
}).start();

// --- notifications

const when = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", day: "numeric", month: "short" });
let unseen = [];

/** An idempotency key of its own (`crypto.randomUUID` needs HTTPS). */
const key = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

function showNotes(state) {
  const notes = [...state.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
  unseen = notes.filter((note) => !note.seen_at).map((note) => note.id);
  byId("seen").hidden = !unseen.length;
  const items = notes.slice(0, 40).map((note) => {
    const item = make("li", note.seen_at ? "seen" : "", make("b", "", note.title), make("time", "", when.format(new Date(note.created_at))));
    item.dataset.priority = note.priority;
    return item;
  });
  byId("note-list").replaceChildren(...(items.length ? items : [make("li", "seen", text("no_notifications"))]));
}

if ((await whoAmI())?.kind === "user") {
  const notes = new RoomStream({
    io: window.io, namespace: "/notifications", room: "me", authorise, onState: showNotes,
    onStatus: ({ phase }) => { byId("notes").hidden = phase !== "live"; },
  });
  notes.start();
  byId("seen").addEventListener("click", () => {
    notes.send("seen", { id: key(), ids: unseen.slice(0, 500) }).catch(() => {}); // the next click tries again
  });
}
