"""The clinical record on real servers: who writes, who reads, what cannot be altered."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital
from hms_rt.departments.patients.model.entry import EntryKind, EntryState
from hms_rt.departments.patients.schemas import BreakGlass, EntryNew, EntryQuery, PatientOut, Retraction
from hms_rt.departments.patients.service import PatientsService
from hms_rt.departments.patients.service.record import COLLECTION
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal, Role
from tests.conftest import PersonFactory, command
from tests.patients.conftest import Registered, Trail, Wards

VITALS = EntryNew(kind=EntryKind.VITALS, body={"heart_rate": 88, "temperature_c": "38.40"})
NOTE = EntryNew(kind=EntryKind.NOTE, body={"text": "restless"})
MEDICATION = EntryNew(kind=EntryKind.MEDICATION, body={"name": "ceftriaxone"})
ALL = EntryQuery()


@pytest.fixture
async def patient(registered: Registered) -> PatientOut:
    return await registered()


@pytest.fixture
async def doctor(person: PersonFactory, wards: Wards, patient: PatientOut) -> Principal:
    made = await person(Role.DOCTOR)
    wards.give(made, patient)
    return made


async def test_an_entry_is_read_as_it_was_written_digit_by_digit(
    patients: PatientsService, doctor: Principal, patient: PatientOut, clock: ManualClock
) -> None:
    late = VITALS.model_copy(update={"occurred_at": clock.now() - timedelta(hours=2)})
    written = await patients.append(doctor, command(), patient.id, late)
    (read,) = (await patients.list_entries(doctor, command(), patient.id, ALL)).items
    assert read.body == VITALS.body
    assert (read.occurred_at, read.recorded_at) == (late.occurred_at, clock.now())
    assert await patients.get_entry(doctor, command(), patient.id, written.id) == read


async def test_the_record_is_paged_by_when_it_happened_and_filtered_by_kind(
    patients: PatientsService, doctor: Principal, patient: PatientOut, clock: ManualClock
) -> None:
    for hours in (1, 3, 2):
        at = clock.now() - timedelta(hours=hours)
        await patients.append(doctor, command(), patient.id, NOTE.model_copy(update={"occurred_at": at}))
    await patients.append(doctor, command(), patient.id, VITALS)
    notes = EntryQuery(kind=EntryKind.NOTE, limit=2)
    first = await patients.list_entries(doctor, command(), patient.id, notes)
    rest = await patients.list_entries(
        doctor, command(), patient.id, notes.model_copy(update={"cursor": first.next_cursor})
    )
    ages = [clock.now() - entry.occurred_at for entry in (*first.items, *rest.items)]
    assert ages == [timedelta(hours=hours) for hours in (1, 2, 3)]
    assert rest.next_cursor is None


async def test_a_correction_supersedes_once_and_both_stay_readable(
    patients: PatientsService, doctor: Principal, patient: PatientOut
) -> None:
    wrong = await patients.append(doctor, command(), patient.id, NOTE)
    correction = NOTE.model_copy(update={"supersedes": wrong.id})
    right = await patients.append(doctor, command(), patient.id, correction)
    states = {
        entry.id: entry.state
        for entry in (await patients.list_entries(doctor, command(), patient.id, ALL)).items
    }
    assert states == {wrong.id: EntryState.CORRECTED, right.id: EntryState.CURRENT}
    with pytest.raises(HmsError) as refused:
        await patients.append(doctor, command(), patient.id, correction)
    assert refused.value.code is Code.CONFLICT


async def test_a_retried_command_appends_once_and_two_corrections_at_once_are_one(
    patients: PatientsService, doctor: Principal, patient: PatientOut
) -> None:
    wrong = await patients.append(doctor, command(key="once"), patient.id, NOTE)
    assert await patients.append(doctor, command(key="once"), patient.id, NOTE) == wrong
    correction = NOTE.model_copy(update={"supersedes": wrong.id})
    outcomes = await asyncio.gather(
        *(patients.append(doctor, command(), patient.id, correction) for _ in range(3)),
        return_exceptions=True,
    )
    refused = [outcome.code for outcome in outcomes if isinstance(outcome, HmsError)]
    assert refused == [Code.CONFLICT, Code.CONFLICT]
    assert len((await patients.list_entries(doctor, command(), patient.id, ALL)).items) == 2


async def test_a_mistake_becomes_entered_in_error_and_is_never_deleted(
    patients: PatientsService, doctor: Principal, patient: PatientOut, hospital: Hospital
) -> None:
    wrong = await patients.append(doctor, command(), patient.id, NOTE)
    why = await patients.retract(doctor, command(), patient.id, wrong.id, Retraction(reason="wrong patient"))
    (shown,) = (await patients.list_entries(doctor, command(), patient.id, ALL)).items
    assert (shown.id, shown.state) == (wrong.id, EntryState.ENTERED_IN_ERROR)
    reason = await patients.get_entry(doctor, command(), patient.id, why.id)
    assert reason.body == {"reason": "wrong patient"}
    async with hospital.engine.connect() as connection:
        with pytest.raises(IntegrityError, match="append-only"):
            await connection.execute(text("DELETE FROM patients_record_entry"))


async def test_an_altered_document_is_not_shown(
    patients: PatientsService, doctor: Principal, patient: PatientOut, hospital: Hospital
) -> None:
    await patients.append(doctor, command(), patient.id, NOTE)
    await hospital.documents.collection(COLLECTION).update_one({}, {"$set": {"body.body.text": "calm"}})
    with pytest.raises(HmsError) as refused:
        await patients.list_entries(doctor, command(), patient.id, ALL)
    assert refused.value.code is Code.INTEGRITY


async def test_a_nurse_writes_vitals_and_notes_but_no_diagnosis(
    patients: PatientsService, person: PersonFactory, wards: Wards, patient: PatientOut
) -> None:
    nurse = await person(Role.NURSE)
    wards.give(nurse, patient)
    await patients.append(nurse, command(), patient.id, VITALS)
    await patients.append(nurse, command(), patient.id, NOTE)
    diagnosis = EntryNew(kind=EntryKind.DIAGNOSIS, body={"text": "sepsis"})
    with pytest.raises(HmsError) as refused:
        await patients.append(nurse, command(), patient.id, diagnosis)
    assert refused.value.code is Code.FORBIDDEN


@pytest.mark.parametrize("role", [Role.ADMIN, Role.RECEPTION, Role.LAB, Role.DOCTOR])
async def test_who_does_not_treat_the_patient_neither_reads_nor_writes(
    patients: PatientsService, person: PersonFactory, patient: PatientOut, role: Role
) -> None:
    somebody = await person(role)
    with pytest.raises(HmsError) as unread:
        await patients.list_entries(somebody, command(), patient.id, ALL)
    with pytest.raises(HmsError) as unwritten:
        await patients.append(somebody, command(), patient.id, NOTE)
    assert {unread.value.code, unwritten.value.code} == {Code.FORBIDDEN}


async def test_breaking_the_glass_opens_the_record_to_a_doctor_and_leaves_a_trace(
    patients: PatientsService, person: PersonFactory, doctor: Principal, patient: PatientOut, trail: Trail
) -> None:
    await patients.append(doctor, command(), patient.id, NOTE)
    stranger, clerk = await person(Role.DOCTOR), await person(Role.RECEPTION)
    glass = BreakGlass(reason="unconscious in the lift")
    read = await patients.list_entries(stranger, command(), patient.id, ALL, glass)
    assert len(read.items) == 1
    await patients.list_entries(doctor, command(), patient.id, ALL, glass)
    with pytest.raises(HmsError) as refused:
        await patients.list_entries(clerk, command(), patient.id, ALL, glass)
    assert refused.value.code is Code.FORBIDDEN
    assert (await trail())[-4:] == ["record.append", "record.break_glass", "record.read", "record.read"]


async def test_pharmacists_read_medication_only(
    patients: PatientsService, person: PersonFactory, doctor: Principal, patient: PatientOut
) -> None:
    note = await patients.append(doctor, command(), patient.id, NOTE)
    await patients.append(doctor, command(), patient.id, MEDICATION)
    pharmacist = await person(Role.PHARMACY)
    (read,) = (await patients.list_entries(pharmacist, command(), patient.id, ALL)).items
    assert read.kind == EntryKind.MEDICATION
    with pytest.raises(HmsError) as hidden:
        await patients.get_entry(pharmacist, command(), patient.id, note.id)
    assert hidden.value.code is Code.NOT_FOUND


async def test_the_record_of_nobody_does_not_exist(patients: PatientsService, doctor: Principal) -> None:
    with pytest.raises(HmsError) as refused:
        await patients.append(doctor, command(), uuid.uuid4(), NOTE)
    assert refused.value.code is Code.NOT_FOUND
