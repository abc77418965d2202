// A ward's census: what a night nurse prints, also when the server has gone.

import { byId, make, write } from "./dom.js";
import { code, keep } from "./paper.js";
import { age, hasText, text } from "./texts.js";

function row(bed, at) {
  const one = bed.patient;
  const flags = bed.isolation ? [text("isolation")] : [];
  const state = hasText(bed.status) ? text(bed.status) : bed.status;
  if (!one) return line([bed.code, `(${state})`, "", "", "", flags.join(""), ""], "empty", flags.length > 0);
  const years = one.birth_date ? age(one.birth_date, at) : "?";
  const sex = hasText(`sex_${one.sex}`) ? text(`sex_${one.sex}`) : "?";
  const known = one.allergies.length ? one.allergies : [text(one.allergies_asked ? "none_known" : "not_asked")];
  const warns = flags.length > 0 || one.allergies.length > 0;
  const open = [...(one.leaving ? [text("leaving")] : []), ...one.outstanding];
  const cells = [bed.code, one.name || text("unknown_patient"), `${years} ${sex}`, one.mrn, one.doctor ?? "",
    [...flags, ...known].join(", "), open.join("; ")];
  return line(cells, "", warns);
}

function line(cells, kind, warns) {
  const made = make("tr", kind, ...cells.map((cell) => make("td", "", cell)));
  if (warns) made.children[5].className = "warns";
  return made;
}

function show({ census, at }) {
  write(byId("name"), `${census.name} (${census.ward})`);
  write(byId("sums"), text("beds_occupied", { occupied: census.occupied, total: census.total }));
  document.title = `${text("census")} ${census.ward}`;
  byId("beds").replaceChildren(...census.beds.map((bed) => row(bed, at)));
}

async function read(answer) {
  const census = await answer.json();
  return { census, at: Date.parse(census.at) };
}

byId("pdf").href = `/api/v1/wards/${code}/census.pdf`;
keep({
  path: `/wards/${code}/census`,
  everyMs: 60_000,
  columns: ["bed", "patient", "age_sex", "record", "doctor", "warnings", "open_things"],
  rows: "beds",
  forbidden: "census_forbidden",
  read,
  show,
});
