"""Actions at the door and in the clinic: arrival, calls to a counter, the end of a visit."""

import re
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from hms_rt.kernel.principal import Role
from hms_rt.replay.case import Scene
from hms_rt.replay.client import RefusedError
from hms_rt.replay.mapping import Arrive, Finish, Return, Serve, fill

MRN_LENGTH = 20
NEAR = timedelta(hours=1)
"""Nobody comes earlier than this for an appointment."""
WAITING, SERVING = "waiting", "serving"


class KnownPatientError(Exception):
    """The case was replayed before, and its idempotent answers are no longer kept."""


async def arrive(action: Arrive, scene: Scene) -> None:
    """Register and issue a token; who was treated before being registered is identified now."""
    case = scene.case
    if case.provisional:
        await _identify(scene)
        return
    if case.patient is None:
        await _register(scene, provisional=False)
    await _issue(action, scene)


async def come_again(action: Return, scene: Scene) -> None:
    """A further visit."""
    await finish_visit(scene, Role.NURSE)
    await _issue(action, scene)


async def serve(action: Serve, scene: Scene) -> None:
    """Call to a free counter and serve."""
    await ensure_visit(scene)
    if scene.case.token_state == WAITING:
        await _to_counter(scene, action.role, wait=action.then != "stay")
    if action.then == "done":
        await finish_visit(scene, action.role)
    elif action.then == "wait" and scene.case.token_state == SERVING:
        await scene.do(action.role, f"/tokens/{scene.case.token}/requeue", step="requeue")
        _leave_counter(scene, WAITING)


async def finish(action: Finish, scene: Scene) -> None:
    """End the visit, if one is open."""
    await finish_visit(scene, action.role)


async def finish_visit(scene: Scene, role: Role, disposition: str = "home") -> None:
    """A doctor sees the patient and closes the visit, whose token is done by it; a waiting one is called and
    served first."""
    case = scene.case
    if case.token is None:
        return
    if case.token_state == WAITING:
        await _to_counter(scene, role, wait=True)
    if case.visit is None:
        await scene.do(role, f"/tokens/{case.token}/done", step="done")
    else:
        path = f"/visits/{case.visit}"
        await scene.do(Role.DOCTOR, f"{path}/consult", step="consult")
        await scene.do(Role.DOCTOR, f"{path}/close", {"disposition": disposition}, step="close")
        scene.world.counts[f"visits closed: {disposition}"] += 1
    _leave_counter(scene, "done")
    case.token = case.visit = None


async def ensure_visit(scene: Scene) -> None:
    """For what happens before the registration: the patient is taken in unidentified, with a token."""
    if scene.case.patient is not None:
        return
    await _register(scene, provisional=True)
    first = _first_arrival(scene)
    if first is not None:
        await _issue(first, scene)


def _first_arrival(scene: Scene) -> Arrive | None:
    for actions in scene.world.mapping.activities.values():
        for action in actions:
            if isinstance(action, Arrive):
                return action
    return None


async def _register(scene: Scene, *, provisional: bool) -> None:
    case, person = scene.case, scene.world.mapping.person
    body: dict[str, Any] = {"mrn": mrn(scene), "confirm_new": "a case of its own in the log"}
    body |= {"unidentified": True} if provisional else person_of(scene)
    key = f"{scene.world.prefix}:{case.id}:patient" if case.id.isascii() else None
    try:
        case.patient = await scene.do(
            Role.RECEPTION, "/patients", body, step="patient", timed=False, key=key and _visible(key)
        )
        case.provisional = provisional
    except RefusedError as refused:
        if refused.code != "conflict":
            raise
        if person.known == "skip":
            raise KnownPatientError from None
        found = await scene.read(Role.RECEPTION, "/patients", mrn=mrn(scene))
        case.patient = found["items"][0]


async def _identify(scene: Scene) -> None:
    case = scene.case
    office = scene.world.staff.of(Role.RECEPTION, case.id)
    key = _visible(f"{scene.world.prefix}:{case.id}:identity")
    reply = await office.patch(
        f"/patients/{case.patient_id}", person_of(scene), version=(case.patient or {})["version"], key=key
    )
    scene.fresh += not reply.repeated
    scene.repeated += reply.repeated
    case.patient, case.provisional = reply.value, False


