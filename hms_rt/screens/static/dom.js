// The little that these pages need to make and fill elements.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** A new element: `make("p", "note", "text", child)`; falsy children are left out. */
export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return element;
}

/** Set text only where it differs, so that nothing is laid out again for nothing. */
export function write(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** "B2" before "B10". */
export const natural = (a, b) => collator.compare(a, b);

/** Restart a CSS animation that hangs on `className`. */
export function flash(element, className) {
  element.classList.remove(className);
  void element.offsetWidth; // makes the browser notice that it was gone
  element.classList.add(className);
}
