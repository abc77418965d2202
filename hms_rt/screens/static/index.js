// The way in: sign in, then choose a board. Lists appear for those who may read them; a code always opens a board.

import { byId, make, natural, write } from "./dom.js";
import { translate } from "./frame.js";
import { call, signIn, signOut, whoAmI } from "./session.js";
import { text } from "./texts.js";

/** Where to go after signing in: a screen of this server, and nothing else. */
function destination() {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  return /^\/screens\/[A-Za-z0-9_\/-]+(\?[A-Za-z0-9_=&-]*)?$/.test(next) ? next : null;
}

async function list(id, path, page) {
  const answer = await call("GET", path);
  const items = answer?.ok ? (await answer.json()).items ?? [] : [];
  const links = items.sort((a, b) => natural(a.name, b.name)).map(({ code, name }) => {
    const link = make("a", "", name, " ", make("small", "", code));
    link.href = `/screens/${page}/${code}`;
    return make("li", "", link);
  });
  byId(id).replaceChildren(...links);
}

async function show() {
  const me = await whoAmI();
  const person = me?.kind === "user";
  write(byId("me"), me ? text("signed_in_as", { name: me.name }) : "");
  byId("sign-out").hidden = !person;
  byId("sign-in").hidden = person;
  if (person) await Promise.all([list("wards", "/wards?limit=100", "ward"), list("clinics", "/clinics?limit=100", "opd")]);
}

const refusals = { 0: "server_away", 429: "too_many_attempts", 503: "server_away" };

byId("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const status = await signIn(byId("username").value, byId("password").value);
  byId("password").value = "";
  write(byId("error"), status === 200 ? "" : text(refusals[status] ?? "wrong_password"));
  if (status !== 200) return byId("password").focus();
  if (destination()) return location.assign(destination());
  return show();
});

byId("sign-out").addEventListener("click", async () => {
  await signOut();
  location.reload();
});

for (const form of document.querySelectorAll("form.open")) {
  form.firstElementChild.placeholder = text(form.firstElementChild.dataset.label);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(`/screens/${form.dataset.kind}/${form.firstElementChild.value.toUpperCase()}`);
  });
}

translate();
show();
