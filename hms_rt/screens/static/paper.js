// A page for paper that goes on printing when the server has gone. It asks again and again, shows the time of the
// state in large letters, and when no answer comes says so and keeps what it has, in memory alone: no name is ever
// stored in a browser.

import { byId, make, write } from "./dom.js";
import { translate } from "./frame.js";
import { call, whoAmI } from "./session.js";
import { locale, text } from "./texts.js";

const RETRY_MS = 10_000;
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

/** What the page is of: the last part of its address. */
export const code = decodeURIComponent(location.pathname.split("/").pop());

/**
 * Ask `path` every `everyMs` and keep its last answer on the page.
 *
 * `read(answer)` makes the state of an answer, with the time `at` (ms) that it is of; `show(state)` writes it, its rows
 * into the element `rows` below the texts `columns`. `forbidden` is the text for who may not see it.
 */
export function keep({ path, everyMs, columns, rows, forbidden, read, show }) {
  const refusals = { 401: "unauthenticated", 403: forbidden, 404: "unknown_room" };
  let shown = null;
  let timer = null;

  /** What is shown belongs to somebody who may not see it any more: forget it. */
  function forget() {
    shown = null;
    byId(rows).replaceChildren();
    for (const id of ["name", "sums", "at"]) write(byId(id), "–");
  }

  function warn(words) {
    byId("banner").hidden = !words;
    write(byId("banner"), words);
  }

  async function look() {
    clearTimeout(timer);
    const answer = await call("GET", path);
    byId("sign-in").hidden = answer?.status !== 401;
    document.body.dataset.live = answer?.ok ? "live" : "stale";
    if (answer?.ok) {
      shown = await read(answer);
      write(byId("at"), moment.format(shown.at));
      show(shown);
      warn("");
    } else if (refusals[answer?.status]) {
      const refreshed = answer.status === 401 && (await whoAmI()); // the next look is let in
      if (!refreshed) forget();
      warn(refreshed ? "" : text(refusals[answer.status]));
    } else {
      warn(shown ? text("census_stale", { at: moment.format(shown.at) }) : text("server_away"));
    }
    clearTimeout(timer); // another look may have begun meanwhile
    timer = setTimeout(look, answer?.ok ? everyMs : RETRY_MS);
  }

  translate();
  byId("headings").replaceChildren(...columns.map((name) => make("th", "", text(name))));
  byId("sign-in").href = `/screens/?next=${encodeURIComponent(location.pathname + location.search)}`;
  for (const name of ["online", "offline", "focus"]) addEventListener(name, look);
  byId("print").addEventListener("click", () => print());
  look();
}
