"""Fifty commands at once over two server processes, rule by rule; run by ``test_two_servers``."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hms_rt.departments.beds.model import Isolation
from hms_rt.departments.beds.schemas import RoomIsolationIn
from hms_rt.departments.ipd.schemas import AdmissionOut, BirthIn, NeedsIn
from hms_rt.departments.ipd.schemas.medication import DoseQuery
from hms_rt.departments.patients.schemas.details import DeathIn
from hms_rt.departments.pharmacy.schemas.prescriptions import (
    Activation,
    PrescriptionIn,
    PrescriptionOut,
)
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import WardFactory, command
from tests.ipd.conftest import Journeys, Query
from tests.ipd.test_concurrency import breaks
from tests.pharmacy.conftest import line

Ask = Callable[[str, Any], Awaitable[int]]


@dataclass(frozen=True)
class Attacked:
    """Two servers that are asked, and services on the same stores that make ready and look after."""

    services: Services
    ask: Ask
    journeys: Journeys
    query: Query
    ward: WardFactory


async def all_at_once(doing: list[Awaitable[int]]) -> Counter[int]:
    """The statuses of the answers."""
    return Counter(await asyncio.gather(*doing))


async def tried(doing: Awaitable[object]) -> int:
    """The same of a service; raises what no client would be told as a conflict."""
    try:
        await doing
    except HmsError as error:
        if error.code not in {Code.ILLEGAL_MOVE, Code.CONFLICT, Code.UNAVAILABLE}:
            raise
        return 409
    return 200


TORN = """
    SELECT 1 FROM ipd_stay c JOIN beds_bed cot ON cot.id = c.bed_id JOIN beds_occupant o ON o.stay_id = c.id
    LEFT JOIN ipd_stay m ON m.admission_id = c.beside AND m.ended_at IS NULL
    LEFT JOIN beds_bed bed ON bed.id = m.bed_id
    WHERE c.beside IS NOT NULL AND c.ended_at IS NULL AND
      (c.apart_reason IS NULL) IS DISTINCT FROM
      (coalesce((cot.ward_code, cot.room_code) = (bed.ward_code, bed.room_code), false) AND o.beside = bed.id)
"""


async def mothers_and_children_are_never_torn_apart(field: Attacked) -> None:
    """Mothers move, exchange rooms and leave while their children are moved, leave and are brought back."""
    ipd, ask = field.services.ipd, field.ask
    beds = await field.ward("MAT", beds=6)
    first, second = [await field.journeys.admitted(bed.id, "MAT") for bed in (beds[0], beds[2])]
    children = []
    for mother in (first, first, second):
        shown = await ipd.admission(SYSTEM, command(), mother.id)
        born = await ipd.birth(SYSTEM, command(), mother.id, BirthIn(born_at=shown.stays[0].started_at))
        children.append(born.admission)
    exchange = {"with_admission": str(second.id)}
    doing = [ask(f"/admissions/{first.id}/swap", exchange) for _ in range(8)]
    for mother in (first, second):
        doing += [ask(f"/admissions/{mother.id}/transfer", {"ward": "MAT"}) for _ in range(6)]
        apart = {"ward": "MAT", "children_stay": "phototherapy"}
        doing += [ask(f"/admissions/{mother.id}/transfer", apart) for _ in range(3)]
        doing += [ask(f"/admissions/{mother.id}/cancel-transfer", {"reason": "wrong bed"}) for _ in range(3)]
    for child in children:
        doing += [ask(f"/admissions/{child.id}/room-in", {}) for _ in range(4)]
        doing += [ask(f"/admissions/{child.id}/transfer", {"bed_id": str(beds[5].id)}) for _ in range(2)]
    doing.append(ask(f"/admissions/{children[2].id}/depart", {"disposition": "left"}))
    doing.append(ask(f"/admissions/{second.id}/depart", {"disposition": "left", "children": "leave"}))
    assert len(doing) >= 50
    assert (await all_at_once(doing))[200] > 0
    assert await field.query(TORN) == []


async def prescribed(field: Attacked, here: AdmissionOut, wanted_line: dict[str, Any]) -> PrescriptionOut:
    """A prescription in force for an inpatient."""
    wanted = {"patient_id": here.patient_id, "admission_id": here.id, "lines": [wanted_line]}
    pharmacy, new = field.services.pharmacy, PrescriptionIn.model_validate(wanted)
    draft = await pharmacy.prescribe(SYSTEM, command(), new)
    return await pharmacy.activate(SYSTEM, command(), draft.id, Activation())


AFTER_A_STOP = """
    SELECT 1 FROM ipd_administration a JOIN ipd_medication m USING (line_id)
    WHERE a.error_at IS NULL AND a.amount IS NOT NULL AND a.occurred_at >= m.ceased_at
