"""What a death ends on the ward and in the dispensary; and that a dose given counts down the checklist."""

from datetime import timedelta

from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.ipd.model import Disposition, Move
from hms_rt.departments.ipd.model.medication import Outcome
from hms_rt.departments.ipd.schemas import (
    AdmissionIn,
    DepartureIn,
    DischargeOrderIn,
    HoldIn,
    ReturnIn,
    TransferIn,
)
from hms_rt.departments.ipd.schemas.medication import AdministrationIn
from hms_rt.departments.patients.schemas.details import DeathIn
from hms_rt.departments.pharmacy.model.prescription import PrescriptionState
from hms_rt.departments.pharmacy.schemas.prescriptions import Activation, PrescriptionOut, Why
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import WardFactory, command
from tests.ipd.conftest import Journeys, Query
from tests.ipd.medication import Ward
from tests.ipd.test_bedside import shown
from tests.ipd.test_concurrency import breaks
from tests.pharmacy.conftest import line, refused

S = PrescriptionState


async def state(icu: Ward, prescription: PrescriptionOut) -> tuple[PrescriptionState, str | None]:
    found = await icu.services.pharmacy.prescription(SYSTEM, command(), prescription.id)
    return found.state, found.reason


async def test_after_a_death_nothing_is_given_dispensed_or_prescribed(icu: Ward) -> None:
    service, patient = icu.services.pharmacy, icu.here.patient_id
    given = await icu.prescribe(line(duration_days=2))
    held = await icu.prescribe(line("PARA-SYR", "240"))
    await service.hold(SYSTEM, command(), held.id, Why(reason="liver"))
    draft = await icu.pharmacy.draft(patient_id=patient)
    assert await icu.sums() == (3, 0)
    await icu.later(minutes=70)
    late, *_ = await icu.doses()
    dies = command(expected_version=1)
    await icu.services.patients.record_death(SYSTEM, dies, patient, DeathIn())
    assert await state(icu, given) == (S.STOPPED, "the patient died")
    assert await state(icu, held) == (S.STOPPED, "the patient died")
    assert await state(icu, draft) == (S.CANCELLED, "the patient died")
    assert [dose.id for dose in await icu.doses()] == [late.id], "what was due before is accounted for"
    dead = await refused(Code.CONFLICT, icu.give(late))
    assert "stopped since" in dead.detail
    await icu.give(late, AdministrationIn(outcome=Outcome.GIVEN, occurred_at=late.due_at))
    await icu.later(hours=20)
    await icu.agree()
    assert (await icu.doses(), await icu.sums()) == ([], (0, 0))
    async with icu.hospital.units.reading() as connection:
        assert await service.dispensary_state(connection, "MAIN") == {}
    assert "has died" in (await refused(Code.CONFLICT, icu.pharmacy.draft(patient_id=patient))).detail
    activation = service.activate(SYSTEM, command(), draft.id, Activation())
    assert "has died" in (await refused(Code.CONFLICT, activation)).detail


async def test_a_departure_as_died_stops_medication_and_its_correction_brings_none_back(icu: Ward) -> None:
    ipd = icu.services.ipd
    prescribed = await icu.prescribe(line(duration_days=2))
    gone = await ipd.depart(SYSTEM, command(), icu.here.id, DepartureIn(disposition=Disposition.DIED))
    assert (await state(icu, prescribed))[0] is S.STOPPED
    clean = BedChange(status=BedStatus.AVAILABLE)
    await icu.services.beds.change(SYSTEM, command(), gone.stays[-1].bed_id, clean)
    await ipd.cancel_discharge(SYSTEM, command(), icu.here.id, ReturnIn(reason="the wrong patient"))
    await icu.agree()
    assert (await state(icu, prescribed))[0] is S.STOPPED
    assert await icu.doses() == []
    await icu.prescribe(line(duration_days=2))
    assert len(await icu.doses()) == 3


