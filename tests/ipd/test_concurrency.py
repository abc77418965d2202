"""What must hold when many act at once, and when somebody writes to the tables past the service."""

import asyncio
import uuid
from collections import Counter

import pytest
from sqlalchemy.exc import IntegrityError

from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import AdmissionOut, BedChoice, DepartureIn, TransferIn
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from hms_rt.storage.postgres import violated
from tests.conftest import WardFactory, command
from tests.ipd.conftest import Journeys, Query

IN_BEDS = """
    SELECT b.id AS bed_id, b.kind, b.status, o.patient_id, s.patient_id AS staying, a.state
    FROM beds_bed b LEFT JOIN beds_occupant o ON o.bed_id = b.id
    LEFT JOIN ipd_stay s ON s.bed_id = b.id AND s.ended_at IS NULL
    LEFT JOIN ipd_admission a ON a.id = s.admission_id ORDER BY b.code
"""


async def consistent(query: Query) -> int:
    """How many beds are occupied, once every bed, occupant, stay, admission and count agree."""
    rows = await query(IN_BEDS)
    occupied = [row for row in rows if row.status == "occupied"]
    assert all(row.patient_id == row.staying for row in rows)
    assert {row.bed_id for row in occupied} == {row.bed_id for row in rows if row.staying is not None}
    assert {row.state for row in occupied} <= {"admitted", "discharge_ordered"}
    assert len({row.patient_id for row in occupied}) == len(occupied)
    ((counted,),) = await query("SELECT sum(occupied) FROM beds_occupancy")
    assert counted == sum(row.kind == "bed" for row in occupied), "cots are not counted"
    return len(occupied)


def refusals(outcomes: list[AdmissionOut | BaseException]) -> Counter[Code]:
    """The codes of those who did not win; anything but an answer or a refusal is raised."""
    codes: Counter[Code] = Counter()
    for outcome in outcomes:
        if isinstance(outcome, HmsError):
            codes[outcome.code] += 1
        elif isinstance(outcome, BaseException):
            raise outcome
    return codes


