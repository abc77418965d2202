// Who this browser is to the server: an enrolled screen or a signed-in person. Cookies say so; scripts cannot
// read them, so we ask.

import { keep, kept } from "./kept.js";

const PERSON = "hms-rt signed in"; // a person signed in here, so an expired session is worth refreshing

/** Call the API; the answer, or null when the server cannot be reached. */
export async function call(method, path, body) {
  const init = { method, headers: { Accept: "application/json" }, cache: "no-store" };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  try { return await fetch(`/api/v1${path}`, init); } catch { return null; }
}

/** Who is here: {kind, name, roles, ...}; null for nobody; undefined when the server does not say. */
export async function whoAmI() {
  let answer = await call("GET", "/auth/me");
  let me = answer?.ok ? await answer.json() : null;
  if (kept(PERSON) && answer && (answer.status === 401 || me?.kind === "device")) {
    const refreshed = await call("POST", "/auth/refresh");
    if (refreshed?.status === 401) keep(PERSON, null);
    if (refreshed?.ok) {
      answer = await call("GET", "/auth/me");
      me = answer?.ok ? await answer.json() : null;
    }
  }
  return me ?? (answer?.status === 401 ? null : undefined);
}

/** For RoomStream: look only when there is reason to; false means that the server knows nobody here. */
export async function authorise(failed) {
  return !(failed || kept(PERSON)) || (await whoAmI()) !== null;
}

/** Sign in; the HTTP status, 0 when the server cannot be reached. */
export async function signIn(username, password) {
  const answer = await call("POST", "/auth/login", { username, password });
  if (answer?.ok) keep(PERSON, true);
  return answer?.status ?? 0;
}

/** Sign out; a screen's own cookie stays. */
export async function signOut() {
  keep(PERSON, null);
  await call("POST", "/auth/logout");
}
