// Amounts are decimal text and stay it: nothing here makes a binary fraction of them.

import { locale } from "./texts.js";

/** The exact sum of decimal texts, with as many places as the finest of them. */
export function sum(amounts) {
  const places = Math.max(0, ...amounts.map((one) => (one.split(".")[1] ?? "").length));
  const whole = amounts.reduce((total, one) => total + BigInt(scaled(one, places)), 0n);
  const digits = String(whole < 0n ? -whole : whole).padStart(places + 1, "0");
  const cut = digits.length - places;
  return (whole < 0n ? "-" : "") + digits.slice(0, cut) + (places ? `.${digits.slice(cut)}` : "");
}

function scaled(amount, places) {
  const [whole, fraction = ""] = amount.split(".");
  return whole + fraction.padEnd(places, "0");
}

/** `amount` as people here write it; `currency`: {code, scale}, or null while it is not known. */
export function written(amount, currency) {
  if (!currency) return amount;
  const digits = { minimumFractionDigits: currency.scale, maximumFractionDigits: currency.scale };
  return new Intl.NumberFormat(locale, { style: "currency", currency: currency.code, ...digits }).format(amount);
}
