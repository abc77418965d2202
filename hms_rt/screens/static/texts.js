// The texts that screens show, by language. `?lang=es` chooses one; else the browser's languages do.

import { EN } from "./words-en.js";
import { ES } from "./words-es.js";

export const TEXTS = { en: EN, es: ES };

const asked = new URLSearchParams(location.search).get("lang");
const wanted = [asked, ...(navigator.languages ?? []), "en"].map((tag) => (tag ?? "").toLowerCase().split("-")[0]);

/** The language shown: two letters. */
export const language = wanted.find((tag) => Object.hasOwn(TEXTS, tag));

/** The browser's own variant of that language ("en-GB"), for clocks and dates. */
export const locale = (navigator.languages ?? []).find((tag) => tag.toLowerCase().startsWith(language)) ?? language;

/** The text called `name`, with `{slots}` filled from `values`. */
export function text(name, values = {}) {
  const found = TEXTS[language][name] ?? name;
  return found.replace(/\{(\w+)\}/g, (_, slot) => values[slot] ?? "");
}

/** True if there is a text of this name. */
export const hasText = (name) => Object.hasOwn(TEXTS[language], name);

/** A span of time in its largest whole unit: "4 s", "12 min", "3 h", "2 d". */
export function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return text("seconds", { n: s });
  if (s < 3600) return text("minutes", { n: Math.floor(s / 60) });
  if (s < 86_400 * 2) return text("hours", { n: Math.floor(s / 3600) });
  return text("days", { n: Math.floor(s / 86_400) });
}

/** Age at `now` of somebody born on `birthDate` ("1957-03-09"): years, for infants months or days. */
export function age(birthDate, now) {
  const [year, month, day] = birthDate.split("-").map(Number);
  const today = new Date(now);
  const months = (today.getFullYear() - year) * 12 + today.getMonth() + 1 - month - (today.getDate() < day ? 1 : 0);
  if (months >= 24) return text("years", { n: Math.floor(months / 12) });
  if (months >= 1) return text("months", { n: months });
  return text("days", { n: Math.max(0, Math.round((today - new Date(year, month - 1, day)) / 86_400_000)) });
}
