"""Rounds, the discharge checklist that every department answers and the board shows, the summary, a death."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital
from hms_rt.departments.beds import views
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import (
    BirthIn,
    DepartureIn,
    DischargeOrderIn,
    HoldIn,
    ReturnIn,
    TransferIn,
)
from hms_rt.departments.ipd.schemas.leaving import RoundIn, SummaryIn, SummaryQuery
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.schemas.catalogue import CatalogueIn
from hms_rt.departments.lab.schemas.ordering import Cancellation, LabOrderIn
from hms_rt.departments.patients.schemas.record import EntryQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.outstanding import OutstandingKind
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command
from tests.ipd.conftest import Journeys, Query, refused

SUMMARY = SummaryIn(diagnoses="Sepsis <severe> & pneumonia", course="Antibiotics.\n\nGot well.")


async def shown(hospital: Hospital, bed_id: Any) -> dict[str, Any]:
    async with hospital.units.reading() as connection:
        state = await hospital.services.beds.ward_state(connection, "ICU")
    assert state is not None
    return dict(state[views.bed_key(bed_id)])


async def test_the_checklist_asks_every_department_and_the_board_counts_what_is_left(
    hospital: Hospital, services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    doctor = await person(Role.DOCTOR, ward="ICU")
    reception = await person(Role.RECEPTION)
    lactate = CatalogueIn(
        code="LAC", name="Lactate", specimen_kind=SpecimenKind.BLOOD, unit="mmol/L", decimals=1
    )
    await services.lab.define_test(SYSTEM, command(), lactate)
    here = await journeys.admitted(bed.id)
    wanted = LabOrderIn(patient_id=here.patient_id, tests=["LAC"], ward="ICU")
    order = await services.lab.order(doctor, command(), wanted)
    await services.ipd.order_discharge(doctor, command(), here.id, DischargeOrderIn())
    board = await shown(hospital, bed.id)
    assert (board["occupant"]["outstanding"], board["leaving_since"] is None) == (2, False)
    assert views.staff(views.bed_key(bed.id), board)["leaving_since"] == board["leaving_since"]
    listed = await services.ipd.checklist(doctor, command(), here.id)
    assert {one.kind: one.what for one in listed.items} == {
        OutstandingKind.SUMMARY_MISSING: ["discharge summary"],
        OutstandingKind.SPECIMENS_TO_COLLECT: ["Lactate, ordered"],
    }
    counted = await services.ipd.checklist(reception, command(), here.id)
    assert [(one.count, one.what) for one in counted.items] == [(1, []), (1, [])]

    await services.ipd.write_summary(doctor, command(), here.id, SUMMARY)
    assert (await shown(hospital, bed.id))["occupant"]["outstanding"] == 1
    await services.lab.cancel_order(doctor, command(), order.id, Cancellation(reason="not needed"))
    assert (await shown(hospital, bed.id))["occupant"]["outstanding"] == 0
    assert (await services.ipd.checklist(doctor, command(), here.id)).items == []


async def test_rounds_and_summaries_are_entries_of_the_record_in_the_admissions_context(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys, clock: ManualClock
) -> None:
    first, second = await ward("ICU", beds=2)
    doctor, nurse = await person(Role.DOCTOR, ward="ICU"), await person(Role.NURSE, ward="ICU")
    stranger = await person(Role.DOCTOR, ward="MED")
    came = clock.now() - timedelta(hours=1)
    here, other = await journeys.admitted(first.id, at=came), await journeys.admitted(second.id)
    seen = RoundIn(text="no fever", plan="home tomorrow", occurred_at=clock.now() - timedelta(minutes=20))
    await refused(Code.FORBIDDEN, services.ipd.make_round(stranger, command(), here.id, seen))
    made = await services.ipd.make_round(doctor, command(), here.id, seen)
    listed = (await services.ipd.rounds(nurse, command(), "ICU")).patients
    assert [(one.bed, one.last_round) for one in listed] == [("01", made), ("02", None)]
    assert listed[1].admission_id == other.id

    await refused(Code.NOT_FOUND, services.ipd.summary_pdf(doctor, command(), here.id))
    await refused(Code.FORBIDDEN, services.ipd.write_summary(nurse, command(), here.id, SUMMARY))
    await services.ipd.write_summary(doctor, command(), here.id, SUMMARY)
    again = await services.ipd.write_summary(doctor, command(), here.id, SUMMARY)
    assert again.number == 2
    pdf = await services.ipd.summary_pdf(nurse, command(), here.id)
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 1000
    await refused(Code.FORBIDDEN, services.ipd.summary_pdf(stranger, command(), here.id))
    query = EntryQuery(context=here.id)
    entries = (await services.patients.list_entries(doctor, command(), here.patient_id, query)).items
    assert [one.kind for one in entries] == ["document", "document", "medical_note"]
    assert entries[-1].body == {"text": "no fever", "plan": "home tomorrow"}


async def test_the_board_counts_anew_when_a_child_comes_or_goes_and_when_a_held_bed_is_given_up(
    hospital: Hospital, services: Services, ward: WardFactory, journeys: Journeys, clock: ManualClock
) -> None:
    bed, kept = await ward("ICU", beds=2)
    here = await journeys.admitted(bed.id)
    await services.ipd.hold(SYSTEM, command(), here.id, HoldIn(bed_id=kept.id))
    await services.ipd.order_discharge(SYSTEM, command(), here.id, DischargeOrderIn())

    async def counted() -> int:
        count: int = (await shown(hospital, bed.id))["occupant"]["outstanding"]
        assert count == len((await services.ipd.checklist(SYSTEM, command(), here.id)).items)
        return count

    first = await counted()
    born = await services.ipd.birth(SYSTEM, command(), here.id, BirthIn(born_at=clock.now()))
    assert await counted() == first + 1
    leaving = DepartureIn(disposition=Disposition.HOME)
    await services.ipd.order_discharge(SYSTEM, command(), born.admission.id, DischargeOrderIn())
    await services.ipd.depart(SYSTEM, command(), born.admission.id, leaving)
    assert await counted() == first
    clock.advance(timedelta(days=1))
    await services.beds.release_expired(SYSTEM, command())
    assert await counted() == first - 1


async def test_who_dies_is_deceased_until_the_mistake_is_taken_back_and_a_child_is_not_forgotten(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys, clock: ManualClock
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await person(Role.NURSE, ward="ICU")
    here = await journeys.admitted(bed.id)
    await services.ipd.birth(nurse, command(), here.id, BirthIn(born_at=clock.now()))
    listed = await services.ipd.checklist(nurse, command(), here.id)
    assert ["child 1"] in [one.what for one in listed.items]
    died = DepartureIn(disposition=Disposition.DIED)
    await services.ipd.depart(nurse, command(), here.id, died)
    patient = await services.patients.get(SYSTEM, command(), here.patient_id)
    assert patient.deceased_at == clock.now()
    await services.beds.change(SYSTEM, command(), bed.id, BedChange(status=BedStatus.AVAILABLE))
    await services.ipd.cancel_discharge(nurse, command(), here.id, ReturnIn(reason="wrong patient"))
    assert (await services.patients.get(SYSTEM, command(), here.patient_id)).deceased_at is None


async def test_rounds_and_summaries_are_written_after_the_patient_left_too(
    services: Services,
    ward: WardFactory,
    person: PersonFactory,
    journeys: Journeys,
    clock: ManualClock,
    query: Query,
) -> None:
    (first,), (second,) = await ward("ICU", beds=1), await ward("MED", beds=1)
    icu, med = await person(Role.DOCTOR, ward="ICU"), await person(Role.DOCTOR, ward="MED")
    stranger = await person(Role.DOCTOR, ward="SUR")
    ipd, came = services.ipd, clock.now()
    here = await journeys.admitted(first.id)
    clock.advance(timedelta(hours=5))
    await ipd.transfer(SYSTEM, command(), here.id, TransferIn(bed_id=second.id))
    clock.advance(timedelta(hours=1))
    await ipd.write_summary(med, command(), here.id, SUMMARY)
    await ipd.depart(SYSTEM, command(), here.id, DepartureIn(disposition=Disposition.LEFT))
    clock.advance(timedelta(hours=1))

    late = RoundIn(text="no fever", occurred_at=came + timedelta(hours=2))
    made = await ipd.make_round(icu, command(), here.id, late)
    assert [row.ward_code for row in await query("SELECT ward_code FROM ipd_round")] == ["ICU"]
    await ipd.make_round(med, command(), here.id, late)
    await refused(Code.FORBIDDEN, ipd.make_round(stranger, command(), here.id, late))
    now = await refused(Code.CONFLICT, ipd.make_round(med, command(), here.id, RoundIn(text="home")))
    assert "say occurred_at" in now.detail
    for wrong in (came - timedelta(hours=1), clock.now() - timedelta(minutes=5)):
        never = RoundIn(text="no fever", occurred_at=wrong)
        await refused(Code.INVALID, ipd.make_round(med, command(), here.id, never))
    waiting = await journeys.accepted()
    await refused(Code.CONFLICT, ipd.make_round(icu, command(), waiting.id, late))
    assert made.occurred_at == late.occurred_at

    await refused(Code.INVALID, ipd.write_summary(med, command(), here.id, SUMMARY))
    amended = SUMMARY.model_copy(update={"course": "Steroids.", "amended_because": "a result came late"})
    for nobody in (icu, stranger):
        await refused(Code.FORBIDDEN, ipd.write_summary(nobody, command(), here.id, amended))
    second_one = await ipd.write_summary(med, command(), here.id, amended)
    assert (second_one.number, second_one.amended_because) == (2, "a result came late")
    listed = (await ipd.summaries(med, command(), here.id)).summaries
    assert [(one.number, one.amended_because) for one in listed] == [(1, None), (2, "a result came late")]
    old, new = [await ipd.summary_pdf(med, command(), here.id, SummaryQuery(number=n)) for n in (1, 2)]
    assert old != new
    assert new == await ipd.summary_pdf(med, command(), here.id)
    await refused(Code.NOT_FOUND, ipd.summary_pdf(med, command(), here.id, SummaryQuery(number=3)))
    await refused(Code.FORBIDDEN, ipd.summary_pdf(stranger, command(), here.id))
    for statement in ("UPDATE ipd_summary SET written_at = now()", "DELETE FROM ipd_round"):
        with pytest.raises(IntegrityError, match="append-only"):
            await query(statement)
