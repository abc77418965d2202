"""Exchanges of beds, isolation and features, mother and child."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from hms_rt.departments.beds.model import BedKind, BedStatus, Feature, Isolation
from hms_rt.departments.beds.schemas import FeaturesIn, FreeQuery
from hms_rt.departments.ipd.model import Move
from hms_rt.departments.ipd.schemas import BedChoice, BirthIn, NeedsIn, SwapIn, TransferIn
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command
from tests.ipd.conftest import Journeys, Query, refused
from tests.ipd.test_concurrency import STAY, breaks, consistent

AIRBORNE = NeedsIn(isolation=Isolation.AIRBORNE)
CONTACT = NeedsIn(isolation=Isolation.CONTACT)


async def test_two_patients_exchange_beds_as_one_change_of_both_boards(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys, query: Query
) -> None:
    (first,), (second,) = await ward("ICU", beds=1), await ward("MED", beds=1)
    nurse, stranger = await person(Role.NURSE, ward="MED"), await person(Role.NURSE, ward="SUR")
    ada, bea = await journeys.admitted(first.id), await journeys.admitted(second.id, "MED")
    both = SwapIn(with_admission=bea.id)
    await refused(Code.FORBIDDEN, services.ipd.swap(stranger, command(), ada.id, both))
    swapped = await services.ipd.swap(nurse, command(expected_version=ada.version), ada.id, both)
    assert (swapped.ward, swapped.stays[-1].bed_id) == ("MED", second.id)
    other = await services.ipd.admission(SYSTEM, command(), bea.id)
    assert (other.ward, other.stays[-1].bed_id) == ("ICU", first.id)
    assert other.stays[-1].started_at == swapped.stays[0].ended_at
    history = await services.ipd.history(SYSTEM, command(), bea.id)
    assert history.events[-1].move is Move.SWAP
    rows = await query(
        "SELECT stream, ops, xid FROM change_log WHERE stream LIKE 'beds/ward:%' ORDER BY at, version"
    )
    last = {row.stream: row for row in rows}
    assert last["beds/ward:ICU"].xid == last["beds/ward:MED"].xid
    assert await consistent(query) == 2
    alone = SwapIn(with_admission=ada.id)
    await refused(Code.CONFLICT, services.ipd.swap(nurse, command(), ada.id, alone))
    waiting = await journeys.accepted()
    nobody = SwapIn(with_admission=waiting.id)
    await refused(Code.ILLEGAL_MOVE, services.ipd.swap(SYSTEM, command(), ada.id, nobody))


async def test_isolation_keeps_others_out_of_the_room_and_the_bed_contaminated(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys, query: Query
) -> None:
    first, second, third, fourth = await ward("ICU", beds=4)  # two to a room
    doctor = await person(Role.DOCTOR, ward="ICU")
    ada, bea = await journeys.admitted(first.id), await journeys.accepted()
    isolated = await services.ipd.change_needs(doctor, command(), ada.id, CONTACT)
    assert isolated.isolation is Isolation.CONTACT
    bed = await services.beds.bed(SYSTEM, command(), first.id)
    assert (bed.isolation, bed.isolation_kind) == (True, Isolation.CONTACT)
    beside = BedChoice(bed_id=second.id)
    told = await refused(Code.CONFLICT, services.ipd.assign(SYSTEM, command(), bea.id, beside))
    assert "contact isolation" in told.detail
    free = await services.beds.free(SYSTEM)
    assert (free.wards[0].available, free.wards[0].suitable) == (3, 2)
    cohort = await services.beds.free(SYSTEM, FreeQuery(isolation=Isolation.CONTACT))
    assert cohort.wards[0].suitable == 3
    any_bed = await services.ipd.assign(SYSTEM, command(), bea.id, BedChoice(ward="ICU"))
    assert any_bed.stays[0].bed_id == third.id

    reason = "nothing else is free"
    there = TransferIn(bed_id=second.id, override_reason=reason)
    nurse = await person(Role.NURSE, ward="ICU")
    moved = await services.ipd.transfer(nurse, command(), bea.id, there)
    assert reason in {stay.override_reason for stay in moved.stays if stay.ended_at is None}
    await refused(Code.CONFLICT, services.ipd.swap(SYSTEM, command(), ada.id, SwapIn(with_admission=bea.id)))
    await services.ipd.transfer(SYSTEM, command(), ada.id, TransferIn(bed_id=fourth.id))
    left = await services.beds.bed(SYSTEM, command(), first.id)
    assert (left.status, left.isolation_kind) == (BedStatus.CONTAMINATED, Isolation.CONTACT)
    other = await journeys.accepted()
    await query("UPDATE ipd_admission SET isolation = 'droplet' WHERE id = :id", id=other.id)
    with pytest.raises(IntegrityError):  # without the occupant it breaks that rule, too
        await query(STAY, bed=first.id, admission=other.id)


async def test_what_a_patient_needs_is_offered_or_a_reason_given(
    services: Services, ward: WardFactory, journeys: Journeys
) -> None:
    plain, single = await ward("ICU", beds=1), await ward("MED", beds=1)
    features = FeaturesIn(features=[Feature.NEGATIVE_PRESSURE, Feature.OXYGEN])
    await services.beds.set_features(SYSTEM, command(), single[0].id, features)
    patient = await journeys.accepted()
    await services.ipd.change_needs(SYSTEM, command(), patient.id, AIRBORNE)
    told = await refused(
        Code.CONFLICT, services.ipd.assign(SYSTEM, command(), patient.id, BedChoice(bed_id=plain[0].id))
    )
    assert "no negative_pressure" in told.detail
    full = await refused(
        Code.CONFLICT, services.ipd.assign(SYSTEM, command(), patient.id, BedChoice(ward="ICU"))
    )
    assert "negative_pressure" in full.detail
    free = await services.beds.free(SYSTEM, FreeQuery(features="negative_pressure,oxygen"))
    assert {row.ward: row.suitable for row in free.wards} == {"ICU": 0, "MED": 1}
    here = await services.ipd.assign(SYSTEM, command(), patient.id, BedChoice(ward="MED"))
    assert here.stays[0].bed_id == single[0].id


async def test_a_newborn_rooms_in_beside_the_mother_and_each_bed_has_one_patient(
    services: Services,
    ward: WardFactory,
    person: PersonFactory,
    journeys: Journeys,
    clock: ManualClock,
    query: Query,
) -> None:
    (bed,) = await ward("MAT", beds=1)
    nurse, stranger = await person(Role.NURSE, ward="MAT"), await person(Role.NURSE, ward="ICU")
    came = clock.now() - timedelta(hours=3)
    mother = await journeys.admitted(bed.id, "MAT", at=came)
    born = BirthIn(born_at=clock.now() - timedelta(hours=1))
    await refused(Code.FORBIDDEN, services.ipd.birth(stranger, command(), mother.id, born))
    first = await services.ipd.birth(nurse, command(), mother.id, born)
    second = await services.ipd.birth(nurse, command(), mother.id, born)
    assert (first.number, second.number) == (1, 2)
    assert first.name.startswith("Doe")
    assert first.admission.mother_id == mother.patient_id
    shown = await services.ipd.admission(nurse, command(), mother.id)
    assert shown.children == [first.patient_id, second.patient_id]
    cots = [
        await services.beds.bed(nurse, command(), child.admission.stays[0].bed_id)
        for child in (first, second)
    ]
    assert {(cot.kind, cot.room, cot.status) for cot in cots} == {(BedKind.COT, "R1", BedStatus.OCCUPIED)}
    assert len({cot.id for cot in cots}) == 2
    (counts,) = (await services.beds.free(nurse)).wards
    assert (counts.total, counts.occupied) == (1, 1)  # cots are not counted
    waiting = await journeys.accepted("MAT")
    for rule, bed_id, admission in (
        ("ipd_stay_open_bed_key", cots[0].id, waiting.id),
        ("ipd_stay_open_patient_key", bed.id, first.admission.id),
    ):
        await breaks(f"{rule}|ipd_stay_open_bed_key", query, STAY, bed=bed_id, admission=admission)
