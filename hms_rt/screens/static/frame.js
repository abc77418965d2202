// What every board has around it: theme, clock, the live light, the stale banner, and the reason for an empty board.

import { byId, make, write } from "./dom.js";
import { whoAmI } from "./session.js";
import { hasText, language, locale, span, text } from "./texts.js";

const parameters = new URLSearchParams(location.search);
const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const DAY_MS = 86_400_000;
const IDLE_MS = 5_000;

/** True for `?name`, `?name=1` and `?name=on`. */
export const switchedOn = (name) => ["", "1", "on"].includes(parameters.get(name) ?? "off");

/** Set language, theme and translated texts of the page; call it before anything is shown. */
export function translate() {
  document.documentElement.lang = language;
  if (parameters.get("theme") === "light") document.documentElement.dataset.theme = "light";
  for (const element of document.querySelectorAll("[data-text]")) write(element, text(element.dataset.text));
}

/** What every board needs besides: the way to sign in, and a screen's cookie that does not run out. */
export function dress() {
  translate();
  for (const link of document.querySelectorAll("a.sign-in")) {
    link.href = `/screens/?next=${encodeURIComponent(location.pathname + location.search)}`;
  }
  hideWhenIdle();
  setInterval(whoAmI, DAY_MS); // asking renews the cookie
  whoAmI();
}

/** Nobody uses a pointer: show neither it nor what it is for. */
function hideWhenIdle() {
  let timer;
  const awake = () => {
    document.body.classList.remove("idle");
    clearTimeout(timer);
    timer = setTimeout(() => document.body.classList.add("idle"), IDLE_MS);
  };
  document.body.classList.add("idle");
  for (const name of ["pointermove", "pointerdown", "keydown"]) addEventListener(name, awake, { passive: true });
}

/** Show what RoomStream says about itself. `hide` elements are covered by the reason while there is no board. */
export function showStatus(status) {
  const { phase, connected, stale } = status;
  const word = stale ? "stale" : phase !== "live" ? "connecting" : connected ? "live" : "reconnecting";
  document.body.dataset.phase = phase;
  document.body.dataset.live = word;
  write(byId("live-word"), text(word));
  write(byId("clock"), time.format(status.clock));
  write(byId("date"), date.format(status.clock));
  showBanner(status);
  showReason(status);
  followRelease(connected);
}

function showBanner({ stale, knownAt, clock }) {
  const banner = byId("banner");
  banner.hidden = !stale;
  if (!stale) return;
  write(byId("banner-word"), text("stale"));
  write(byId("banner-detail"), text("stale_detail", { age: span(clock - knownAt) }));
}

function showReason({ phase, code }) {
  byId("reason").hidden = phase !== "refused";
  if (phase !== "refused") return;
  const name = hasText(code) ? code : "refused";
  document.querySelector("a.sign-in").hidden = code === "unknown_room";
  write(byId("reason-word"), text(name));
  write(byId("reason-detail"), text(`${name}_detail`));
}

let wasConnected = false;
let release = null;

/** After every connect: if the server has other pages now than the ones that run here, load them. */
async function followRelease(connected) {
  const fresh = connected && !wasConnected;
  wasConnected = connected;
  if (!fresh) return;
  try {
    const found = (await fetch(location.href, { method: "HEAD", cache: "no-store" })).headers.get("ETag");
    if (release && found && found !== release) location.reload();
    release = found ?? release;
  } catch { /* it went away again; the next connect asks */ }
}
