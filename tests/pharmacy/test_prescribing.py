"""The way of a prescription on real servers: drafts, warnings, moves, scopes, the database's own rules."""

import asyncio
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.app import Hospital
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import DepartureIn, TransferIn
from hms_rt.departments.pharmacy.model.prescription import PrescriptionState
from hms_rt.departments.pharmacy.model.safety import Allergy, WarningKind
from hms_rt.departments.pharmacy.schemas.formulary import MedicineChange
from hms_rt.departments.pharmacy.schemas.prescriptions import (
    Activation,
    OverrideIn,
    PrescriptionQuery,
    When,
    Why,
)
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.errors import Code
from hms_rt.kernel.outstanding import OutstandingKind
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, command, reading
from tests.pharmacy.conftest import Pharmacy, Query, line, refused

S = PrescriptionState
WHY = Why(reason="rash since yesterday")


async def test_the_way_of_a_prescription_by_those_who_may(pharmacy: Pharmacy, query: Query) -> None:
    service = pharmacy.services.pharmacy
    draft = await pharmacy.draft(line(), line("PARA-SYR", "240"))
    amoxicillin, paracetamol = draft.lines
    assert (draft.state, draft.dispensary, draft.clinic, draft.version) == (S.DRAFT, "MAIN", "GEN", 1)
    assert (amoxicillin.quantity, amoxicillin.dispense_unit) == (Decimal(15), "capsule")
    assert (paracetamol.quantity, paracetamol.dispense_unit) == (Decimal(150), "mL")
    assert amoxicillin.frequency.times == ["08:00", "14:00", "20:00"]
    active = await service.activate(pharmacy.doctor, command(expected_version=1), draft.id, Activation())
    assert (active.state, active.version) == (S.ACTIVE, 2)
    held = await service.hold(pharmacy.pharmacist, command(), draft.id, Why(reason="dose unclear"))
    assert (held.state, held.reason) == (S.ON_HOLD, "dose unclear")
    await refused(Code.ILLEGAL_MOVE, service.stop(pharmacy.doctor, command(), draft.id, WHY))
    resumed = await service.resume(pharmacy.doctor, command(), draft.id, When())
    assert (resumed.state, resumed.reason) == (S.ACTIVE, None)
    stopped = await service.stop(pharmacy.doctor, command(), draft.id, WHY)
    assert (stopped.state, stopped.version) == (S.STOPPED, 5)
    await refused(
        Code.STALE_VERSION, service.stop(pharmacy.doctor, command(expected_version=2), draft.id, WHY)
    )

    history = await service.prescription_history(pharmacy.pharmacist, command(), draft.id)
    assert [(one.move, one.state_after) for one in history.events] == [
        ("draft", "draft"),
        ("activate", "active"),
        ("hold", "on_hold"),
        ("resume", "active"),
        ("stop", "stopped"),
    ]
    rows = await query("SELECT action FROM audit_log WHERE patient_id = :p ORDER BY id", p=draft.patient_id)
    assert [row.action for row in rows if row.action.startswith("prescription.")] == [
        "prescription.draft",
        "prescription.activate",
        "prescription.hold",
        "prescription.resume",
        "prescription.stop",
        "prescription.history_read",
    ]


async def test_every_warning_needs_its_reason_and_the_reason_is_kept(pharmacy: Pharmacy) -> None:
    service, doctor = pharmacy.services.pharmacy, pharmacy.doctor

    async def known(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Allergy]:
        return [Allergy("penicillins", "J01C")]

    service._allergies_of = known
    patient_id = await pharmacy.patient()
    first = await pharmacy.draft(line("PARA-SYR", "240"), patient_id=patient_id)
    await service.activate(doctor, command(), first.id, Activation())
    draft = await pharmacy.draft(line(dose="2000"), line("PARA-SYR", "120"), patient_id=patient_id)
    raised = await service.prescription_warnings(doctor, command(), draft.id)
    assert [(one.kind, one.line_id) for one in raised.warnings] == [
        (WarningKind.ALLERGY, draft.lines[0].id),
        (WarningKind.DOSE_RANGE, draft.lines[0].id),
        (WarningKind.DUPLICATE, draft.lines[1].id),
    ]
    error = await refused(Code.CONFLICT, service.activate(doctor, command(), draft.id, Activation()))
    named = error.fields["warnings"]
    assert isinstance(named, list)
    assert len(named) == 3
    assert "penicillins" not in str(named) + error.detail, "what the patient is allergic to is clinical"
    overrides = [
        OverrideIn(line_id=one.line_id, kind=one.kind, reason=f"weighed: {one.kind}")
        for one in raised.warnings
    ]
    await refused(
        Code.CONFLICT, service.activate(doctor, command(), draft.id, Activation(overrides=overrides[:2]))
    )
    active = await service.activate(doctor, command(), draft.id, Activation(overrides=overrides))
    assert active.state is S.ACTIVE
    kept = await service.prescription_warnings(pharmacy.pharmacist, command(), draft.id)
    assert kept.warnings == []
    assert {(one.kind, one.reason, one.overridden_by) for one in kept.overrides} == {
        (one.kind, f"weighed: {one.kind}", doctor.id) for one in raised.warnings
    }


