// A clinic's queue for paper: who waits, in the order of being called. What reception prints, also when the server
// has gone.

import { byId, make, write } from "./dom.js";
import { code, keep } from "./paper.js";
import { locale, text } from "./texts.js";

const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const time = (moment) => (moment ? clock.format(Date.parse(moment)) : "");

function row(token) {
  const where = token.counter && token.state !== "waiting" ? `${text(`token_${token.state}`)}, ${token.counter}` : text(`token_${token.state}`);
  const urgent = token.priority === "routine" ? "" : "urgent";
  const cells = [token.label, token.patient_name ?? "", token.mrn ?? "", urgent ? `${where} (!)` : where, time(token.due_at), time(token.queued_at)];
  return make("tr", urgent, ...cells.map((cell) => make("td", "", cell)));
}

function show({ queue }) {
  write(byId("name"), `${text("queue_list")} ${queue.clinic}`);
  write(byId("sums"), `${text("waiting")}: ${queue.summary.waiting} · ${text("last_number")}: ${queue.summary.last_number}`);
  document.title = `${text("queue_list")} ${queue.clinic}`;
  document.body.style.setProperty("--lines", String(queue.tokens.length));
  byId("tokens").replaceChildren(...queue.tokens.map(row));
}

async function read(answer) {
  return { queue: await answer.json(), at: Date.parse(answer.headers.get("Date")) || Date.now() };
}

byId("pdf").href = `/api/v1/clinics/${code}/queue.pdf`;
keep({
  path: `/clinics/${code}/queue`,
  everyMs: 30_000,
  columns: ["number", "patient", "record", "where", "appointment", "since"],
  rows: "tokens",
  forbidden: "queue_forbidden",
  read,
  show,
});
