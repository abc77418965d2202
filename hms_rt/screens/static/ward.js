// The ward board: one tile per bed, grouped by room, as large as the screen allows.
//
// The server decides who sees what. A bed without `isolation` or `occupant` simply shows less; this page never
// asks for more.

import { byId, flash, make, natural, write } from "./dom.js";
import { fit, widest } from "./fit.js";
import { dress, showStatus } from "./frame.js";
import { checklistChanged, openChecklist } from "./leaving.js";
import { authorise } from "./session.js";
import { RoomStream } from "./stream.js";
import { STATUSES, showSums } from "./sums.js";
import { symbol } from "./symbols.js";
import { age, hasText, span, text } from "./texts.js";

const code = decodeURIComponent(location.pathname.split("/").pop());
const SMALLEST = 9; // px; only a phone or a very full ward comes so low
const MARK = 2.35; // what the symbol before a word takes, in em of the word
const VACANT = 1.3; // how much larger the word of an empty bed is where others show a name (as in ward.css)
const board = byId("board");
const tiles = new Map(); // bed key -> tile
let state = new Map();
let status = null;
let arrangement = ""; // what the panels on screen were made for

const bedsOf = (all) => [...all].filter(([key]) => key.startsWith("bed:"));
const detailed = () => status?.audience === "clinical";

// --- tiles

function tileFor(key) {
  if (!tiles.has(key)) {
    const parts = {
      code: make("b", "code"), flags: make("span", "flags"), mark: make("span", "mark"),
      who: make("span", "who"), about: make("span", "about"), word: make("span", "word"), since: make("span", "since"),
    };
    const head = make("div", "head", parts.code, parts.flags);
    const foot = make("div", "foot", parts.mark, parts.word, parts.since);
    const person = make("div", "person", parts.who, parts.about);
    tiles.set(key, { element: make("article", "bed", head, person, foot), parts, shown: "" });
  }
  return tiles.get(key);
}

function fill(key, bed) {
  const tile = tileFor(key);
  const { element, parts } = tile;
  const now = status?.clock ?? Date.now();
  const today = new Date(now).toDateString(); // ages change at midnight
  const children = bed.occupant ? childrenOf(bed) : 0;
  const shown = JSON.stringify([today, bed.code, bed.status, bed.isolation, bed.isolation_kind, bed.leaving_since, bed.hold, bed.occupant, bed.beside, children]);
  const ends = endOf(bed);
  const left = ends ? Date.parse(ends) - now : 0;
  write(parts.since, ends ? countdown(left) : bed.since ? span(now - Date.parse(bed.since)) : "");
  element.classList.toggle("late", Boolean(ends) && left < 0);
  if (tile.shown === shown) return;
  tile.shown = shown;
  element.dataset.status = bed.status;
  element.classList.toggle("vacant", !bed.occupant && !bed.hold);
  write(parts.code, bed.code);
  write(parts.word, hasText(bed.status) ? text(bed.status) : bed.status);
  parts.mark.replaceChildren(symbol(bed.status));
  parts.flags.replaceChildren(
    ...(children ? [childrenFlag(children)] : []),
    ...(bed.leaving_since ? [leavingFlag(key, bed)] : []),
    ...(bed.isolation ? [isolationFlag(bed.isolation_kind)] : []),
  );
  const who = bed.occupant ?? bed.hold;
  write(parts.who, who ? who.name || text("unknown_patient") : "");
  write(parts.about, bed.occupant ? about(bed, now) : bed.hold ? awaited(bed.hold) : "");
  element.setAttribute("aria-label", [bed.code, parts.word.textContent, parts.who.textContent].filter(Boolean).join(", "));
}

function about({ occupant, beside }, now) {
  const years = occupant.birth_date ? age(occupant.birth_date, now) : "";
  const sex = hasText(`sex_${occupant.sex}`) ? text(`sex_${occupant.sex}`) : "";
  return [years, sex, occupant.mrn, beside ? text("beside", { bed: beside }) : ""].filter(Boolean).join(" · ");
}

