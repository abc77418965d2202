"""The journey of an inpatient on real servers: beds, boards, times, history."""

import uuid
from datetime import timedelta

import pytest

from hms_rt.app import Hospital
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.ipd.events import AdmissionChanged, StayMoved
from hms_rt.departments.ipd.model import AdmissionState, Disposition, Move
from hms_rt.departments.ipd.schemas import (
    AdmissionIn,
    BedChoice,
    CancelIn,
    DepartureIn,
    DischargeOrderIn,
    Timed,
    TransferIn,
)
from hms_rt.departments.ipd.service import IpdService
from hms_rt.kernel.changes import Event
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.ids import RandomIds
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork
from tests.conftest import PersonFactory, WardFactory, command
from tests.ipd.conftest import Journeys, Query, refused

S = AdmissionState
LEFT = DepartureIn(disposition=Disposition.LEFT)


async def bed_status(services: Services, bed_id: uuid.UUID) -> BedStatus:
    return (await services.beds.bed(SYSTEM, command(), bed_id)).status


async def test_the_whole_journey_by_those_who_may(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys, query: Query
) -> None:
    ipd = services.ipd
    first, second = await ward("ICU", beds=2)
    doctor, nurse = await person(Role.DOCTOR, ward="ICU"), await person(Role.NURSE, ward="ICU")
    patient = await journeys.patient("Curie")

    new = AdmissionIn(patient_id=patient, ward="ICU", reason="sepsis")
    asked = await ipd.request(doctor, command(), new)
    assert (asked.state, asked.reason, asked.patient_name, asked.version) == (
        S.REQUESTED,
        "sepsis",
        "Curie",
        1,
    )
    await ipd.accept(nurse, command(), asked.id, Timed())
    here = await ipd.assign(nurse, command(), asked.id, BedChoice(bed_id=first.id))
    assert (here.state, [s.bed for s in here.stays]) == (S.ADMITTED, ["01"])
    shown = await services.beds.bed(nurse, command(), first.id)
    assert shown.status is BedStatus.OCCUPIED
    assert shown.occupant is not None
    assert (shown.occupant.stay_id, shown.occupant.name) == (here.stays[0].id, "Curie")

    moved = await ipd.transfer(nurse, command(), asked.id, TransferIn(bed_id=second.id))
    assert [(s.bed, s.ended_at is None) for s in moved.stays] == [("01", False), ("02", True)]
    assert await bed_status(services, first.id) is BedStatus.CLEANING
    ordered = await ipd.order_discharge(doctor, command(), asked.id, DischargeOrderIn())
    assert ordered.state is S.DISCHARGE_ORDERED
    assert await bed_status(services, second.id) is BedStatus.OCCUPIED
    await ipd.revoke_discharge(doctor, command(), asked.id, Timed())
    await ipd.order_discharge(doctor, command(), asked.id, DischargeOrderIn())
    gone = await ipd.depart(
        nurse, command(), asked.id, DepartureIn(disposition=Disposition.HOME, contaminated=True)
    )
    assert (gone.state, gone.disposition, gone.version) == (S.DISCHARGED, Disposition.HOME, 8)
    assert await bed_status(services, second.id) is BedStatus.CONTAMINATED

    history = await ipd.history(doctor, command(), asked.id)
    assert [event.move for event in history.events] == [
        Move.REQUEST,
        Move.ACCEPT,
        Move.ASSIGN,
        Move.TRANSFER,
        Move.ORDER_DISCHARGE,
        Move.REVOKE_DISCHARGE,
        Move.ORDER_DISCHARGE,
        Move.DEPART,
    ]
    transfer = history.events[3]
    assert (transfer.from_bed, transfer.to_bed, transfer.recorded_by) == (first.id, second.id, nurse.id)
    audited = await query(
        "SELECT action FROM audit_log WHERE patient_id = :id AND action LIKE 'admission.%'", id=patient
    )
    assert len(audited) == 9  # eight moves and the reading of the history


