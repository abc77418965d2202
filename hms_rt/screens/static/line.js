// Who is called next: the rule of the server (hms_rt/departments/opd/model/line.py), from what the room tells.

const LATE_MS = 15 * 60_000;

const byText = (field) => (a, b) => (a[field] < b[field] ? -1 : a[field] > b[field] ? 1 : 0);
const byOrder = byText("order");
const byTime = (a, b) => Date.parse(a.due_at) - Date.parse(b.due_at) || byOrder(a, b);

/** Where a waiting token stands; its `order` begins with rank and time of joining. */
function lane({ order, due_at: due }, now) {
  const [rank, joined] = order.split(" ");
  if (rank !== "2") return "urgent";
  if (!due || Date.parse(joined) > Date.parse(due) + LATE_MS) return "walkIn";
  return Date.parse(due) <= now ? "due" : "early";
}

/** Waiting tokens in the order of being called: appointments that are due and walk-ins in turn. */
export function inOrder(tokens, { in_row: row, at_most: most }, now) {
  const lanes = { urgent: [], due: [], walkIn: [], early: [] };
  for (const token of [...tokens].sort(byOrder)) lanes[lane(token, now)].push(token);
  lanes.due.sort(byTime);
  lanes.early.sort(byTime);
  const ordered = [];
  let inRow = row;
  while (ordered.length < tokens.length) {
    const turns = inRow < most ? ["urgent", "due", "walkIn", "early"] : ["urgent", "walkIn", "due", "early"];
    const next = turns.find((name) => lanes[name].length);
    ordered.push(lanes[next].shift());
    if (next === "due") inRow = Math.min(inRow + 1, most);
    if (next === "walkIn") inRow = 0;
  }
  return ordered;
}
