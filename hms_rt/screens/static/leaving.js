// What every department has still to do before a patient leaves: opened from the patient's bed, live while open.

import { byId, make, write } from "./dom.js";
import { call } from "./session.js";
import { hasText, text } from "./texts.js";

const AGAIN_MS = 10_000; // how much is open of one kind changes without a word from the board
const dialog = byId("leaving");
let shown = null; // {key, patient, admission} of the bed whose list is open
let timer;

/** Open the list of the patient in `bed`. */
export function openChecklist(key, { occupant }) {
  shown = { key, patient: occupant.patient_id, admission: null };
  write(byId("leaving-title"), occupant.name ? text("before_leaving", { name: occupant.name }) : text("before_leaving_of"));
  byId("leaving-items").replaceChildren();
  byId("leaving-none").hidden = true;
  dialog.showModal();
  load();
}

/** The board changed: what is open of this bed is asked for again; if its patient has left, the list closes. */
export function checklistChanged(state) {
  if (!shown) return;
  const bed = state.get(shown.key);
  if (bed?.leaving_since && bed.occupant?.patient_id === shown.patient) load();
  else dialog.close();
}

async function load() {
  const asked = shown;
  clearTimeout(timer);
  timer = setTimeout(load, AGAIN_MS);
  asked.admission ??= await admissionOf(asked.patient);
  const answer = asked.admission && await call("GET", `/admissions/${asked.admission}/checklist`);
  if (shown !== asked || !answer) return;
  if (!answer.ok) return dialog.close();
  show((await answer.json()).items);
}

async function admissionOf(patient) {
  const answer = await call("GET", `/admissions?patient_id=${patient}&state=discharge_ordered&limit=1`);
  return answer?.ok ? (await answer.json()).items[0]?.id ?? null : null;
}

function show(items) {
  byId("leaving-none").hidden = items.length > 0;
  byId("leaving-items").replaceChildren(...items.map(({ department, kind, count, what }) => {
    const words = hasText(`left_${kind}`) ? text(`left_${kind}`) : kind;
    const more = count > what.length && what.length ? make("li", "more", text("and_more", { n: count - what.length })) : null;
    const made = make("li", "", make("b", "", words), make("span", "count", String(count)),
      make("ul", "", ...what.map((one) => make("li", "", one)), more));
    made.dataset.department = department;
    return made;
  }));
}

dialog.addEventListener("close", () => {
  clearTimeout(timer);
  shown = null;
});
byId("leaving-close").addEventListener("click", () => dialog.close());