"""
TOO_MANY = """
    SELECT 1 FROM ipd_administration a JOIN ipd_administration b USING (line_id)
    WHERE a.line_id = :line AND a.error_at IS NULL AND b.error_at IS NULL
      AND b.occurred_at >= a.occurred_at AND b.occurred_at < a.occurred_at + interval '24 hours'
    GROUP BY a.id HAVING count(*) > 3
"""


async def doses_are_given_once_in_time_and_never_too_many(field: Attacked, here: AdmissionOut) -> None:
    """A dose once, retracted once; late entries never over the most of any 24 hours; none after a stop."""
    ask, query = field.ask, field.query
    once = await prescribed(field, here, line(frequency={"kind": "once"}))
    (due,) = (await field.services.medication.doses(SYSTEM, command(), DoseQuery(admission_id=here.id))).items
    told = ({"outcome": "given"}, {"outcome": "refused", "reason": "nausea"})
    doing = [ask(f"/doses/{due.id}/administer", told[number % 2]) for number in range(50)]
    assert await all_at_once(doing) == {200: 1, 409: 49}
    ((entry,),) = await query("SELECT id FROM ipd_administration WHERE dose_id = :dose", dose=due.id)
    why = {"reason": "wrong patient"}
    doing = [ask(f"/administrations/{entry}/retract", why) for _ in range(50)]
    assert await all_at_once(doing) == {200: 1, 409: 49}

    stop = {"reason": "kidneys failing"}
    assert await all_at_once([ask(f"/prescriptions/{once.id}/stop", stop)]) == {200: 1}

    now, dice = datetime.now(UTC), random.Random(3)
    some = {"kind": "as_needed", "max_per_24h": 3}
    since = rfc3339(now - timedelta(hours=60))
    often = await prescribed(field, here, line("PARA-SYR", "240", frequency=some, starts_at=since))
    needed = often.lines[0].id
    late = [now - timedelta(hours=60) * dice.random() for _ in range(50)]
    doing = [ask(f"/medications/{needed}/administer", {"occurred_at": rfc3339(at)}) for at in late]
    assert (await all_at_once(doing))[200] >= 3
    assert await query(TOO_MANY, line=needed) == []

    assert await all_at_once([ask(f"/prescriptions/{often.id}/stop", stop)]) == {200: 1}
    every_hour = {"kind": "as_needed", "max_per_24h": 24}
    many = await prescribed(field, here, line("PARA-SYR", "240", frequency=every_hour))
    needed = many.lines[0].id
    doing = [ask(f"/medications/{needed}/administer", {}) for _ in range(45)]
    doing[20:20] = [ask(f"/prescriptions/{many.id}/stop", stop) for _ in range(5)]
    await all_at_once(doing)
    assert await query(AFTER_A_STOP) == []


COPIED = """
    INSERT INTO ipd_administration SELECT (jsonb_populate_record(a, jsonb_build_object(
        'id', gen_random_uuid(), 'dose_id', NULL, 'witness', {witness}))).*
    FROM ipd_administration a WHERE a.dose_id = :dose
"""


async def two_people_give_what_is_controlled(field: Attacked, here: AdmissionOut) -> None:
    """Of two witnesses who race one is written; nobody witnesses the own dose, and none is given alone."""
    await prescribed(field, here, line("MORPH10", "10", frequency={"kind": "once"}))
    listed = await field.services.medication.doses(SYSTEM, command(), DoseQuery(admission_id=here.id))
    (due,) = (one for one in listed.items if one.controlled)
    names = "SELECT username, id FROM identity_user WHERE username IN ('chief', 'midwife', 'surgeon')"
    people = {row.username: str(row.id) for row in await field.query(names)}
    chosen = [people["midwife"], people["surgeon"], people["chief"], None]
    told = [{"outcome": "given", **({"witness": one} if one else {})} for one in chosen]
    path = f"/doses/{due.id}/administer"
    assert await all_at_once([field.ask(path, alone) for alone in told[2:]]) == {422: 2}
    answers = await all_at_once([field.ask(path, told[number % 4]) for number in range(50)])
    assert answers[200] == 1, answers
    assert set(answers) <= {200, 409, 422}, answers
    (made,) = await field.query(
        "SELECT given_by, witness FROM ipd_administration WHERE dose_id = :dose", dose=due.id
    )
    assert str(made.given_by) == people["chief"]
    assert str(made.witness) in {people["midwife"], people["surgeon"]}
    await breaks("ipd_administration_witness_check", field.query, COPIED.format(witness="NULL"), dose=due.id)
    own = COPIED.format(witness="given_by")
    await breaks("ipd_administration_two_people_check", field.query, own, dose=due.id)


async def what_is_told_late_never_overlaps(field: Attacked) -> None:
    """Arrivals, transfers and departures told hours later, in no order, for few beds."""
    beds, dice = await field.ward("SUR", beds=4), random.Random(5)
    coming = [await field.journeys.accepted("SUR") for _ in range(6)]
    now = datetime.now(UTC)

    def some() -> dict[str, Any]:
        at = now - timedelta(minutes=dice.randrange(1, 600))
        return {"occurred_at": rfc3339(at), "bed_id": str(dice.choice(beds).id)}

    def gone() -> dict[str, Any]:
        return {"occurred_at": some()["occurred_at"], "disposition": "left"}

    arrivals = [field.ask(f"/admissions/{one.id}/assign", some()) for one in coming for _ in range(9)]
    assert (await all_at_once(arrivals))[200] > 0
    doing = [field.ask(f"/admissions/{one.id}/transfer", some()) for one in coming for _ in range(6)]
    doing += [field.ask(f"/admissions/{one.id}/depart", gone()) for one in coming for _ in range(2)]
    doing += [field.ask(f"/admissions/{one.id}/assign", some()) for one in coming]
    assert len(doing) >= 50
    await all_at_once(doing)


STRANGERS = """
    SELECT 1 FROM beds_room r JOIN beds_bed b ON (b.ward_code, b.room_code) = (r.ward_code, r.code)
    WHERE r.override_reason IS NULL AND r.isolation IS NOT NULL AND b.status = 'occupied'
      AND (b.isolation_kind IS DISTINCT FROM r.isolation OR b.organism IS DISTINCT FROM r.organism)
