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

async function itemsOf(path) {
  const answer = await call("GET", path);
  const items = answer?.ok ? (await answer.json()).items ?? [] : [];
  return items.sort((a, b) => natural(a.name, b.name));
}

function link(page, code, ...words) {
  const made = make("a", "", ...words);
  made.href = `/screens/${page}/${code}`;
  return made;
}

async function list(id, path, page, shown = () => true) {
  const items = (await itemsOf(path)).filter(shown);
  byId(id).replaceChildren(...items.map(({ code, name }) => make("li", "", link(page, code, name, " ", make("small", "", code)))));
}

/** Of each store the pages that somebody may look into: a ward's nurses have a cupboard, the pharmacy everything. */
async function listStores(me) {
  const may = (permission) => me.permissions?.[permission];
  const own = (me.assignments ?? []).filter(({ kind }) => ["ward", "charge_nurse"].includes(kind)).map(({ place }) => place);
  const pagesOf = ({ code, kind, ward }) => [
    kind === "dispensary" && may("dispensary.read") && link("pharmacy", code, text("queue_of")),
    (may("shelf.read") === "any" || (may("shelf.read") === "own" && own.includes(ward))) && link("stock", code, text("stock_of")),
  ].filter(Boolean);
  const stores = may("shelf.read") ? await itemsOf("/pharmacy/stores?limit=100") : [];
  byId("stores").replaceChildren(...stores.flatMap((store) => {
    const pages = pagesOf(store);
    return pages.length ? [make("li", "store", make("span", "", store.name), ...pages)] : [];
  }));
}

/** Counters where somebody takes money, or sells: who holds neither everywhere has those assigned to them. */
async function listCashiers(me) {
  const may = ["payment.take", "sale"].map((permission) => me.permissions?.[permission]);
  const own = (me.assignments ?? []).filter(({ kind }) => kind === "counter").map(({ place }) => place);
  if (!may.some(Boolean)) return;
  await list("cashiers", "/billing/cashiers?limit=100", "cashier", ({ code }) => may.includes("any") || own.includes(code));
}

async function show() {
  const me = await whoAmI();
  const person = me?.kind === "user";
  write(byId("me"), me ? text("signed_in_as", { name: me.name }) : "");
  byId("sign-out").hidden = !person;
  byId("sign-in").hidden = person;
  if (!person) return;
  await Promise.all([
    list("wards", "/wards?limit=100", "ward"),
    list("clinics", "/clinics?limit=100", "opd"),
    listStores(me),
    listCashiers(me),
  ]);
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