/** How many children room in with the patient of this bed: their cots name it. */
function childrenOf(bed) {
  return bedsOf(state).filter(([, other]) => other.beside === bed.code && other.room === bed.room).length;
}

function childrenFlag(count) {
  const number = count > 1 ? [make("b", "count", String(count))] : [];
  return flagOf("child", text("children_beside", { n: count }), symbol("child"), ...number);
}

/** Who is awaited in a bed that is held, and from where. */
function awaited(hold) {
  return [text("awaited"), [hold.from_ward, hold.from_bed].filter(Boolean).join(" "), hold.mrn].filter(Boolean).join(" · ");
}

/** When the bed's state is to end: its hold, its cleaning, or that it is out of service; null if nobody said. */
function endOf(bed) {
  if (bed.status === "reserved") return bed.reserved_until ?? null;
  if (bed.status === "cleaning" || bed.status === "contaminated") return bed.cleaning?.due_at ?? null;
  return bed.status === "out_of_service" ? bed.expected_back_at ?? null : null;
}

/** How long until then; with a plus once it is past. */
function countdown(left) {
  return (left < 0 ? "+" : "−") + span(Math.abs(left));
}

function isolationFlag(kind) {
  return flagOf("isolation", [text("isolation"), hasText(kind) ? text(kind) : ""].filter(Boolean).join(": "), symbol("isolation"));
}

/** The patient may go. Who treats there is told how much is to be done before, and can open the list of it. */
function leavingFlag(key, bed) {
  const outstanding = bed.occupant?.outstanding;
  const count = outstanding ? [make("b", "count", String(outstanding))] : [];
  const label = [text("may_leave"), outstanding ? text("to_do", { n: outstanding }) : ""].filter(Boolean).join(", ");
  if (!bed.occupant) return flagOf("leaving", label, symbol("arrow"), ...count);
  const flag = make("button", "flag leaving", symbol("arrow"), ...count);
  flag.type = "button";
  flag.title = `${label}: ${text("open_checklist")}`;
  flag.setAttribute("aria-label", label);
  flag.addEventListener("click", () => openChecklist(key, bed));
  return flag;
}

function flagOf(name, label, ...parts) {
  const flag = make("span", `flag ${name}`, ...parts);
  flag.title = label;
  flag.setAttribute("role", "img");
  flag.setAttribute("aria-label", label);
  return flag;
}

// --- rooms and their arrangement

function rooms() {
  const byRoom = new Map();
  for (const [key, bed] of bedsOf(state)) {
    const name = bed.room ?? "";
    if (!byRoom.has(name)) byRoom.set(name, []);
    byRoom.get(name).push({ key, bed });
  }
  for (const beds of byRoom.values()) beds.sort((a, b) => natural(a.bed.code, b.bed.code));
  return [...byRoom].sort(([a], [b]) => natural(a, b));
}

function arrange() {
  const named = rooms();
  const space = spaceOf(board);
  const shape = shapeOf();
  const layout = named.map(([name, beds]) => [roomTitle(name, beds), beds.map(({ key, bed }) => [key, bed.code])]);
  const wanted = JSON.stringify([layout, space, shape]);
  if (wanted === arrangement) return;
  arrangement = wanted;
  const found = fit(named.map(([, beds]) => beds.length), space, shape);
  const tall = Math.min(found.tall, found.wide * 1.1);
  const sizes = { ...typeSizes(named, found.wide, tall), tall, gap: space.gap, "tile-gap": space.panel.gap, pad: space.panel.pad, head: space.panel.head };
  for (const [name, size] of Object.entries(sizes)) board.style.setProperty(`--${name}`, `${size.toFixed(2)}px`);
  board.style.setProperty("--lines", tall > sizes.unit * 1.17 ? "2" : "1"); // a long name may take two
  board.classList.toggle("scrolls", found.scrolls);
  board.replaceChildren(...found.shelves.map((shelf) => shelfOf(shelf, named)));
  const all = new Set(layout.flatMap(([, beds]) => beds.map(([key]) => key)));
  for (const key of tiles.keys()) if (!all.has(key)) tiles.delete(key);
}

