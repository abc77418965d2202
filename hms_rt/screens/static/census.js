// A ward's census: what a night nurse prints, also when the server has gone.

import { byId, make, write } from "./dom.js";
import { code, keep } from "./paper.js";
import { age, hasText, text } from "./texts.js";

function row(bed, at) {
  const one = bed.patient;
  const kind = bed.isolation_kind && hasText(bed.isolation_kind) ? text(bed.isolation_kind) : "";
  const flags = bed.isolation ? [[text("isolation"), kind].filter(Boolean).join(": ")] : [];
  const state = hasText(bed.status) ? text(bed.status) : bed.status;
  if (!one) return line([bed.code, `(${state})`, "", "", "", flags.join(""), "", ""], "empty", flags.length > 0);
  const years = one.birth_date ? age(one.birth_date, at) : "?";
  const sex = hasText(`sex_${one.sex}`) ? text(`sex_${one.sex}`) : "?";
  const known = one.allergies.length ? one.allergies : [text(one.allergies_asked ? "none_known" : "not_asked")];
  const warns = flags.length > 0 || one.allergies.length > 0;
  const open = [...(bed.beside ? [text("beside", { bed: bed.beside })] : []), ...(one.leaving ? [text("leaving")] : []), ...one.outstanding];
  const cells = [bed.code, one.name || text("unknown_patient"), `${years} ${sex}`, one.mrn, one.doctor ?? "",
    [...flags, ...known].join(", "), one.vitals ? vitals(one.vitals, at) : "", open.join("; ")];
  return line(cells, "", warns);
}

const SHORT = [["respiratory_rate", "RR"], ["spo2_percent", "SpO2"], ["fio2_percent", "FiO2"], ["pressure", "BP"],
  ["heart_rate", "HR"], ["temperature_c", "T"], ["gcs", "GCS"]];

/** The last readings, with the hour; and the day, if it is another one. */
function vitals({ at, readings }, now) {
  const taken = new Date(at);
  const today = taken.toDateString() === new Date(now).toDateString();
  const day = today ? "" : taken.toLocaleDateString([], { day: "2-digit", month: "2-digit" });
  const hour = taken.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const { systolic, diastolic } = readings;
  const pressure = systolic || diastolic ? `${systolic ?? "?"}/${diastolic ?? "?"}` : undefined;
  const all = { ...readings, pressure };
  const told = SHORT.filter(([name]) => all[name] !== undefined).map(([name, short]) => `${short} ${all[name]}`);
  return [day, hour, ...told].filter(Boolean).join(" ");
}

function line(cells, kind, warns) {
  const made = make("tr", kind, ...cells.map((cell) => make("td", "", cell)));
  if (warns) made.children[5].className = "warns";
  return made;
}

function show({ census, at }) {
  write(byId("name"), `${census.name} (${census.ward})`);
  const sums = text("beds_occupied", { occupied: census.occupied, total: census.total });
  write(byId("sums"), census.vitals_known ? sums : `${sums} ${text("no_vitals")}`);
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
  columns: ["bed", "patient", "age_sex", "record", "doctor", "warnings", "vitals", "open_things"],
  rows: "beds",
  forbidden: "census_forbidden",
  read,
  show,
});
