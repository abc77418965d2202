"""Registering, finding and correcting patients, on real servers."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from hms_rt.app import Hospital
from hms_rt.departments.patients.model.patient import check_mrn, issued_mrn
from hms_rt.departments.patients.schemas import PatientNew, PatientQuery, PatientUpdate, Shown
from hms_rt.departments.patients.service import PatientsService, Sex
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.storage.unit_of_work import UnitOfWork
from tests.conftest import PersonFactory, command
from tests.patients.conftest import Registered, Trail, Wards


async def test_the_database_issues_record_numbers_with_a_check_digit_and_passes_over_imported_ones(
    registered: Registered,
) -> None:
    await registered("Given", mrn=issued_mrn(2))
    issued = [(await registered(f"Issued {n}")).mrn for n in range(2)]
    assert issued == [issued_mrn(1), issued_mrn(3)]
    assert all(check_mrn(mrn) for mrn in issued)


async def test_a_record_number_belongs_to_one_patient(registered: Registered) -> None:
    await registered("First", mrn="old-4711")
    with pytest.raises(HmsError) as refused:
        await registered("Second", mrn="OLD-4711")
    assert refused.value.code is Code.CONFLICT


async def test_numbers_issued_at_once_differ(registered: Registered) -> None:
    made = await asyncio.gather(*(registered(f"P{n}") for n in range(8)))
    assert len({patient.mrn for patient in made}) == 8


async def test_an_unidentified_patient_is_identified_later_and_boards_are_told(
    hospital: Hospital, patients: PatientsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(UnitOfWork, "record", lambda uow, event: told.append(event))

    found = await patients.register(SYSTEM, command(), PatientNew(unidentified=True, sex=Sex.MALE))
    assert found.name == f"Unknown {found.id.hex[-4:].upper()}"
    known = await patients.update(
        SYSTEM,
        command(expected_version=found.version),
        found.id,
        PatientUpdate(family_name="Doe", given_name="John"),
    )

    assert (known.name, known.unidentified, known.version) == ("Doe, John", False, 2)
    assert [type(event).__name__ for event in told] == ["PatientRegistered", "PatientRenamed"]
    assert told[1].patient.name == "Doe, John"


async def test_a_change_needs_the_version_that_was_read(
    patients: PatientsService, registered: Registered
) -> None:
    patient = await registered()
    change = PatientUpdate(phone="+43 1 40400")
    await patients.update(SYSTEM, command(expected_version=1), patient.id, change)
    for version, code in ((None, Code.VERSION_REQUIRED), (1, Code.STALE_VERSION)):
        with pytest.raises(HmsError) as refused:
            await patients.update(SYSTEM, command(expected_version=version), patient.id, change)
        assert refused.value.code is code


async def test_a_change_that_changes_nothing_keeps_the_version(
    patients: PatientsService, registered: Registered
) -> None:
    patient = await registered("Curie", birth_date="1897-09-12")
    same = PatientUpdate(family_name="Curie")
    assert (await patients.update(SYSTEM, command(expected_version=1), patient.id, same)).version == 1


async def test_a_retried_registration_answers_the_same_patient(patients: PatientsService) -> None:
    once = replace(command(key="k1"), fingerprint=b"x")
    first = await patients.register(SYSTEM, once, PatientNew(family_name="Curie"))
    again = await patients.register(SYSTEM, once, PatientNew(family_name="Curie"))
    assert again == first


async def test_search_by_beginning_of_the_name_ignores_case_and_accents_and_pages(
    patients: PatientsService, registered: Registered
) -> None:
    for family, given in (("García", "Ana"), ("GARCIA", "Berta"), ("Garciá", "Cleo"), ("Garbo", "Greta")):
        await registered(family, given)
    names: list[str] = []
    cursor: str | None = None
    for _ in range(2):
        page = await patients.search(SYSTEM, command(), PatientQuery(name="garcÍa", limit=2, cursor=cursor))
        names += [patient.given_name for patient in page.items]
        cursor = page.next_cursor
    assert (names, cursor) == (["Ana", "Berta", "Cleo"], None)


async def test_search_by_number_and_by_the_end_of_the_telephone_number(
    patients: PatientsService, registered: Registered
) -> None:
    curie = await registered("Curie", phone="+33 (0)1 23-45")
    await registered("Nobody")
    for query in (PatientQuery(mrn=curie.mrn.lower()), PatientQuery(phone="1 2345")):
        assert [one.id for one in (await patients.search(SYSTEM, command(), query)).items] == [curie.id]
    assert not (await patients.search(SYSTEM, command(), PatientQuery(mrn="NOBODY-1"))).items


async def test_a_name_of_punctuation_alone_is_refused(patients: PatientsService) -> None:
    with pytest.raises(HmsError) as refused:
        await patients.search(SYSTEM, command(), PatientQuery(name="%_"))
    assert refused.value.code is Code.INVALID


@pytest.mark.parametrize("role", [Role.PHARMACY, Role.LAB])
async def test_pharmacy_and_lab_see_what_identifies_and_no_more(
    patients: PatientsService, registered: Registered, person: PersonFactory, role: Role
) -> None:
    patient = await registered(phone="+33 1 2345")
    somebody = await person(role)
    seen = await patients.get(somebody, command(), patient.id)
    assert (seen.shown, seen.phone, seen.mrn) == (Shown.MINIMUM, None, patient.mrn)
    with pytest.raises(HmsError) as refused:
        await patients.update(somebody, command(expected_version=1), patient.id, PatientUpdate(phone="1234"))
    assert refused.value.code is Code.FORBIDDEN


async def test_a_nurse_sees_and_finds_only_patients_in_her_care(
    patients: PatientsService, registered: Registered, person: PersonFactory, wards: Wards
) -> None:
    mine, other = await registered("Curie", "Ève"), await registered("Curie", "Marie")
    nurse = await person(Role.NURSE)
    wards.give(nurse, mine)

    page = await patients.search(nurse, command(), PatientQuery(name="curie"))
    assert [one.id for one in page.items] == [mine.id]
    with pytest.raises(HmsError) as refused:
        await patients.get(nurse, command(), other.id)
    assert refused.value.code is Code.FORBIDDEN


async def test_every_read_and_search_is_accounted_for(
    patients: PatientsService, registered: Registered, trail: Trail
) -> None:
    patient = await registered()
    await patients.get(SYSTEM, command(), patient.id)
    await patients.search(SYSTEM, command(), PatientQuery(name="cur"))
    await patients.search(SYSTEM, command(), PatientQuery(name="nobody"))
    assert await trail() == [
        "patient.register",
        "patient.read",
        "patient.found",
        "patient.search",
        "patient.search",
    ]


async def test_other_departments_lock_and_name_patients(
    hospital: Hospital, patients: PatientsService, registered: Registered
) -> None:
    curie = await registered("Curie", "Marie", sex="female")

    async def work(uow: UnitOfWork) -> None:
        locked = await patients.lock(uow, curie.id)
        assert (locked.name, locked.sex) == ("Curie, Marie", Sex.FEMALE)
        assert await patients.brief(uow, [curie.id]) == {curie.id: locked}
        with pytest.raises(HmsError, match="does not exist"):
            await patients.lock(uow, uow.ids.new())

    await hospital.units.execute(SYSTEM, command(), type(None), work)
