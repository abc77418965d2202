// Every text that a screen shows, by language. `?lang=es` chooses one; else the browser's languages do.

export const TEXTS = {
  en: {
    live: "Live",
    connecting: "Connecting",
    reconnecting: "Reconnecting",
    stale: "Not up to date",
    stale_detail: "No contact with the server. Shown is the state of {age} ago.",
    unknown_room: "No such board",
    unknown_room_detail: "There is no board at this address. Check the code; this page keeps looking.",
    forbidden: "Not for this screen",
    forbidden_detail: "Neither this screen nor the person signed in may see this board.",
    unauthenticated: "Not signed in",
    unauthenticated_detail: "Set this screen up with its link, or sign in.",
    refused: "Not available",
    refused_detail: "The server does not show this board now. This page keeps asking.",
    sign_in: "Sign in",
    sign_out: "Sign out",
    username: "Username",
    password: "Password",
    wrong_password: "The username or the password is wrong.",
    too_many_attempts: "Too many attempts. Wait a minute.",
    server_away: "The server does not answer. Try again.",
    signed_in_as: "Signed in as {name}",
    screens: "Screens",
    wards: "Ward boards",
    clinics: "Queue screens",
    hospital: "Hospital occupancy",
    open_board: "Open",
    ward_code: "Ward code",
    clinic_code: "Clinic code",
    ward: "Ward {code}",
    clinic: "Clinic {code}",
    beds_occupied: "{occupied} of {total} beds occupied",
    beds_free: "{available} free",
    no_beds: "This ward has no beds yet",
    room: "Room {name}",
    available: "Available",
    reserved: "Reserved",
    occupied: "Occupied",
    cleaning: "Cleaning",
    contaminated: "Contaminated",
    out_of_service: "Out of service",
    isolation: "Isolation",
    unknown_patient: "Name unknown",
    sex_female: "F",
    sex_male: "M",
    sex_other: "X",
    years: "{n} y",
    months: "{n} mo",
    days: "{n} d",
    hours: "{n} h",
    minutes: "{n} min",
    seconds: "{n} s",
    now_serving: "Now serving",
    next: "Next",
    please_wait: "Please wait for your number",
    nobody_called: "No number is being called",
    nobody_waiting: "Nobody is waiting",
    more: "+{n}",
    missed: "Missed: please ask at the desk",
    waiting: "Waiting",
    in_service: "In service",
    served_today: "Served today",
    counters_open: "Counters open",
    estimated_wait: "Estimated wait",
    wait_range: "{low}–{high} min",
    wait_about: "about {high} min",
    wait_under: "under 5 min",
    wait_unknown: "–",
    counter: "Counter {code}",
    announce: "Number {label}, please go to {counter}",
    sound_on: "Sound on",
    sound_off: "Sound off",
    notifications: "My notifications",
    no_notifications: "Nothing new",
    mark_seen: "Mark all as seen",
    whole_hospital: "All wards",
  },
  es: {
    live: "En directo",
    connecting: "Conectando",
    reconnecting: "Reconectando",
    stale: "Sin actualizar",
    stale_detail: "Sin contacto con el servidor. Se muestra el estado de hace {age}.",
    unknown_room: "No existe este tablero",
    unknown_room_detail: "No hay ningún tablero en esta dirección. Compruebe el código; la página sigue buscando.",
    forbidden: "No es para esta pantalla",
    forbidden_detail: "Ni esta pantalla ni la persona identificada pueden ver este tablero.",
    unauthenticated: "Sesión no iniciada",
    unauthenticated_detail: "Configure esta pantalla con su enlace o inicie sesión.",
    refused: "No disponible",
    refused_detail: "El servidor no muestra este tablero ahora. La página sigue preguntando.",
    sign_in: "Iniciar sesión",
    sign_out: "Cerrar sesión",
    username: "Usuario",
    password: "Contraseña",
    wrong_password: "El usuario o la contraseña no son correctos.",
    too_many_attempts: "Demasiados intentos. Espere un minuto.",
    server_away: "El servidor no responde. Inténtelo de nuevo.",
    signed_in_as: "Sesión de {name}",
    screens: "Pantallas",
    wards: "Tableros de planta",
    clinics: "Pantallas de turnos",
    hospital: "Ocupación del hospital",
    open_board: "Abrir",
    ward_code: "Código de planta",
    clinic_code: "Código de consulta",
    ward: "Planta {code}",
    clinic: "Consulta {code}",
    beds_occupied: "{occupied} de {total} camas ocupadas",
    beds_free: "{available} libres",
    no_beds: "Esta planta aún no tiene camas",
    room: "Habitación {name}",
    available: "Libre",
    reserved: "Reservada",
    occupied: "Ocupada",
    cleaning: "Limpieza",
    contaminated: "Contaminada",
    out_of_service: "Fuera de uso",
    isolation: "Aislamiento",
    unknown_patient: "Nombre desconocido",
    sex_female: "M",
    sex_male: "H",
    sex_other: "X",
    years: "{n} a",
    months: "{n} m",
    days: "{n} d",
    hours: "{n} h",
    minutes: "{n} min",
    seconds: "{n} s",
    now_serving: "Atendiendo ahora",
    next: "Siguientes",
    please_wait: "Espere a que se llame su número",
    nobody_called: "No se llama a ningún número",
    nobody_waiting: "No hay nadie esperando",
    more: "+{n}",
    missed: "Ausentes: pregunten en el mostrador",
    waiting: "En espera",
    in_service: "En consulta",
    served_today: "Atendidos hoy",
    counters_open: "Puestos abiertos",
    estimated_wait: "Espera estimada",
    wait_range: "{low}–{high} min",
    wait_about: "unos {high} min",
    wait_under: "menos de 5 min",
    wait_unknown: "–",
    counter: "Puesto {code}",
    announce: "Número {label}, pase a {counter}",
    sound_on: "Con sonido",
    sound_off: "Sin sonido",
    notifications: "Mis avisos",
    no_notifications: "Nada nuevo",
    mark_seen: "Marcar todo como visto",
    whole_hospital: "Todas las plantas",
  },
};

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
