"""For every endpoint a request that succeeds, with what it needs made ready."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hms_rt.departments.opd.schemas.queue import ClinicIn, TokenIn
from hms_rt.departments.patients.schemas.details import DeathIn, WhyIn
from hms_rt.kernel.principal import SYSTEM, Assignment, AssignmentKind, Role
from tests.conftest import PASSWORD, command
from tests.surface.things import CHART, CLINIC, COUNTERS, DOCTOR, NORMAL, OTHER_CLINIC, WARD
from tests.surface.world import World

OTHER_PASSWORD = "staple battery horse correct"
REASON = {"reason": "not needed any more"}


def today() -> str:
    """Asked each time: a run may begin before midnight."""
    return datetime.now(UTC).date().isoformat()


@dataclass(frozen=True)
class Ask:
    """A request: values of the path's parameters, query, body, and the version for If-Match."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    version: int | None = None


Recipe = Callable[[World], Awaitable[Ask]]


def at(thing: Callable[[World], Awaitable[Any]], body: Any = None) -> Recipe:
    """A request to ``…/{id}…`` of what ``thing`` makes ready."""

    async def recipe(world: World) -> Ask:
        made = await thing(world)
        return Ask({"id": str(made.id)}, body=body, version=getattr(made, "version", None))

    return recipe


def plain(path: Mapping[str, str] | None = None, body: Any = None, **query: str) -> Recipe:
    """A request that needs nothing made ready."""

    async def recipe(world: World) -> Ask:
        return Ask(path or {}, query, body)

    return recipe


def new(prefix: str, path: Mapping[str, str] | None = None, **body: Any) -> Recipe:
    """A definition under a code that is not taken."""

    async def recipe(world: World) -> Ask:
        return Ask(path or {}, body={**body, "code": world.fresh(prefix)})

    return recipe


# --- requests about more than one thing


async def _request_admission(world: World) -> Ask:
    patient = await world.patient()
    return Ask(body={"patient_id": str(patient.id), "ward": WARD, "reason": "sepsis"})


async def _entry(world: World) -> Ask:
    here = await world.admitted()
    entry = await world.entry(here.patient_id)
    return Ask({"id": str(here.patient_id), "entry_id": str(entry.id)})


async def _retract(world: World) -> Ask:
    """By whoever wrote the entry: the asker. See ``test_idempotency`` for how it comes about."""
    return Ask((await _entry(world)).path, body={"reason": "wrong patient"})


async def _record(world: World) -> Ask:
    here = await world.admitted()
    return Ask({"id": str(here.patient_id)}, body={"kind": "note", "body": {"text": "slept well"}})


async def _patient_here(world: World) -> Ask:
    return Ask({"id": str((await world.admitted()).patient_id)})


async def _correct_patient(world: World) -> Ask:
    body = {"given_name": world.fresh("Joan")}
    return Ask((await _patient_here(world)).path, body=body, version=1)


def _here(body: Any) -> Recipe:
    """About a patient in a bed of the ward."""

    async def recipe(world: World) -> Ask:
        return Ask((await _patient_here(world)).path, body=body, version=1)

    return recipe


def _detail(thing: Callable[[World, uuid.UUID], Awaitable[Any]], name: str, body: Any) -> Recipe:
    """About something of a patient in a bed of the ward."""

    async def recipe(world: World) -> Ask:
        patient_id = (await world.admitted()).patient_id
        made = await thing(world, patient_id)
        path = {"id": str(patient_id), name: str(made.id)}
        return Ask(path, body=body, version=getattr(made, "version", None))

    return recipe


async def _new_identifier(world: World) -> Ask:
    body = {"type": "passport", "issuer": "AT", "value": world.fresh("P 77")}
    return Ask((await _patient_here(world)).path, body=body)


async def _dead(world: World) -> Ask:
    patient_id = (await world.admitted()).patient_id
    await world.services.patients.record_death(SYSTEM, command(), patient_id, DeathIn())
    return Ask({"id": str(patient_id)}, body=REASON, version=2)


async def _restricted(world: World) -> Ask:
    patient_id = (await world.admitted()).patient_id
    await world.services.patients.restrict(SYSTEM, command(), patient_id, WhyIn(reason="a colleague"))
    return Ask({"id": str(patient_id)}, body=REASON, version=2)


