"""Planned transfers: a bed is held, shown, taken by its holder alone, and released exactly once."""

import asyncio
from datetime import timedelta
from typing import Any

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds import views
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.ipd.model import AdmissionState, Move
from hms_rt.departments.ipd.schemas import BedChoice, CorrectionIn, DepartureIn, HoldIn, TransferIn
from hms_rt.departments.patients.schemas import PatientUpdate
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command
from tests.ipd.conftest import Journeys, Query, refused
from tests.ipd.test_concurrency import breaks

GIVEN_UP = CorrectionIn(reason="stays where they are")
HELD = TransferIn(held=True)


async def board(hospital: Hospital, ward: str, bed_id: Any) -> dict[str, Any]:
    async with hospital.units.reading() as connection:
        state = await hospital.services.beds.ward_state(connection, ward)
    assert state is not None
    return dict(state[views.bed_key(bed_id)])


async def moves(services: Services, admission_id: Any) -> list[Move]:
    return [one.move for one in (await services.ipd.history(SYSTEM, command(), admission_id)).events]


async def test_a_planned_transfer_is_held_shown_and_completed_by_its_holder_alone(
    hospital: Hospital, services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (here,), (there, spare) = await ward("ICU", beds=1), await ward("MED", beds=2)
    nurse = await person(Role.NURSE, ward="MED")
    patient, other = await journeys.admitted(here.id), await journeys.accepted("MED")
    held = await services.ipd.hold(nurse, command(), patient.id, HoldIn(bed_id=there.id, minutes=30))
    until = hospital.clock.now() + timedelta(minutes=30)
    assert held.hold is not None
    assert (held.hold.bed_id, held.hold.until) == (there.id, until)

    shown = await board(hospital, "MED", there.id)
    assert shown["hold"]["patient_id"] == str(patient.patient_id)
    assert (shown["hold"]["from_ward"], shown["hold"]["from_bed"]) == ("ICU", "01")
    for view in (views.staff, views.display):
        cut = view(views.bed_key(there.id), shown)
        assert cut["reserved_until"] is not None
        assert "hold" not in cut
    update = PatientUpdate(family_name="Renamed")
    await services.patients.update(SYSTEM, command(expected_version=1), patient.patient_id, update)
    assert (await board(hospital, "MED", there.id))["hold"]["name"] == "Renamed"

    taken = BedChoice(bed_id=there.id)
    await refused(Code.CONFLICT, services.ipd.assign(nurse, command(), other.id, taken))
    await refused(Code.CONFLICT, services.ipd.hold(nurse, command(), other.id, HoldIn(bed_id=there.id)))
    await refused(Code.CONFLICT, services.ipd.hold(nurse, command(), patient.id, HoldIn(bed_id=spare.id)))
    moved = await services.ipd.transfer(nurse, command(), patient.id, HELD)
    assert (moved.ward, moved.hold) == ("MED", None)
    assert (await moves(services, patient.id))[-2:] == [Move.HOLD, Move.TRANSFER]
    none = await refused(Code.CONFLICT, services.ipd.transfer(nurse, command(), patient.id, HELD))
    assert "no bed is held" in none.detail


async def test_a_hold_ends_with_the_plan_with_another_move_and_with_the_stay(
    hospital: Hospital, services: Services, ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    first, second, third, fourth = await ward("ICU", beds=4)
    ipd = services.ipd
    here, coming = await journeys.admitted(first.id), await journeys.accepted()
    keep = HoldIn(bed_id=second.id)
    for end in (
        ipd.release_hold(SYSTEM, command(), here.id, GIVEN_UP),
        ipd.transfer(SYSTEM, command(), here.id, TransferIn(bed_id=third.id)),
        services.beds.change(SYSTEM, command(), second.id, BedChange(status=BedStatus.AVAILABLE)),
        ipd.depart(SYSTEM, command(), here.id, DepartureIn.model_validate({"disposition": "left"})),
    ):
        await ipd.hold(SYSTEM, command(), here.id, keep)
        await end
        assert (await services.beds.bed(SYSTEM, command(), second.id)).status is BedStatus.AVAILABLE
    ends = [one for one in await moves(services, here.id) if one is Move.RELEASE_HOLD]
    assert len(ends) == 4
    await refused(Code.NOT_FOUND, ipd.release_hold(SYSTEM, command(), coming.id, GIVEN_UP))

    await ipd.hold(SYSTEM, command(), coming.id, keep)
    await breaks(
        "beds_hold_reserved_check",
        query,
        "UPDATE beds_bed SET reserved_for = NULL WHERE id = :id",
        id=second.id,
    )
    await breaks(
        "ipd_admission_hold_check",
        query,
        "UPDATE ipd_admission SET state = 'cancelled', cancelled_at = now() WHERE id = :id",
        id=coming.id,
    )
    await breaks(
        "beds_hold_admission_id_key",
        query,
        "INSERT INTO beds_hold (bed_id, admission_id, patient_id, name, mrn, held_at)"
        " SELECT :bed, admission_id, patient_id, name, mrn, held_at FROM beds_hold",
        bed=fourth.id,
    )
    assert (await ipd.assign(SYSTEM, command(), coming.id, BedChoice(held=True))).stays[0].bed_id == second.id


async def test_fifty_timers_of_two_servers_release_an_expired_hold_once(
    hospital: Hospital,
    services: Services,
    settings: Settings,
    stores: Stores,
    ward: WardFactory,
    journeys: Journeys,
    clock: ManualClock,
    query: Query,
) -> None:
    beds = await ward("ICU", beds=6)
    here = [await journeys.admitted(bed.id) for bed in beds[:3]]
    for one, bed in zip(here, beds[3:], strict=True):
        await services.ipd.hold(SYSTEM, command(), one.id, HoldIn(bed_id=bed.id, minutes=1))
    other = Hospital(settings, stores, clock=clock)
    clock.advance(timedelta(minutes=2))
    timers = (each.services.beds for each in (hospital, other) for _ in range(25))
    late = services.ipd.transfer(SYSTEM, command(), here[0].id, HELD)
    done = await asyncio.gather(
        late, *(beds.release_expired(SYSTEM, command()) for beds in timers), return_exceptions=True
    )
    await other.close()
    assert not [one for one in done[1:] if isinstance(one, BaseException)]
    ended = await query("SELECT admission_id FROM ipd_event WHERE move IN ('expire_hold', 'transfer')")
    assert sorted(row.admission_id for row in ended) == sorted(one.id for one in here)
    assert await query("SELECT 1 FROM beds_hold") == []
    ((available,),) = await query("SELECT available FROM beds_occupancy")
    assert available == 3 - (not isinstance(done[0], BaseException))
    still = await services.ipd.admission(SYSTEM, command(), here[1].id)
    assert (still.state, still.hold) == (AdmissionState.ADMITTED, None)
