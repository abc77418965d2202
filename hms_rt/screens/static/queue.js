// A clinic's queue for paper: who waits, in the order of being called. What reception prints, also when the server
// has gone: the page asks every half minute, shows the time of the state in large letters, and when no answer comes
// keeps what it has, in memory alone. No name is ever stored in a browser.

import { byId, make, write } from "./dom.js";
import { translate } from "./frame.js";
import { call, whoAmI } from "./session.js";
import { locale, text } from "./texts.js";

const code = decodeURIComponent(location.pathname.split("/").pop());
const EVERY_MS = 30_000;
const RETRY_MS = 10_000;
const COLUMNS = ["number", "patient", "record", "where", "appointment", "since"];
const REASONS = { 401: "unauthenticated", 403: "queue_forbidden", 404: "unknown_room" };
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
let shown = null; // {queue, at}
let timer = null;

const time = (moment) => (moment ? clock.format(Date.parse(moment)) : "");

function row(token) {
  const where = token.counter && token.state !== "waiting" ? `${text(`token_${token.state}`)}, ${token.counter}` : text(`token_${token.state}`);
  const urgent = token.priority === "routine" ? "" : "urgent";
  const cells = [token.label, token.patient_name ?? "", token.mrn ?? "", urgent ? `${where} (!)` : where, time(token.due_at), time(token.queued_at)];
  return make("tr", urgent, ...cells.map((cell) => make("td", "", cell)));
}

function show() {
  const { queue, at } = shown;
  write(byId("name"), `${text("queue_list")} ${queue.clinic}`);
  write(byId("sums"), `${text("waiting")}: ${queue.summary.waiting} · ${text("last_number")}: ${queue.summary.last_number}`);
  write(byId("at"), moment.format(at));
  document.title = `${text("queue_list")} ${queue.clinic}`;
  document.body.style.setProperty("--lines", String(queue.tokens.length));
  byId("tokens").replaceChildren(...queue.tokens.map(row));
}

/** What is shown belongs to somebody who may not see it any more: forget it. */
function forget() {
  shown = null;
  byId("tokens").replaceChildren();
  for (const id of ["name", "sums", "at"]) write(byId(id), "–");
}

function warn(words) {
  byId("banner").hidden = !words;
  write(byId("banner"), words);
}

async function look() {
  clearTimeout(timer);
  const answer = await call("GET", `/clinics/${code}/queue`);
  byId("sign-in").hidden = answer?.status !== 401;
  document.body.dataset.live = answer?.ok ? "live" : "stale";
  if (answer?.ok) {
    shown = { queue: await answer.json(), at: Date.parse(answer.headers.get("Date")) || Date.now() };
    show();
    warn("");
  } else if (REASONS[answer?.status]) {
    const refreshed = answer.status === 401 && (await whoAmI()); // the next look is let in
    if (!refreshed) forget();
    warn(refreshed ? "" : text(REASONS[answer.status]));
  } else {
    warn(shown ? text("census_stale", { at: moment.format(shown.at) }) : text("server_away"));
  }
  clearTimeout(timer); // another look may have begun meanwhile
  timer = setTimeout(look, answer?.ok ? EVERY_MS : RETRY_MS);
}

translate();
byId("headings").replaceChildren(...COLUMNS.map((name) => make("th", "", text(name))));
byId("sign-in").href = `/screens/?next=${encodeURIComponent(location.pathname + location.search)}`;
for (const name of ["online", "offline", "focus"]) addEventListener(name, look);
byId("print").addEventListener("click", () => print());
look();