async def _issue(action: Arrive | Return, scene: Scene) -> None:
    case = scene.case
    case.clinic = scene.text(action.clinic)
    body = {"patient_id": case.patient_id, "priority": scene.text(action.priority) or "routine"}
    if action.category is not None:
        body["category"] = scene.text(action.category)
    booked = isinstance(action, Arrive) and case.clinic in action.by_appointment
    token = await _by_appointment(scene, body) if booked else None
    if token is None:
        token = await scene.do(Role.RECEPTION, f"/clinics/{case.clinic}/tokens", body, step="token")
    case.token, case.token_state = token["id"], WAITING
    opened = {"clinic": case.clinic, "patient_id": case.patient_id, "token_id": case.token}
    case.visit = (await scene.do(Role.NURSE, "/visits", opened, step="visit"))["id"]
    scene.world.counts["visits opened"] += 1
    case.visits += 1


async def _by_appointment(scene: Scene, body: dict[str, Any]) -> dict[str, Any] | None:
    """The number of a patient who comes for the next slot with a place; None where none is near, or the
    patient is booked into it already."""
    path = f"/clinics/{scene.case.clinic}/slots"
    slots = (await scene.read(Role.RECEPTION, path, free="true", limit=1))["items"]
    if not slots or datetime.fromisoformat(slots[0]["starts_at"]) > datetime.now(UTC) + NEAR:
        return None
    wanted = {"slot_id": slots[0]["id"], "patient_id": body["patient_id"]}
    try:
        held = await scene.do(Role.RECEPTION, "/appointments", wanted, step="book")
        here = f"/appointments/{held['id']}/arrive"
        arrived = await scene.do(Role.RECEPTION, here, {"priority": body["priority"]}, step="arrive")
    except RefusedError as refused:
        if refused.code not in {"conflict", "idempotency_mismatch"}:
            raise
        return None
    scene.world.counts["appointments kept"] += 1
    token: dict[str, Any] = arrived["token"]
    return token


async def _to_counter(scene: Scene, role: Role, *, wait: bool) -> None:
    """Call and serve."""
    case = scene.case
    await _call(scene, role, wait=wait)
    try:
        await scene.do(role, f"/tokens/{case.token}/serve", step="serve")
    except RefusedError:
        _leave_counter(scene, case.token_state)
        raise
    case.token_state = SERVING


async def _call(scene: Scene, role: Role, *, wait: bool) -> None:
    """Call to a counter that is free: one that others occupy is passed over, each once.

    A call under the same key to another counter means that an earlier run called.
    """
    case = scene.case
    clinic = case.clinic or ""
    others = scene.world.counters.number(clinic)
    while True:
        case.counter = await scene.world.counters.take(clinic, wait=wait)
        others -= 1
        try:
            await scene.do(role, f"/tokens/{case.token}/call", {"counter": case.counter}, step="call")
        except RefusedError as refused:
            if refused.code == "idempotency_mismatch":
                scene.repeated += 1
                return
            _leave_counter(scene, case.token_state)
            if refused.code != "conflict" or others <= 0:
                raise
        else:
            return


def _leave_counter(scene: Scene, state: str) -> None:
    case = scene.case
    case.token_state = state
    if case.counter is not None and case.clinic is not None:
        scene.world.counters.give_back(case.clinic, case.counter)
    case.counter = None


def person_of(scene: Scene) -> dict[str, Any]:
    """The patient's details as the mapping has them; empty ones are left out."""
    person, values = scene.world.mapping.person, scene.case.person
    templates = {
        "family_name": person.family_name,
        "given_name": person.given_name,
        "sex": person.sex,
        "birth_date": person.birth_date,
        "phone": person.phone,
    }
    details = {field: fill(text, values) for field, text in templates.items() if text is not None}
    age = fill(person.age, values) if person.age is not None else ""
    if not details.get("birth_date") and age.isdigit():
        details["birth_date"] = f"{scene.row.at.year - int(age):04}-07-01"  # the middle of the year
    return {field: value for field, value in details.items() if value}


def mrn(scene: Scene) -> str:
    """The case's record number: allowed characters, and short enough whatever the case is called."""
    person = scene.world.mapping.person
    text = fill(person.mrn, scene.case.person).upper()
    if scene.world.run and person.known == "skip":
        text = f"{text}-{scene.world.run.upper()}"
    plain = re.sub(r"[^A-Z0-9]+", "-", text).strip("-")
    if plain == text and 3 <= len(plain) <= MRN_LENGTH:
        return plain
    return f"{plain[: MRN_LENGTH - 9].strip('-')}-{zlib.crc32(text.encode()):08X}"


def _visible(key: str) -> str:
    """A key holds visible ASCII only, at most 200 characters."""
    plain = re.sub(r"[^\x21-\x7e]", "_", key)
    return plain if plain == key and len(key) <= 200 else f"{plain[:180]}:{zlib.crc32(key.encode()):08x}"