async def test_of_two_prescriptions_at_once_the_second_is_warned_of(pharmacy: Pharmacy) -> None:
    patient_id = await pharmacy.patient()
    drafts = [await pharmacy.draft(patient_id=patient_id) for _ in range(6)]
    activate = pharmacy.services.pharmacy.activate
    outcomes = await asyncio.gather(
        *(activate(pharmacy.doctor, command(), draft.id, Activation()) for draft in drafts),
        return_exceptions=True,
    )
    assert sum(not isinstance(one, BaseException) for one in outcomes) == 1
    assert {getattr(one, "code", Code.CONFLICT) for one in outcomes} == {Code.CONFLICT}


async def test_what_cannot_be_prescribed_is_refused(pharmacy: Pharmacy, query: Query) -> None:
    service = pharmacy.services.pharmacy
    retire = MedicineChange.model_validate({"status": "retired"})
    await service.change_medicine(SYSTEM, command(expected_version=1), "MORPH10", retire)
    await refused(Code.INVALID, pharmacy.draft(line("MORPH10", "5")))
    await refused(Code.INVALID, pharmacy.draft(line("NOPE")))
    await refused(Code.INVALID, pharmacy.draft(dispensary="ICU-CUP"))
    await refused(Code.NOT_FOUND, pharmacy.draft(dispensary="NOWHERE"))
    await refused(Code.FORBIDDEN, pharmacy.draft(clinic="SUR"))
    await refused(Code.FORBIDDEN, pharmacy.draft(by=pharmacy.nurse))
    no_such = (await pharmacy.draft()).id
    await refused(Code.NOT_FOUND, pharmacy.draft(admission_id=no_such))
    assert len(await query("SELECT 1 FROM pharmacy_prescription")) == 1


async def test_an_inpatients_prescription_follows_and_comes_back(
    pharmacy: Pharmacy, services: Services, person: PersonFactory, hospital: Hospital
) -> None:
    icu, med = [
        row.id
        for row in await _beds(hospital, "SELECT id FROM beds_bed WHERE code = '01' ORDER BY ward_code")
    ]
    here = await pharmacy.inpatient(icu)
    ward = {"patient_id": here.patient_id, "admission_id": here.id}
    given = await pharmacy.active(**ward)
    along = await pharmacy.active(line("PARA-SYR", "120"), **ward, take_home=True)
    assert (given.ward, given.admission_id, given.clinic) == ("ICU", here.id, None)
    async with reading(hospital) as uow:
        told = await services.pharmacy.outstanding(uow, here.patient_id, here.id)
    assert [(one.kind, one.count) for one in told] == [
        (OutstandingKind.ACTIVE_PRESCRIPTIONS, 1),
        (OutstandingKind.MEDICATION_TO_HAND_OVER, 1),
    ]
    assert told[0].what == ("Amoxicillin 500 mg capsule, active",)

    elsewhere = await person(Role.DOCTOR, ward="MED")
    await refused(Code.FORBIDDEN, services.pharmacy.stop(elsewhere, command(), given.id, WHY))
    await services.ipd.transfer(SYSTEM, command(), here.id, TransferIn(bed_id=med))
    moved = await services.pharmacy.prescription(elsewhere, command(), given.id)
    assert (moved.ward, moved.version) == ("MED", 3)
    await refused(Code.FORBIDDEN, services.pharmacy.prescription(pharmacy.nurse, command(), given.id))
    await services.pharmacy.prescription(pharmacy.doctor, command(), given.id)  # wrote it

    await services.ipd.depart(SYSTEM, command(), here.id, DepartureIn(disposition=Disposition.LEFT))
    async with hospital.units.reading() as connection:
        queue = await services.pharmacy.dispensary_state(connection, "MAIN")
    assert list(queue or {}) == [f"prescription:{along.id}"], "what the patient takes home is still there"
    await refused(Code.NOT_FOUND, pharmacy.draft(patient_id=here.patient_id, admission_id=here.id, by=SYSTEM))


