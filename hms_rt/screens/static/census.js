// A ward's census: what a night nurse prints, also when the server has gone.
//
// The page asks every minute and shows the time of the state in large letters. When no answer comes it says so and
// keeps what it has, in memory alone: an open page goes on printing, and no name is ever stored in a browser.

import { byId, make, write } from "./dom.js";
import { translate } from "./frame.js";
import { call, whoAmI } from "./session.js";
import { age, hasText, locale, text } from "./texts.js";

const code = decodeURIComponent(location.pathname.split("/").pop());
const EVERY_MS = 60_000;
const RETRY_MS = 10_000;
const COLUMNS = ["bed", "patient", "age_sex", "record", "doctor", "warnings", "open_things"];
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
let shown = null;
let timer = null;

function row(bed) {
  const one = bed.patient;
  const flags = bed.isolation ? [text("isolation")] : [];
  const state = hasText(bed.status) ? text(bed.status) : bed.status;
  if (!one) return line([bed.code, `(${state})`, "", "", "", flags.join(""), ""], "empty", flags.length > 0);
  const years = one.birth_date ? age(one.birth_date, Date.parse(shown.at)) : "?";
  const sex = hasText(`sex_${one.sex}`) ? text(`sex_${one.sex}`) : "?";
  const known = one.allergies.length ? one.allergies : [text(one.allergies_asked ? "none_known" : "not_asked")];
  const warns = flags.length > 0 || one.allergies.length > 0;
  const open = [...(one.leaving ? [text("leaving")] : []), ...one.outstanding];
  const cells = [bed.code, one.name || text("unknown_patient"), `${years} ${sex}`, one.mrn, one.doctor ?? "",
    [...flags, ...known].join(", "), open.join("; ")];
  return line(cells, "", warns);
}

function line(cells, kind, warns) {
  const made = make("tr", kind, ...cells.map((cell) => make("td", "", cell)));
  if (warns) made.children[5].className = "warns";
  return made;
}

function show() {
  write(byId("name"), `${shown.name} (${shown.ward})`);
  write(byId("sums"), text("beds_occupied", { occupied: shown.occupied, total: shown.total }));
  write(byId("at"), moment.format(Date.parse(shown.at)));
  document.title = `${text("census")} ${shown.ward}`;
  byId("beds").replaceChildren(...shown.beds.map(row));
}

/** What is shown belongs to somebody who may not see it any more: forget it. */
function forget() {
  shown = null;
  byId("beds").replaceChildren();
  for (const id of ["name", "sums", "at"]) write(byId(id), "–");
}

function warn(words) {
  byId("banner").hidden = !words;
  write(byId("banner"), words);
}

async function look() {
  clearTimeout(timer);
  const answer = await call("GET", `/wards/${code}/census`);
  byId("sign-in").hidden = answer?.status !== 401;
  document.body.dataset.live = answer?.ok ? "live" : "stale";
  if (answer?.ok) {
    shown = await answer.json();
    show();
    warn("");
  } else if ([401, 403, 404].includes(answer?.status)) {
    const refreshed = answer.status === 401 && (await whoAmI()); // the next look is let in
    if (!refreshed) forget();
    warn(refreshed ? "" : text({ 401: "unauthenticated", 403: "census_forbidden", 404: "unknown_room" }[answer.status]));
  } else {
    warn(shown ? text("census_stale", { at: moment.format(Date.parse(shown.at)) }) : text("server_away"));
  }
  clearTimeout(timer); // another look may have begun meanwhile
  timer = setTimeout(look, answer?.ok ? EVERY_MS : RETRY_MS);
}

translate();
byId("headings").replaceChildren(...COLUMNS.map((name) => make("th", "", text(name))));
byId("pdf").href = `/api/v1/wards/${code}/census.pdf`;
byId("sign-in").href = `/screens/?next=${encodeURIComponent(location.pathname + location.search)}`;
for (const name of ["online", "offline", "focus"]) addEventListener(name, look);
byId("print").addEventListener("click", () => print());
look();
