"""Mistakes are taken back, and stay in the history."""

import uuid

from hms_rt.departments.beds.model import BedStatus, Isolation
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.ipd.model import AdmissionState, Disposition, Move
from hms_rt.departments.ipd.schemas import CorrectionIn, DepartureIn, NeedsIn, ReturnIn, TransferIn
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command
from tests.ipd.conftest import Journeys, refused

S = AdmissionState
LEFT = DepartureIn(disposition=Disposition.LEFT)
MISTAKE = ReturnIn(reason="wrong patient")
WRONG_ADMISSION = CorrectionIn(reason="wrong patient")


async def bed_status(services: Services, bed_id: uuid.UUID) -> BedStatus:
    return (await services.beds.bed(SYSTEM, command(), bed_id)).status


async def test_a_mistaken_admission_is_taken_back_and_stays_in_the_history(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    here = await journeys.admitted(bed.id)
    stranger = await person(Role.NURSE, ward="MED")
    await refused(Code.FORBIDDEN, services.ipd.cancel_admit(stranger, command(), here.id, WRONG_ADMISSION))
    back = await services.ipd.cancel_admit(SYSTEM, command(), here.id, WRONG_ADMISSION)
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
    moved = await refused(Code.CONFLICT, ipd.cancel_admit(SYSTEM, command(), here.id, WRONG_ADMISSION))
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
    taken = await refused(
        Code.ILLEGAL_MOVE, services.ipd.cancel_discharge(nurse, command(), gone.id, MISTAKE)
    )
    assert (taken.fields["state"], taken.fields["instead"]) == ("occupied", ["bed_id", "ward"])
    assert "say bed_id or ward" in taken.detail
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


async def test_whose_bed_is_taken_comes_back_to_another_that_suits(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    icu, (med,) = await ward("ICU", beds=4), await ward("MED", beds=1)
    nurse, ipd = await person(Role.NURSE, ward="ICU"), services.ipd
    gone = await journeys.discharged(icu[0].id)
    await services.beds.change(nurse, command(), icu[0].id, BedChange(status=BedStatus.AVAILABLE))
    other = await journeys.admitted(icu[0].id)
    await ipd.change_needs(SYSTEM, command(), other.id, NeedsIn(isolation=Isolation.CONTACT))
    there = ReturnIn(reason="wrong patient", bed_id=icu[0].id)
    back = ipd.cancel_discharge(nurse, command(), gone.id, there)
    assert (await refused(Code.ILLEGAL_MOVE, back)).fields["state"] == "occupied"
    beside = ReturnIn(reason="wrong patient", bed_id=icu[1].id)
    told = await refused(Code.CONFLICT, ipd.cancel_discharge(nurse, command(), gone.id, beside))
    assert "contact isolation" in told.detail
    anywhere = ReturnIn(reason="wrong patient", ward="ICU")
    here = await ipd.cancel_discharge(nurse, command(expected_version=gone.version), gone.id, anywhere)
    assert (here.state, here.ward, here.stays[-1].bed_id) == (S.DISCHARGE_ORDERED, "ICU", icu[2].id)
    assert here.stays[0].ended_at is not None, "nobody told where the patient was meanwhile"
    board = await services.beds.bed(nurse, command(), icu[2].id)
    assert (board.leaving_since is not None, board.occupant is not None) == (True, True)
    occupied = ReturnIn(reason="wrong patient", bed_id=icu[2].id)
    third = await journeys.discharged(icu[3].id)
    await refused(Code.CONFLICT, ipd.cancel_discharge(nurse, command(), third.id, occupied))
    await ipd.cancel_discharge(nurse, command(), third.id, ReturnIn(reason="wrong patient", ward="MED"))
    assert await bed_status(services, med.id) is BedStatus.OCCUPIED


async def test_a_transfer_to_the_wrong_bed_is_told_as_one_to_the_right_bed(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    first, wrong, right, _ = await ward("ICU", beds=4)
    nurse, ipd = await person(Role.NURSE, ward="ICU"), services.ipd
    here = await journeys.admitted(first.id)
    moved = await ipd.transfer(nurse, command(), here.id, TransferIn(bed_id=wrong.id))
    same = ReturnIn(reason="next door", bed_id=wrong.id)
    await refused(Code.CONFLICT, ipd.cancel_transfer(nurse, command(), here.id, same))
    there = ReturnIn(reason="next door", bed_id=right.id)
    back = await ipd.cancel_transfer(nurse, command(), here.id, there)
    now = next(one for one in back.stays if one.ended_at is None)
    assert (now.bed_id, now.started_at) == (right.id, moved.stays[0].ended_at), "at the time of the transfer"
    assert [one.bed_id for one in back.stays if one.entered_in_error] == [wrong.id]
    assert await bed_status(services, wrong.id) is BedStatus.CLEANING