"""


async def a_room_is_kept_while_others_come_in(field: Attacked) -> None:
    """A room is kept for one organism, another, nothing, while patients of all kinds are sent there."""
    beds = await field.ward("INF", beds=2)  # one room

    async def keep(wanted: RoomIsolationIn) -> int:
        """From a third process, so that no version is asked for."""
        return await tried(field.services.beds.isolate_room(SYSTEM, command(), "INF", "R1", wanted))

    organisms = (None, "MRSA", "VRE")
    coming = []
    for number in range(12):
        one = await field.journeys.accepted("INF")
        organism = organisms[number % 3]
        needs = NeedsIn(isolation=Isolation.CONTACT if organism else None, organism=organism)
        await field.services.ipd.change_needs(SYSTEM, command(), one.id, needs)
        coming.append(one)
    doing = [
        field.ask(f"/admissions/{one.id}/assign", {"bed_id": str(beds[number % 2].id)})
        for number, one in enumerate(coming * 3)
    ]
    for number in range(15):
        organism = organisms[number % 3]
        kept = RoomIsolationIn(isolation=Isolation.CONTACT if organism else None, organism=organism)
        doing.insert(number * 3, keep(kept))
    assert (await all_at_once(doing))[200] > 0
    assert await field.query(STRANGERS) == []


LAST_MOVES: list[tuple[str, dict[str, Any]]] = [
    ("transfer", {"ward": "PAL"}),
    ("assign", {"ward": "PAL"}),
    ("discharge-order", {}),
    ("depart", {"disposition": "died"}),
    ("depart", {"disposition": "home"}),
]
STILL_AWAITED = """
    SELECT a.id FROM ipd_admission a JOIN patients_patient p ON p.id = a.patient_id
    LEFT JOIN beds_hold h ON h.admission_id = a.id
    WHERE p.died_at IS NOT NULL AND (a.state IN ('requested', 'accepted') OR h.bed_id IS NOT NULL)
"""


async def a_death_ends_what_is_open_once(field: Attacked, dead: list[AdmissionOut], free: str) -> None:
    """A death is recorded again and again while the patient is moved, awaited, let go and leaves as died."""
    ask, services = field.ask, field.services
    doing: list[Awaitable[int]] = []

    async def dies(patient_id: uuid.UUID) -> int:
        return await tried(services.patients.record_death(SYSTEM, command(), patient_id, DeathIn()))

    for one in dead:
        doing += [dies(one.patient_id) for _ in range(5)]
        doing += [ask(f"/admissions/{one.id}/{way}", body) for way, body in LAST_MOVES for _ in range(2)]
        doing += [ask(f"/admissions/{one.id}/hold", {"bed_id": free}) for _ in range(3)]
    assert len(doing) >= 50
    await all_at_once(doing)
    for one in dead:
        deaths = "SELECT 1 FROM audit_log WHERE action = 'patient.record_death' AND patient_id = :id"
        assert len(await field.query(deaths, id=one.patient_id)) == 1
        ends = "SELECT move FROM ipd_event WHERE admission_id = :id AND move IN ('cancel', 'depart')"
        assert len(await field.query(ends, id=one.id)) <= 1
    assert await field.query(STILL_AWAITED) == []
