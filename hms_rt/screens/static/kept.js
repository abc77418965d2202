// What a screen remembers between two starts. Storage may be switched off, full or damaged: it does without.

/** The value kept under `key`, or null. */
export function kept(key, storage = localStorage) {
  try { return JSON.parse(storage.getItem(key)); } catch { return null; }
}

/** Keep `value` under `key`; null removes it. */
export function keep(key, value, storage = localStorage) {
  try {
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
  } catch { /* see above */ }
}