async def _beds(hospital: Hospital, statement: str) -> list[Any]:
    async with hospital.engine.begin() as connection:
        return list(await connection.execute(text(statement)))


async def test_lists_are_cut_to_reach_and_pages(pharmacy: Pharmacy, person: PersonFactory) -> None:
    service = pharmacy.services.pharmacy
    made = [await pharmacy.draft(by=SYSTEM) for _ in range(3)]
    query = PrescriptionQuery(limit=2)
    first = await service.prescriptions(pharmacy.doctor, command(), query)
    assert [one.id for one in first.items] == [made[2].id, made[1].id]
    rest = await service.prescriptions(
        pharmacy.pharmacist, command(), PrescriptionQuery(limit=2, cursor=first.next_cursor)
    )
    assert ([one.id for one in rest.items], rest.next_cursor) == ([made[0].id], None)
    stranger = await person(Role.DOCTOR, clinic="SUR")
    assert (await service.prescriptions(stranger, command(), PrescriptionQuery())).items == []
    of_one = PrescriptionQuery(patient_id=made[0].patient_id, state=S.DRAFT, dispensary="MAIN")
    assert len((await service.prescriptions(pharmacy.doctor, command(), of_one)).items) == 1
    await refused(
        Code.FORBIDDEN,
        service.prescriptions(await person(Role.RECEPTION), command(), PrescriptionQuery()),
    )


ATTACKS = (
    ("UPDATE pharmacy_line SET dispensed = quantity + 1", "pharmacy_line_dispensed_check"),
    ("UPDATE pharmacy_line SET dispensed = -0.0001", "pharmacy_line_dispensed_check"),
    ("UPDATE pharmacy_line SET dose = 0.00001", "pharmacy_line_dose_check"),
    ("UPDATE pharmacy_line SET every_hours = 8", "pharmacy_line_frequency_check"),
    ("UPDATE pharmacy_line SET ends_at = starts_at", "pharmacy_line_course_check"),
    ("UPDATE pharmacy_prescription SET state = 'lost'", "pharmacy_prescription_state_check"),
    ("UPDATE pharmacy_prescription SET state = 'stopped'", "pharmacy_prescription_reason_check"),
    ("UPDATE pharmacy_prescription SET clinic = NULL", "pharmacy_prescription_context_check"),
    ("UPDATE pharmacy_prescription SET take_home = true", "pharmacy_prescription_context_check"),
    ("UPDATE pharmacy_prescription SET number = 1 WHERE number <> 1", "pharmacy_prescription_number_key"),
    ("UPDATE pharmacy_medicine SET atc = 'J1'", "pharmacy_medicine_atc_check"),
    ("UPDATE pharmacy_medicine SET dose_max = 5000", "pharmacy_medicine_bounds_check"),
    ("UPDATE pharmacy_store SET ward = 'ICU'", "pharmacy_store_place_check"),
    ("DELETE FROM pharmacy_event", "append-only"),
    ("UPDATE pharmacy_override SET reason = 'none'", "append-only"),
    ("DELETE FROM pharmacy_medicine_version", "append-only"),
)


async def test_the_database_holds_its_rules_against_direct_sql(pharmacy: Pharmacy, query: Query) -> None:
    for _ in range(2):
        await pharmacy.active()
    for statement, rule in ATTACKS:
        with pytest.raises(DBAPIError, match=rule):
            await query(statement)


async def test_late_entries_keep_both_times(pharmacy: Pharmacy, hospital: Hospital) -> None:
    earlier = hospital.clock.now() - timedelta(hours=2)
    draft = await pharmacy.draft(occurred_at=earlier.isoformat())
    assert (draft.prescribed_at, draft.recorded_at) == (earlier, hospital.clock.now())
    assert draft.lines[0].starts_at == earlier
    await refused(
        Code.INVALID, pharmacy.draft(occurred_at=(hospital.clock.now() + timedelta(hours=1)).isoformat())
    )


async def test_no_cause_is_silent(pharmacy: Pharmacy, query: Query) -> None:
    """A draft is on nobody's screen; what is in force is until it is stopped."""
    active = await pharmacy.active()
    await pharmacy.services.pharmacy.stop(pharmacy.doctor, command(), active.id, WHY)
    stream = "pharmacy/dispensary:MAIN"
    rows = await query("SELECT ops FROM change_log WHERE stream = :s ORDER BY version", s=stream)
    assert [(op["op"], op["cause"]) for row in rows for op in row.ops] == [
        ("put", Cause.ORDERED),
        ("remove", Cause.CANCELLED),
    ]