async def _new_kind(world: World) -> Ask:
    body = {"code": world.fresh("chart_"), "name": "Wound chart", "written_as": "note", "body_schema": CHART}
    return Ask(body=body)


async def _change_kind(world: World) -> Ask:
    return Ask({"kind": await world.kind()}, body={"name": "Another chart"}, version=1)


async def _kind_version(world: World) -> Ask:
    return Ask({"kind": await world.kind(), "number": "1"})


async def _merge(world: World) -> Ask:
    into, source = await world.patient(), await world.patient()
    body = {"from_id": str(source.id), "reason": "registered twice"}
    return Ask({"id": str(into.id)}, body=body, version=into.version)


async def _specimens(world: World) -> Ask:
    return Ask({"id": str((await world.order()).id)}, body={"kind": "blood"})


async def _order(world: World) -> Ask:
    patient = await world.patient()
    return Ask(body={"patient_id": str(patient.id), "tests": ["LAC"], "ward": WARD})


async def _enter(world: World) -> Ask:
    test_id = (await world.received()).tests[0]
    return Ask({"id": str(test_id)}, body={"value": NORMAL})


async def _start(world: World) -> Ask:
    return Ask({"id": str((await world.received()).tests[0])}, body={})


async def _analysis(world: World) -> Ask:
    return Ask({"analysis": "LAC"})


async def _change_analysis(world: World) -> Ask:
    (row,) = await world.query("SELECT version FROM lab_catalogue WHERE code = 'LAC'")
    return Ask({"analysis": "LAC"}, body={"name": world.fresh("Lactate ")}, version=row.version)


BOUNDS = {"reference_low": "0.5", "reference_high": "2.0", "critical_high": "4.0"}
RANGES = {"valid_from": "2020-01-01", "unit": "mmol/L", "source": "Manufacturer", "ranges": [BOUNDS]}


async def _ranges(world: World) -> Ask:
    day = f"20{world.number() % 80 + 10}-01-01"
    return Ask({"analysis": "LAC"}, body={**RANGES, "valid_from": day})


async def _change_panel(world: World) -> Ask:
    panel = await world.panel()
    return Ask({"panel": panel.code}, body={"name": "Renamed"}, version=panel.version)


async def _panel(world: World) -> Ask:
    return Ask({"panel": (await world.panel()).code})


async def _barcode(world: World) -> Ask:
    return Ask(query={"barcode": (await world.collected()).barcode})


async def _labels(world: World) -> Ask:
    return Ask({"id": str((await world.collected()).order_id)})


async def _issue(world: World) -> Ask:
    patient = await world.patient()
    return Ask({"code": CLINIC}, body={"patient_id": str(patient.id), "doctor_id": str(DOCTOR)})


async def _call_next(world: World) -> Ask:
    counter = await world.free_counter()
    await world.waiting()
    return Ask({"code": CLINIC}, body={"counter": counter})


async def _call(world: World) -> Ask:
    counter, token = await world.free_counter(), await world.waiting()
    return Ask({"id": str(token.id)}, body={"counter": counter}, version=token.version)


async def _counter(world: World) -> Ask:
    return Ask({"code": await world.free_counter()})


async def _assign(world: World) -> Ask:
    user = await world.account(Role.NURSE)
    return Ask({"id": str(user.id)}, body={"kind": "ward", "place": WARD}, version=user.version)


async def _unassign(world: World) -> Ask:
    place = frozenset({Assignment(AssignmentKind.WARD, WARD)})
    given = await world.person(Role.NURSE, places=place)
    return Ask({"id": str(given.id)}, {"kind": "ward", "place": WARD}, version=2)


async def _new_user(world: World) -> Ask:
    return Ask(body={"username": world.fresh("user"), "display_name": "New", "password": OTHER_PASSWORD})


async def _new_device(world: World) -> Ask:
    return Ask(body={"name": world.fresh("Screen "), "rooms": ["/beds ward:ICU"]})


async def _seen(world: World) -> Ask:
    return Ask(body={"ids": [str(uuid.uuid4())]})


async def _day_end(world: World) -> Ask:
    clinic = world.fresh("CL")
    new = ClinicIn(code=clinic, name="New clinic")
    await world.services.opd.define_clinic(SYSTEM, command(), new)
    await world.services.opd.issue(SYSTEM, command(), clinic, TokenIn())
    return Ask({"code": clinic}, body=REASON)