async def test_twenty_patients_race_for_one_bed_and_one_gets_it(
    services: Services, ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    (bed,) = await ward("ICU", beds=1)
    waiting = [await journeys.accepted() for _ in range(20)]
    choice = BedChoice(bed_id=bed.id)
    outcomes = await asyncio.gather(
        *(services.ipd.assign(SYSTEM, command(), one.id, choice) for one in waiting),
        return_exceptions=True,
    )
    assert refusals(outcomes) == {Code.CONFLICT: 19}
    assert {str(o.detail) for o in outcomes if isinstance(o, HmsError)} == {
        "bed 01 of ward ICU has a patient already: choose another"
    }
    assert await consistent(query) == 1


async def test_twenty_patients_take_any_bed_and_each_bed_once(
    services: Services, ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    await ward("ICU", beds=8)
    waiting = [await journeys.accepted() for _ in range(20)]
    outcomes = await asyncio.gather(
        *(services.ipd.assign(SYSTEM, command(), one.id, BedChoice(ward="ICU")) for one in waiting),
        return_exceptions=True,
    )
    assert refusals(outcomes) == {Code.CONFLICT: 12}
    assert await consistent(query) == 8


async def test_one_patient_is_sent_to_many_beds_at_once_and_ends_in_one(
    services: Services, ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    beds = await ward("ICU", beds=7)
    here = await journeys.admitted(beds[0].id)
    outcomes = await asyncio.gather(
        *(
            services.ipd.transfer(
                SYSTEM, command(expected_version=here.version), here.id, TransferIn(bed_id=bed.id)
            )
            for bed in beds[1:]
        ),
        return_exceptions=True,
    )
    assert refusals(outcomes) == {Code.STALE_VERSION: 5}
    assert await consistent(query) == 1


async def test_crossing_transfers_into_each_others_bed_are_both_refused_at_once(
    services: Services, ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    first, second = await ward("ICU", beds=2)
    ada, bea = await journeys.admitted(first.id), await journeys.admitted(second.id)
    outcomes = await asyncio.gather(
        *(
            services.ipd.transfer(SYSTEM, command(), one.id, TransferIn(bed_id=bed.id))
            for _ in range(8)
            for one, bed in ((ada, second), (bea, first))
        ),
        return_exceptions=True,
    )
    assert refusals(outcomes) == {Code.CONFLICT: 16}
    assert {o.detail for o in outcomes if isinstance(o, HmsError)} == {
        "bed 01 of ward ICU has a patient already: choose another",
        "bed 02 of ward ICU has a patient already: choose another",
    }  # told by the state of the bed, not by a deadlock or a time-out
    assert await consistent(query) == 2


async def test_moves_between_two_wards_in_both_directions_leave_one_patient_per_bed(
    services: Services, ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    icu, med = await ward("ICU", beds=4), await ward("MED", beds=4)
    there = [await journeys.admitted(bed.id) for bed in icu[:2]]
    back = [await journeys.admitted(bed.id, "MED") for bed in med[:2]]
    gone = DepartureIn(disposition=Disposition.LEFT)
    moves = [
        *(services.ipd.transfer(SYSTEM, command(), one.id, TransferIn(ward="MED")) for one in there),
        *(services.ipd.transfer(SYSTEM, command(), one.id, TransferIn(ward="ICU")) for one in back),
        *(
            services.ipd.transfer(SYSTEM, command(), one.id, TransferIn(bed_id=icu[3].id))
            for one in (there[0], back[0])
        ),
        services.ipd.depart(SYSTEM, command(), there[1].id, gone),
    ]
    outcomes = await asyncio.gather(*moves, return_exceptions=True)
    assert set(refusals(outcomes)) <= {Code.CONFLICT, Code.ILLEGAL_MOVE}
    assert await consistent(query) == 3


async def test_a_patient_asked_for_ten_times_at_once_is_asked_for_once(
    ward: WardFactory, journeys: Journeys
) -> None:
    await ward("ICU", beds=1)
    patient = await journeys.patient()
    outcomes = await asyncio.gather(
        *(journeys.requested(patient_id=patient) for _ in range(10)), return_exceptions=True
    )
    assert refusals(outcomes) == {Code.CONFLICT: 9}


STAY = """
    INSERT INTO ipd_stay (id, admission_id, patient_id, bed_id, bed_code, ward_code, started_at, ended_at,
                          entered_in_error)
    SELECT gen_random_uuid(), a.id, a.patient_id, :bed, '01', b.ward_code, now(), NULL, false
    FROM ipd_admission a, beds_bed b WHERE a.id = :admission AND b.id = :bed
"""
OCCUPANT = """
    INSERT INTO beds_occupant (bed_id, stay_id, patient_id, name, mrn, since)
    VALUES (:bed, :stay, :patient, 'X', 'X', now())
"""


async def breaks(rule: str, query: Query, statement: str, **parameters: object) -> None:
    with pytest.raises(IntegrityError) as raised:
        await query(statement, **parameters)
    assert violated(raised.value) in rule.split("|"), raised.value


async def test_the_database_refuses_a_second_patient_or_a_second_bed(
    ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    first, second = await ward("ICU", beds=2)
    here, other = await journeys.admitted(first.id), await journeys.accepted()
    await breaks("ipd_stay_open_bed_key", query, STAY, bed=first.id, admission=other.id)
    await breaks("ipd_stay_open_patient_key", query, STAY, bed=second.id, admission=here.id)
    await breaks("ipd_admission_stay_check", query, STAY, bed=second.id, admission=other.id)
    await breaks(
        "ipd_admission_open_patient_key",
        query,
        "INSERT INTO ipd_admission (id, patient_id, ward_code, state, reason, requested_by, requested_at,"
        " recorded_at, version) SELECT gen_random_uuid(), patient_id, ward_code, 'requested', 'x',"
        " requested_by, now(), now(), 1 FROM ipd_admission WHERE id = :id",
        id=here.id,
    )


async def test_the_database_refuses_an_occupant_without_a_stay_and_a_stay_without_an_occupant(
    ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    first, second = await ward("ICU", beds=2)
    here, other = await journeys.admitted(first.id), await journeys.accepted()
    occupy = "WITH o AS (" + OCCUPANT + ") UPDATE beds_bed SET status = 'occupied' WHERE id = :bed"
    stay = here.stays[0].id
    await breaks(
        "ipd_stay_occupant_check|beds_occupant_stay_id_fkey",
        query,
        occupy,
        bed=second.id,
        stay=uuid.uuid4(),
        patient=other.patient_id,
    )
    for statement in (
        "WITH o AS (DELETE FROM beds_occupant WHERE stay_id = :stay)"
        " UPDATE beds_bed SET status = 'cleaning' WHERE id = :bed",
        "UPDATE beds_occupant SET patient_id = :other WHERE stay_id = :stay AND bed_id = :bed",
        "UPDATE beds_occupant SET stay_id = :other WHERE stay_id = :stay AND bed_id = :bed",
        "UPDATE ipd_stay SET bed_id = (SELECT id FROM beds_bed WHERE id <> :bed) WHERE id = :stay",
    ):
        parameters: dict[str, object] = {"stay": stay, "bed": first.id}
        if ":other" in statement:
            parameters["other"] = other.patient_id
        rules = "ipd_stay_occupant_check|beds_occupant_stay_id_fkey|beds_bed_cleaning_check"
        await breaks(rules, query, statement, **parameters)
    for statement in (
        "UPDATE ipd_stay SET ended_at = now() WHERE id = :stay",
        "UPDATE ipd_admission SET state = 'accepted', admitted_at = NULL WHERE id IN"
        " (SELECT admission_id FROM ipd_stay WHERE id = :stay)",
    ):
        with pytest.raises(IntegrityError):
            await query(statement, stay=stay)
    assert await consistent(query) == 1


async def test_the_database_keeps_states_times_and_history_as_they_are(
    ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    first, _ = await ward("ICU", beds=2)
    here = await journeys.admitted(first.id)
    for change in (
        "ward_code = 'NONE'",
        "state = 'discharged'",
        "state = 'discharged', disposition = 'home', discharged_at = now()",
        "state = 'discharge_ordered'",
        "state = 'gone'",
        "cancelled_at = now()",
        "version = 0",
    ):
        with pytest.raises(IntegrityError):
            await query(f"UPDATE ipd_admission SET {change} WHERE id = :id", id=here.id)
    for statement in (
        "UPDATE ipd_event SET reason = 'x'",
        "DELETE FROM ipd_event",
        "TRUNCATE ipd_event",
        "DELETE FROM ipd_stay",
        "DELETE FROM ipd_admission",
    ):
        with pytest.raises(IntegrityError, match="append-only"):
            await query(statement)