async def test_a_dose_given_counts_down_what_the_board_says_is_left(icu: Ward) -> None:
    await icu.prescribe(line(duration_days=2))
    await icu.later(minutes=70)
    await icu.services.ipd.order_discharge(SYSTEM, command(), icu.here.id, DischargeOrderIn())
    bed = icu.here.stays[-1].bed_id
    before = (await shown(icu.hospital, bed))["occupant"]["outstanding"]
    for dose in await icu.doses():
        icu.clock.advance(max(dose.due_at - icu.clock.now(), dose.due_at - dose.due_at))
        await icu.give(dose)
    after = (await shown(icu.hospital, bed))["occupant"]["outstanding"]
    assert after == before - 1, "no dose is due any more"
    assert after == len((await icu.services.ipd.checklist(SYSTEM, command(), icu.here.id)).items)


async def test_a_death_cancels_what_is_awaited_and_who_lies_dead_leaves_as_died(
    services: Services, ward: WardFactory, journeys: Journeys, clock: ManualClock
) -> None:
    first, second, kept = await ward("ICU", beds=3)
    ipd, patients = services.ipd, services.patients
    here, coming = await journeys.ordered(first.id), await journeys.accepted()
    await ipd.hold(SYSTEM, command(), coming.id, HoldIn(bed_id=second.id))
    await ipd.hold(SYSTEM, command(), here.id, HoldIn(bed_id=kept.id))
    for one in (here, coming):
        dies = command(expected_version=1)
        await patients.record_death(SYSTEM, dies, one.patient_id, DeathIn())
    for bed in (second, kept):
        assert (await services.beds.bed(SYSTEM, command(), bed.id)).status is BedStatus.AVAILABLE
    cancelled = await ipd.history(SYSTEM, command(), coming.id)
    assert [(one.move, one.reason) for one in cancelled.events][-2:] == [
        (Move.CANCEL, "the patient died"),
        (Move.RELEASE_HOLD, None),
    ]
    request = AdmissionIn(patient_id=coming.patient_id, ward="ICU", reason="sepsis")
    assert "has died" in (await refused(Code.CONFLICT, ipd.request(SYSTEM, command(), request))).detail
    await refused(Code.CONFLICT, ipd.hold(SYSTEM, command(), here.id, HoldIn(bed_id=kept.id)))
    home = DepartureIn(disposition=Disposition.HOME)
    told = await refused(Code.CONFLICT, ipd.depart(SYSTEM, command(), here.id, home))
    assert "disposition died" in told.detail
    await ipd.transfer(SYSTEM, command(), here.id, TransferIn(bed_id=second.id))
    clock.advance(timedelta(minutes=30))
    await ipd.depart(SYSTEM, command(), here.id, DepartureIn(disposition=Disposition.DIED))
    await services.beds.change(SYSTEM, command(), second.id, BedChange(status=BedStatus.AVAILABLE))
    await ipd.cancel_discharge(SYSTEM, command(), here.id, ReturnIn(reason="is still here"))
    dead = await patients.get(SYSTEM, command(), here.patient_id)
    assert dead.deceased_at is not None, "the doctor recorded it before, and nobody revoked that"


async def test_the_database_knows_that_the_dead_are_not_awaited(
    ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    await ward("ICU", beds=1)
    one = await journeys.requested()
    died = "UPDATE patients_patient SET died_at = now(), death_recorded_at = now(), death_recorded_by = id"
    rule = "ipd_admission_living_check"
    await breaks(rule, query, f"{died} WHERE id = :id", id=one.patient_id)
    gone = "UPDATE ipd_admission SET state = 'cancelled', cancelled_at = now() WHERE id = :id"
    await query(gone, id=one.id)
    await query(f"{died} WHERE id = :id", id=one.patient_id)
    again = "UPDATE ipd_admission SET state = 'requested', cancelled_at = NULL WHERE id = :id"
    await breaks(rule, query, again, id=one.id)
