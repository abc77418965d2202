// How long to wait before trying again.

/** Between half and all of a pause that doubles with every attempt, so that boards do not return in step. */
export function backoff(attempt, random = Math.random) {
  const pause = Math.min(10_000, 500 * 2 ** Math.min(attempt, 20));
  return pause / 2 + (random() * pause) / 2;
}
