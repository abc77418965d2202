"""The service of inpatients on real servers: the journey, its scopes, times, boards and history."""

import uuid
from datetime import timedelta

import pytest

from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.ipd.model import AdmissionState, Disposition, Move
from hms_rt.departments.ipd.schemas import (
    AdmissionIn,
    AdmissionQuery,
    BedChoice,
    CancelIn,
    CorrectionIn,
    DepartureIn,
    DischargeOrderIn,
    Timed,
    TransferIn,
)
from hms_rt.departments.ipd.service import wards_of_patient
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from hms_rt.storage.unit_of_work import UnitsOfWork
from tests.conftest import PersonFactory, WardFactory, command
from tests.ipd.conftest import Journeys, Query, refused

S = AdmissionState
HOME = DepartureIn(disposition=Disposition.HOME)
LEFT = DepartureIn(disposition=Disposition.LEFT)
MISTAKE = CorrectionIn(reason="wrong patient")


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


@pytest.mark.parametrize(
    ("role", "place", "allowed"),
    [
        (Role.NURSE, "ICU", True),
        (Role.NURSE, "MED", True),
        (Role.NURSE, "SURG", False),
        (Role.ADMIN, "SURG", True),
        (Role.DOCTOR, "ICU", False),
        (Role.RECEPTION, "ICU", False),
    ],
)
async def test_the_ward_that_sends_or_the_ward_that_fetches_may_transfer(
    services: Services,
    ward: WardFactory,
    person: PersonFactory,
    journeys: Journeys,
    role: Role,
    place: str,
    allowed: bool,
) -> None:
    (source,), (target,) = await ward("ICU", beds=1), await ward("MED", beds=1)
    await ward("SURG", beds=1)
    here = await journeys.admitted(source.id)
    somebody = await person(role, ward=place)
    doing = services.ipd.transfer(somebody, command(), here.id, TransferIn(bed_id=target.id))
    if allowed:
        assert (await doing).ward == "MED"
    else:
        await refused(Code.FORBIDDEN, doing)