async def _day(world: World) -> Ask:
    return Ask({"code": CLINIC, "day": today()})


async def _bed(world: World) -> Any:
    return await world.bed()


W = World

RECIPES: dict[str, Recipe] = {
    # identity
    "POST /auth/login": plain(body={"username": "nobody", "password": "wrong"}),
    "POST /auth/password": plain(body={"password": OTHER_PASSWORD, "current_password": PASSWORD}),
    "POST /users": _new_user,
    "GET /users/{id}": at(W.account),
    "PATCH /users/{id}": at(W.account, {"display_name": "Renamed"}),
    "POST /users/{id}/password": at(W.account, {"password": OTHER_PASSWORD}),
    "POST /users/{id}/assignments": _assign,
    "DELETE /users/{id}/assignments": _unassign,
    "POST /devices": _new_device,
    "GET /devices/{id}": at(W.device),
    "POST /devices/{id}/link": at(W.device),
    "POST /devices/{id}/revoke": at(W.device),
    # patients
    "POST /patients": plain(
        body={"family_name": "Doe", "birth_date": "1970-02-03", "confirm_new": "another of many"}
    ),
    "POST /patients/match": plain(body={"family_name": "Doe", "birth_date": "1970-02-03"}),
    "GET /patients": plain(name="do"),
    "GET /patients/{id}": _patient_here,
    "PATCH /patients/{id}": _correct_patient,
    "POST /patients/{id}/record": _record,
    "GET /patients/{id}/record": _entry,
    "GET /patients/{id}/record/{entry_id}": _entry,
    "POST /patients/{id}/record/{entry_id}/retract": _retract,
    "GET /patients/{id}/identifiers": _patient_here,
    "POST /patients/{id}/identifiers": _new_identifier,
    "POST /patients/{id}/identifiers/{identifier_id}/retract": _detail(W.identifier, "identifier_id", REASON),
    "GET /patients/{id}/contacts": _patient_here,
    "POST /patients/{id}/contacts": _here({"kind": "guardian", "name": "Jo Kin"}),
    "PATCH /patients/{id}/contacts/{contact_id}": _detail(W.contact, "contact_id", {"name": "Jo Kin"}),
    "GET /patients/{id}/allergies": _patient_here,
    "POST /patients/{id}/allergies": _here({"substance": "latex", "severity": "mild"}),
    "POST /patients/{id}/allergies/{allergy_id}/verify": _detail(W.allergy, "allergy_id", {}),
    "POST /patients/{id}/allergies/{allergy_id}/retract": _detail(W.allergy, "allergy_id", REASON),
    "POST /patients/{id}/death": _here({}),
    "POST /patients/{id}/death/revoke": _dead,
    "POST /patients/{id}/restrict": _here(REASON),
    "POST /patients/{id}/unrestrict": _restricted,
    "GET /restricted-patients": plain(),
    "GET /record-types": plain(),
    "POST /record-types": _new_kind,
    "GET /record-types/{kind}": plain({"kind": "note"}),
    "PATCH /record-types/{kind}": _change_kind,
    "GET /record-types/{kind}/versions/{number}": _kind_version,
    "POST /patients/{id}/merge": _merge,
    "GET /patient-merges": plain(),
    "GET /patient-merges/{id}": at(W.merged),
    "POST /patient-merges/{id}/undo": at(W.merged, {"reason": "two people after all"}),
    # beds
    "POST /wards": new("W", name="New ward"),
    "GET /wards/{code}": plain({"code": WARD}),
    "GET /beds": plain(ward=WARD),
    "POST /beds": new("b", ward=WARD, room="R9"),
    "GET /beds/{id}": at(_bed),
    "PATCH /beds/{id}": at(_bed, {"status": "cleaning"}),
    # ipd
    "POST /admissions": _request_admission,
    "GET /admissions/{id}": at(W.admitted),
    "GET /admissions/{id}/history": at(W.admitted),
    "POST /admissions/{id}/accept": at(W.requested, {}),
    "POST /admissions/{id}/discharge-order": at(W.admitted, {"disposition": "home"}),
    "POST /admissions/{id}/revoke-discharge": at(W.ordered_out, {}),
    "POST /admissions/{id}/depart": at(W.ordered_out, {"disposition": "home"}),
    "POST /admissions/{id}/cancel": at(W.requested, REASON),
    "POST /admissions/{id}/cancel-admit": at(W.admitted, REASON),
    "POST /admissions/{id}/cancel-discharge": at(W.discharged, REASON),
    # opd
    "POST /clinics": new("CL", name="New clinic"),
    "GET /clinics/{code}": plain({"code": CLINIC}),
    "POST /clinics/{code}/counters": new("CO", {"code": CLINIC}, name="New counter"),
    "POST /counters/{code}/open": plain({"code": COUNTERS[1]}),
    "POST /counters/{code}/close": _counter,
    "GET /clinics/{code}/queue": plain({"code": CLINIC}),
    "GET /clinics/{code}/days/{day}": _day,
    "GET /clinics/{code}/tokens": plain({"code": CLINIC}),
    "POST /clinics/{code}/tokens": _issue,
    "POST /clinics/{code}/call-next": _call_next,
    "POST /clinics/{code}/day-end": _day_end,
    "GET /tokens/{id}": at(W.waiting),
    "GET /tokens/{id}/history": at(W.waiting),
    "POST /tokens/{id}/call": _call,
    "POST /tokens/{id}/recall": at(W.called, {}),
    "POST /tokens/{id}/serve": at(W.called, {}),
    "POST /tokens/{id}/hold": at(W.waiting, {}),
    "POST /tokens/{id}/resume": at(W.on_hold, {}),
    "POST /tokens/{id}/no-show": at(W.called, {}),
    "POST /tokens/{id}/requeue": at(W.missed, {}),
    "POST /tokens/{id}/transfer": at(W.serving, {"clinic": OTHER_CLINIC}),
    "POST /tokens/{id}/done": at(W.serving, {}),
    "POST /tokens/{id}/cancel": at(W.waiting, REASON),
    # laboratory
    "POST /lab/catalogue": new("T", name="New test", specimen_kind="blood", unit="1", decimals=1),
    "GET /lab/catalogue/{analysis}": _analysis,
    "PATCH /lab/catalogue/{analysis}": _change_analysis,
    "GET /lab/catalogue/{analysis}/ranges": _analysis,
    "POST /lab/catalogue/{analysis}/ranges": _ranges,
    "POST /lab/ranges/{id}/withdraw": at(W.range_set, REASON),
    "POST /lab/panels": new("P", name="New panel", tests=["LAC"]),
    "GET /lab/panels/{panel}": _panel,
    "PATCH /lab/panels/{panel}": _change_panel,
    "GET /lab/specimens": _barcode,
    "GET /lab/orders/{id}/labels": _labels,
    "GET /lab/specimens/{id}/label": at(W.collected),
    "GET /lab/tests/{id}/history": at(W.released),
    "GET /lab/alerts/{id}": at(W.alert),
    "POST /lab/orders": _order,
    "GET /lab/orders/{id}": at(W.order),
    "GET /lab/orders/{id}/context": at(W.order),
    "POST /lab/orders/{id}/cancel": at(W.order, REASON),
    "POST /lab/orders/{id}/specimens": _specimens,
    "POST /lab/specimens/{id}/receive": at(W.collected, {}),
    "POST /lab/specimens/{id}/reject": at(W.collected, REASON),
    "POST /lab/tests/{id}/cancel": at(W.resulted, REASON),
    "POST /lab/tests/{id}/start": _start,
    "POST /lab/tests/{id}/result": _enter,
    "GET /lab/tests/{id}/result": at(W.released),
    "POST /lab/tests/{id}/verify": at(W.resulted, {}),
    "POST /lab/tests/{id}/disagree": at(W.resulted, REASON),
    "POST /lab/tests/{id}/release": at(W.verified, {}),
    "POST /lab/tests/{id}/review": at(W.released_alone, {}),
    "POST /lab/tests/{id}/correct": at(W.released, {"value": "1.3", "reason": "wrong specimen"}),
    "POST /lab/alerts/{id}/acknowledge": at(W.alert, {}),
    "POST /lab/alerts/{id}/relay": at(W.alert, {}),
    "POST /lab/alerts/{id}/read-back": at(W.alert, {}),
    "POST /lab/alerts/{id}/close": at(W.acknowledged, {}),
    # notifications
    "POST /notifications/seen": _seen,
}
"""Endpoint -> a request that somebody with every role at every place may make with success."""