async def test_a_board_shows_a_transfer_as_one_change(
    services: Services, ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    first, second = await ward("ICU", beds=2)
    here = await journeys.admitted(first.id)
    await services.ipd.transfer(SYSTEM, command(), here.id, TransferIn(bed_id=second.id))
    (row,) = await query(
        "SELECT ops FROM change_log WHERE stream = 'beds/ward:ICU' ORDER BY version DESC LIMIT 1"
    )
    beds = {op["key"]: op["value"] for op in row.ops if op["key"].startswith("bed:")}
    assert {value["status"] for value in beds.values()} == {"cleaning", "occupied"}
    assert beds[f"bed:{first.id}"]["occupant"] is None
    assert beds[f"bed:{second.id}"]["occupant"]["patient_id"] == str(here.patient_id)


async def test_other_departments_are_told_of_every_move(
    hospital: Hospital, services: Services, ward: WardFactory, journeys: Journeys
) -> None:
    (first,), (second,) = await ward("ICU", beds=1), await ward("MED", beds=1)
    heard: list[Event] = []

    async def listen(_: UnitOfWork, event: Event) -> None:
        heard.append(event)

    units = UnitsOfWork(
        hospital.engine, hospital.clock, RandomIds(), {StayMoved: [listen], AdmissionChanged: [listen]}
    )
    ipd = IpdService(units, services.beds, services.patients)
    waiting = await journeys.accepted()
    here = await ipd.assign(SYSTEM, command(), waiting.id, BedChoice(bed_id=first.id))
    moved = await ipd.transfer(SYSTEM, command(), waiting.id, TransferIn(bed_id=second.id))
    await ipd.depart(SYSTEM, command(), waiting.id, LEFT)
    who, at = (waiting.id, waiting.patient_id), hospital.clock.now()
    one, two = here.stays[0].id, moved.stays[1].id
    assert heard == [
        AdmissionChanged(*who, S.ACCEPTED, S.ADMITTED),
        StayMoved(one, *who, None, "ICU", None, first.id, at),
        StayMoved(two, *who, "ICU", "MED", first.id, second.id, at),
        AdmissionChanged(*who, S.ADMITTED, S.DISCHARGED),
        StayMoved(two, *who, "MED", None, second.id, None, at),
    ]


async def test_any_bed_of_another_ward_takes_the_patient(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    await ward("MED", beds=1)
    here = await journeys.admitted(bed.id)
    sender = await person(Role.NURSE, ward="ICU")
    moved = await services.ipd.transfer(sender, command(), here.id, TransferIn(ward="MED"))
    assert (moved.ward, moved.stays[-1].ward) == ("MED", "MED")
    full = await refused(
        Code.CONFLICT,
        services.ipd.assign(SYSTEM, command(), (await journeys.accepted()).id, BedChoice(ward="MED")),
    )
    assert "no available bed" in full.detail
    with pytest.raises(HmsError, match="ward NONE does not exist"):
        await services.ipd.transfer(SYSTEM, command(), here.id, TransferIn(ward="NONE"))


async def test_a_patient_has_one_open_admission(
    services: Services, ward: WardFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    gone = await journeys.discharged(bed.id)
    again = await journeys.requested(patient_id=gone.patient_id)
    twice = await refused(Code.CONFLICT, journeys.requested(patient_id=gone.patient_id))
    assert "open admission" in twice.detail
    await services.ipd.cancel(SYSTEM, command(), again.id, CancelIn(reason="not needed"))
    await journeys.requested(patient_id=gone.patient_id)


async def test_unknown_patients_wards_beds_and_admissions_are_told(
    services: Services, ward: WardFactory, journeys: Journeys
) -> None:
    await ward("ICU", beds=1)
    unknown = uuid.uuid4()
    await refused(Code.NOT_FOUND, journeys.requested(patient_id=unknown))
    await refused(Code.NOT_FOUND, journeys.requested(ward="NONE"))
    await refused(Code.NOT_FOUND, services.ipd.accept(SYSTEM, command(), unknown, Timed()))
    await refused(Code.NOT_FOUND, services.ipd.admission(SYSTEM, command(), unknown))
    waiting = await journeys.accepted()
    await refused(
        Code.NOT_FOUND, services.ipd.assign(SYSTEM, command(), waiting.id, BedChoice(bed_id=unknown))
    )


async def test_a_reserved_bed_is_for_the_admission_that_holds_it(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await person(Role.NURSE, ward="ICU")
    expected, other = await journeys.accepted(), await journeys.accepted()
    keep = BedChange(status=BedStatus.RESERVED, reserved_for=expected.id)
    await services.beds.change(nurse, command(), bed.id, keep)
    choice = BedChoice(bed_id=bed.id)
    reserved = await refused(Code.CONFLICT, services.ipd.assign(nurse, command(), other.id, choice))
    assert "reserved" in reserved.detail
    await refused(Code.CONFLICT, services.ipd.assign(nurse, command(), other.id, BedChoice(ward="ICU")))
    assert (await services.ipd.assign(nurse, command(), expected.id, choice)).state is S.ADMITTED


async def test_late_entries_keep_both_times_and_their_order(
    services: Services, ward: WardFactory, journeys: Journeys, clock: ManualClock
) -> None:
    first, second = await ward("ICU", beds=2)
    came = clock.now() - timedelta(hours=5)
    here = await journeys.admitted(first.id, at=came)
    assert (here.admitted_at, here.stays[0].started_at) == (came, came)
    shown = await services.beds.bed(SYSTEM, command(), first.id)
    assert shown.since == came

    early = came - timedelta(minutes=1)
    ipd = services.ipd
    for doing in (
        ipd.transfer(SYSTEM, command(), here.id, TransferIn(bed_id=second.id, occurred_at=early)),
        ipd.depart(SYSTEM, command(), here.id, DepartureIn(disposition=Disposition.DIED, occurred_at=early)),
        ipd.order_discharge(SYSTEM, command(), here.id, DischargeOrderIn(occurred_at=early)),
        ipd.transfer(
            SYSTEM,
            command(),
            here.id,
            TransferIn(bed_id=second.id, occurred_at=clock.now() + timedelta(hours=1)),
        ),
    ):
        assert "occurred_at" in (await refused(Code.INVALID, doing)).detail
    moved_at = came + timedelta(hours=1)
    moved = await ipd.transfer(SYSTEM, command(), here.id, TransferIn(bed_id=second.id, occurred_at=moved_at))
    assert (moved.stays[0].ended_at, moved.stays[1].started_at) == (moved_at, moved_at)
    event = (await ipd.history(SYSTEM, command(), here.id)).events[-1]
    assert (event.occurred_at, event.recorded_at) == (moved_at, clock.now())


async def test_a_stale_version_and_a_repeated_key_move_nobody_twice(
    services: Services, ward: WardFactory, journeys: Journeys
) -> None:
    first, second = await ward("ICU", beds=2)
    here = await journeys.admitted(first.id)
    there = TransferIn(bed_id=second.id)
    once = await services.ipd.transfer(SYSTEM, command("ipd.transfer", key="k"), here.id, there)
    assert await services.ipd.transfer(SYSTEM, command("ipd.transfer", key="k"), here.id, there) == once
    await refused(
        Code.STALE_VERSION,
        services.ipd.depart(SYSTEM, command(expected_version=here.version), here.id, LEFT),
    )
    same = await refused(Code.CONFLICT, services.ipd.transfer(SYSTEM, command(), here.id, there))
    assert "in that bed already" in same.detail