async def test_who_may_ask_accept_and_assign(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    ipd = services.ipd
    new = AdmissionIn(patient_id=await journeys.patient(), ward="ICU", reason="sepsis")
    for stranger in (
        await person(Role.DOCTOR, ward="MED"),
        await person(Role.DOCTOR),
        await person(Role.NURSE, ward="ICU"),
        await person(Role.ADMIN),
    ):
        await refused(Code.FORBIDDEN, ipd.request(stranger, command(), new))
    emergency = await person(Role.DOCTOR, clinic="ER")
    asked = await ipd.request(emergency, command(), new)
    assert (await ipd.admission(emergency, command(), asked.id)).reason == "sepsis"
    assert (await ipd.admissions(emergency, command(), AdmissionQuery())).items == [asked]

    far, near = await person(Role.NURSE, ward="MED"), await person(Role.NURSE, ward="ICU")
    await refused(Code.FORBIDDEN, ipd.accept(far, command(), asked.id, Timed()))
    await refused(Code.FORBIDDEN, ipd.accept(emergency, command(), asked.id, Timed()))
    await ipd.accept(near, command(), asked.id, Timed())
    await refused(Code.FORBIDDEN, ipd.assign(far, command(), asked.id, BedChoice(bed_id=bed.id)))
    await refused(Code.FORBIDDEN, ipd.assign(emergency, command(), asked.id, BedChoice(bed_id=bed.id)))
    desk = await person(Role.RECEPTION)
    here = await ipd.assign(desk, command(), asked.id, BedChoice(bed_id=bed.id))
    assert (here.state, here.reason, here.patient_name) == (S.ADMITTED, None, "Doe")

    await refused(Code.FORBIDDEN, ipd.order_discharge(emergency, command(), asked.id, DischargeOrderIn()))
    await refused(Code.FORBIDDEN, ipd.order_discharge(near, command(), asked.id, DischargeOrderIn()))
    await refused(Code.FORBIDDEN, ipd.depart(far, command(), asked.id, LEFT))
    await refused(Code.FORBIDDEN, ipd.depart(desk, command(), asked.id, LEFT))


async def test_the_ward_or_the_asking_doctor_cancels_a_request_and_nobody_once_in_bed(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    emergency, other = await person(Role.DOCTOR, clinic="ER"), await person(Role.DOCTOR, clinic="ER")
    new = AdmissionIn(patient_id=await journeys.patient(), ward="ICU", reason="sepsis")
    asked = await services.ipd.request(emergency, command(), new)
    why = CancelIn(reason="went home")
    await refused(Code.FORBIDDEN, services.ipd.cancel(other, command(), asked.id, why))
    gone = await services.ipd.cancel(emergency, command(), asked.id, why)
    assert (gone.state, gone.cancelled_at is not None) == (S.CANCELLED, True)
    here = await journeys.admitted(bed.id)
    illegal = await refused(Code.ILLEGAL_MOVE, services.ipd.cancel(SYSTEM, command(), here.id, why))
    assert illegal.fields["state"] == "admitted"


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


async def test_a_mistaken_admission_is_taken_back_and_stays_in_the_history(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    here = await journeys.admitted(bed.id)
    stranger = await person(Role.NURSE, ward="MED")
    await refused(Code.FORBIDDEN, services.ipd.cancel_admit(stranger, command(), here.id, MISTAKE))
    back = await services.ipd.cancel_admit(SYSTEM, command(), here.id, MISTAKE)
    assert (back.state, back.admitted_at, back.stays[0].entered_in_error) == (S.ACCEPTED, None, True)
    assert await bed_status(services, bed.id) is BedStatus.CLEANING
    event = (await services.ipd.history(SYSTEM, command(), here.id)).events[-1]
    assert (event.move, event.from_bed, event.to_bed) == (Move.CANCEL_ADMIT, bed.id, None)


async def test_a_mistaken_transfer_lets_the_stay_before_go_on(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (first,), (second,) = await ward("ICU", beds=1), await ward("MED", beds=1)
    nurse = await person(Role.NURSE, ward="ICU")
    ipd = services.ipd
    here = await journeys.admitted(first.id)
    never = await refused(Code.CONFLICT, ipd.cancel_transfer(nurse, command(), here.id, MISTAKE))
    assert "not transferred" in never.detail
    await ipd.transfer(nurse, command(), here.id, TransferIn(bed_id=second.id))
    moved = await refused(Code.CONFLICT, ipd.cancel_admit(SYSTEM, command(), here.id, MISTAKE))
    assert "cancel the transfer" in moved.detail
    dirty = await refused(Code.ILLEGAL_MOVE, ipd.cancel_transfer(nurse, command(), here.id, MISTAKE))
    assert dirty.fields["state"] == "cleaning"
    await services.beds.change(nurse, command(), first.id, BedChange(status=BedStatus.AVAILABLE))
    back = await ipd.cancel_transfer(nurse, command(), here.id, MISTAKE)
    assert (back.state, back.ward) == (S.ADMITTED, "ICU")
    assert {s.bed_id: (s.ended_at is None, s.entered_in_error) for s in back.stays} == {
        first.id: (True, False),
        second.id: (False, True),
    }
    shown = await services.beds.bed(nurse, command(), first.id)
    assert shown.occupant is not None
    assert shown.occupant.stay_id == here.stays[0].id


async def test_a_mistaken_departure_brings_the_patient_back_unless_somebody_is_there(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await person(Role.NURSE, ward="ICU")
    gone = await journeys.discharged(bed.id)
    await services.beds.change(nurse, command(), bed.id, BedChange(status=BedStatus.AVAILABLE))
    other = await journeys.admitted(bed.id)
    taken = await refused(Code.CONFLICT, services.ipd.cancel_discharge(nurse, command(), gone.id, MISTAKE))
    assert "bed has a patient" in taken.detail
    await services.ipd.depart(nurse, command(), other.id, LEFT)
    await services.beds.change(nurse, command(), bed.id, BedChange(status=BedStatus.AVAILABLE))
    back = await services.ipd.cancel_discharge(nurse, command(), gone.id, MISTAKE)
    assert (back.state, back.disposition, back.stays[0].ended_at) == (S.DISCHARGE_ORDERED, None, None)
    assert await bed_status(services, bed.id) is BedStatus.OCCUPIED


async def test_a_readmitted_patient_cannot_come_back_to_the_old_admission(
    services: Services, ward: WardFactory, journeys: Journeys, person: PersonFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await person(Role.NURSE, ward="ICU")
    gone = await journeys.discharged(bed.id)
    await services.beds.change(nurse, command(), bed.id, BedChange(status=BedStatus.AVAILABLE))
    await journeys.requested(patient_id=gone.patient_id)
    open_one = await refused(Code.CONFLICT, services.ipd.cancel_discharge(nurse, command(), gone.id, MISTAKE))
    assert "open admission" in open_one.detail


async def test_lists_show_the_wards_within_reach_page_by_page(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    await ward("ICU", beds=1)
    await ward("MED", beds=1)
    ids = [(await journeys.requested("ICU")).id for _ in range(3)]
    far = await journeys.accepted("MED")
    ipd = services.ipd
    nurse, desk = await person(Role.NURSE, ward="ICU"), await person(Role.RECEPTION)

    page = await ipd.admissions(nurse, command(), AdmissionQuery(limit=2))
    assert page.next_cursor is not None
    rest = await ipd.admissions(nurse, command(), AdmissionQuery(limit=2, cursor=page.next_cursor))
    assert [a.id for a in [*page.items, *rest.items]] == ids[::-1]
    assert rest.next_cursor is None
    assert {a.reason for a in page.items} == {"sepsis"}
    await refused(Code.FORBIDDEN, ipd.admissions(nurse, command(), AdmissionQuery(ward="MED")))
    await refused(Code.FORBIDDEN, ipd.admission(nurse, command(), far.id))
    await refused(Code.FORBIDDEN, ipd.admissions(await person(Role.LAB), command(), AdmissionQuery()))

    everything = await ipd.admissions(desk, command(), AdmissionQuery())
    assert len(everything.items) == 4
    assert {a.reason for a in everything.items} == {None}
    assert {e.reason for e in (await ipd.history(desk, command(), far.id)).events} == {None}
    (one,) = (await ipd.admissions(desk, command(), AdmissionQuery(state=S.ACCEPTED))).items
    assert one.id == far.id
    (same,) = (await ipd.admissions(desk, command(), AdmissionQuery(patient_id=far.patient_id))).items
    assert same == one


async def test_the_ward_that_cares_for_a_patient_follows_the_admission(
    services: Services, units: UnitsOfWork, ward: WardFactory, journeys: Journeys
) -> None:
    (bed,), (other,) = await ward("ICU", beds=1), await ward("MED", beds=1)
    here = await journeys.admitted(bed.id)

    async def caring() -> set[str]:
        async with units.reading() as connection:
            return await wards_of_patient(connection, here.patient_id)

    assert await caring() == {"ICU"}
    await services.ipd.transfer(SYSTEM, command(), here.id, TransferIn(bed_id=other.id))
    assert await caring() == {"MED"}
    await services.ipd.depart(SYSTEM, command(), here.id, LEFT)
    assert await caring() == set()
