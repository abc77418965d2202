// Finds the largest tiles with which every room of a ward fits on the screen.
//
// Rooms are panels, placed in order on shelves as words are on lines. What can be chosen is how many tiles wide
// a shelf is, and over how many rows a room may spread. There are few combinations, so all are tried.

const MOST_ROWS = 4;
const STRETCH = 1.35; // how much wider than elsewhere tiles may be, so that a shelf ends where the screen does

/** Place rooms of `counts[i]` beds on shelves at most `across` tiles wide. */
function shelve(counts, across, deep) {
  const shelves = [];
  let shelf = null;
  counts.forEach((count, index) => {
    const columns = Math.min(across, Math.ceil(count / deep));
    const rows = Math.ceil(count / columns);
    if (!shelf || shelf.columns + columns > across) shelves.push((shelf = { columns: 0, rows: 0, rooms: [] }));
    shelf.columns += columns;
    shelf.rows = Math.max(shelf.rows, rows);
    shelf.rooms.push({ index, columns, rows });
  });
  return shelves;
}

function measure(shelves, { width, height, gap, panel }) {
  for (const shelf of shelves) {
    const { columns, rooms } = shelf;
    const inside = width - (rooms.length - 1) * gap - rooms.length * panel.pad * 2;
    shelf.wide = (inside - (columns - rooms.length) * panel.gap) / columns;
  }
  const wide = Math.min(...shelves.map((shelf) => shelf.wide));
  for (const shelf of shelves) shelf.wide = Math.min(shelf.wide, wide * STRETCH);
  const rows = shelves.reduce((sum, shelf) => sum + shelf.rows, 0);
  const between = (rows - shelves.length) * panel.gap + (shelves.length - 1) * gap;
  const tall = (height - between - shelves.length * (panel.head + panel.pad)) / rows;
  return { wide, tall };
}

/**
 * The best arrangement of rooms with `counts` beds each.
 *
 * `space`: {width, height, gap, panel: {pad, head, gap}} in px. `shape`: {aspect: best width / height of a tile,
 * least: {wide, tall}}. Returns {shelves, wide, tall, scrolls}: tiles of at least wide x tall px, on each
 * shelf `shelf.wide`. Only where even the best would be smaller than `least` does the board scroll.
 */
export function fit(counts, space, shape) {
  let best = null;
  const total = counts.reduce((sum, count) => sum + count, 0);
  for (let across = 1; across <= total; across++) {
    for (let deep = 1; deep <= MOST_ROWS; deep++) {
      const shelves = shelve(counts, across, deep);
      const { wide, tall } = measure(shelves, space);
      const unit = Math.min(wide / shape.aspect, tall);
      const filled = total / shelves.reduce((sum, shelf) => sum + shelf.rows * across, 0);
      const score = unit * (0.85 + 0.15 * filled);
      if (!best || score > best.score) best = { shelves, wide, tall, score };
    }
  }
  if (!best) return { shelves: [], wide: 0, tall: 0, scrolls: false };
  if (best.wide >= shape.least.wide && best.tall >= shape.least.tall) return { ...best, scrolls: false };
  return scrolling(counts, space, shape);
}

function scrolling(counts, space, { least }) {
  const beside = space.panel.gap;
  const across = Math.max(1, Math.floor((space.width - 2 * space.panel.pad + beside) / (least.wide + beside)));
  const shelves = shelve(counts, across, 1);
  return { shelves, wide: measure(shelves, space).wide, tall: least.tall, scrolls: true };
}

const ruler = document.createElement("canvas").getContext("2d");

/** Width of the widest of `texts` in the page's font, in em. Digits are all as wide as a zero there. */
export function widest(texts, weight) {
  ruler.font = `${weight} 100px ${getComputedStyle(document.body).fontFamily}`;
  return Math.max(0.1, ...texts.map((words) => ruler.measureText(words.replace(/\d/g, "0")).width / 100));
}