/** Names need wider tiles; a phone scrolls rather than making them too small to read. */
function shapeOf() {
  if (!detailed()) return { aspect: 1.45, least: { wide: 78, tall: 58 } };
  return { aspect: 1.75, least: innerWidth < 640 ? { wide: 150, tall: 122 } : { wide: 72, tall: 54 } };
}

function spaceOf({ clientWidth, clientHeight }) {
  const style = getComputedStyle(board);
  const padding = (side) => parseFloat(style[`padding${side}`]);
  const narrow = innerWidth < 640;
  return {
    width: clientWidth - padding("Left") - padding("Right"),
    height: clientHeight - padding("Top") - padding("Bottom"),
    gap: narrow ? 8 : 14,
    panel: { pad: narrow ? 6 : 9, head: narrow || clientHeight < 720 ? 26 : 36, gap: narrow ? 5 : 8 },
  };
}

/** Type as large as the tile's height and the longest code and word allow. */
function typeSizes(named, wide, tall) {
  const unit = Math.min(tall, wide / (detailed() ? 1.7 : 1.1));
  const inside = wide - 0.24 * unit;
  const codes = named.flatMap(([, beds]) => beds.map(({ bed }) => bed.code));
  const words = STATUSES.flatMap((name) => text(name).split(" "));
  const longest = widest(words, 650) + MARK;
  const share = detailed() ? { code: 0.27, word: 0.14, codeRoom: 0.56, wordRoom: 0.6 } : { code: 0.42, word: 0.2, codeRoom: 1, wordRoom: 1 };
  const wanted = Math.min(share.word * unit, (inside * share.wordRoom) / longest);
  const word = Math.min(Math.max(SMALLEST, wanted), inside / longest / (detailed() ? VACANT : 1));
  board.classList.toggle("tight", word < SMALLEST + 1);
  return { unit, code: Math.min(share.code * unit, (inside * share.codeRoom) / widest(codes, 750)), word };
}

function shelfOf(shelf, named) {
  return make("div", "shelf", ...shelf.rooms.map(({ index, columns }) => {
    const [name, beds] = named[index];
    const grid = make("div", "grid", ...beds.map(({ key }) => tileFor(key).element));
    grid.style.gridTemplateColumns = `repeat(${columns}, ${shelf.wide}px)`;
    return make("section", "room", make("h2", "", roomTitle(name, beds)), grid);
  }));
}

/** The room's name, and what it is kept for where that is told. */
function roomTitle(name, beds) {
  const { room_isolation: kind, room_organism: organism } = beds[0].bed;
  const kept = kind ? [text("isolation"), hasText(kind) ? text(kind) : kind, organism].filter(Boolean).join(" ") : "";
  return [name === "" ? text("ward", { code }) : text("room", { name }), kept].filter(Boolean).join(" · ");
}

// --- the whole

function render(keys) {
  const ward = state.get("ward");
  write(byId("name"), ward?.name ?? text("ward", { code }));
  document.title = `${ward?.name ?? code} · hms-rt`;
  document.body.dataset.audience = status?.audience ?? "";
  showSums(state.get("occupancy"));
  arrange();
  for (const [key, bed] of bedsOf(state)) {
    const { element } = tileFor(key);
    const before = element.dataset.status;
    fill(key, bed);
    if (keys?.has(key) && before) flash(element, "changed");
  }
  checklistChanged(state);
  if (!bedsOf(state).length) board.replaceChildren(make("p", "empty", ward ? text("no_beds") : ""));
}

dress();
addEventListener("resize", () => render(null));

new RoomStream({
  io: window.io,
  namespace: "/beds",
  room: `ward:${code}`,
  authorise,
  onState: (now, keys) => { state = now; render(keys); },
  onStatus: (now) => {
    const seenBy = status?.audience;
    const covered = byId("banner").hidden;
    status = now;
    showStatus(now);
    if (seenBy !== now.audience || covered !== byId("banner").hidden) render(null);
    else for (const [key, bed] of bedsOf(state)) fill(key, bed);
  },
}).start();
