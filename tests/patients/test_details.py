"""Numbers, contacts, allergies, death and restriction, on real servers."""

import uuid
from datetime import date

import pytest

from hms_rt.departments.patients.model.allergy import AllergyKind, AllergyStatus
from hms_rt.departments.patients.model.contact import ContactKind
from hms_rt.departments.patients.model.identifier import IdentifierType
from hms_rt.departments.patients.schemas import (
    BreakGlass,
    EntryQuery,
    PatientOut,
    PatientQuery,
    PatientUpdate,
    Shown,
)
from hms_rt.departments.patients.schemas.allergies import (
    AllergyError,
    AllergyIn,
    AllergyQuery,
    AllergyVerification,
)
from hms_rt.departments.patients.schemas.details import (
    ContactChange,
    ContactIn,
    DeathIn,
    IdentifierError,
    IdentifierIn,
    RestrictedQuery,
    WhyIn,
)
from hms_rt.departments.patients.service import PatientsService
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import PersonFactory, command
from tests.patients.conftest import Registered, Trail, Wards

WHY = WhyIn(reason="works here")
PASSPORT = IdentifierIn(type=IdentifierType.PASSPORT, issuer="AT", value="P 123-456")
FAMILY = IdentifierIn(type=IdentifierType.INSURANCE, issuer="AT-SV", value="99 1234")
NONE_KNOWN = AllergyIn(kind=AllergyKind.NONE_KNOWN)
CHECKED = AllergyVerification()
PENICILLIN = AllergyIn(substance="penicillin", code_system="ATC", code="J01CE")


@pytest.fixture
async def patient(registered: Registered) -> PatientOut:
    return await registered()


@pytest.fixture
async def doctor(person: PersonFactory, wards: Wards, patient: PatientOut) -> Principal:
    made = await person(Role.DOCTOR)
    wards.give(made, patient)
    return made


async def refused(code: Code, doing: object) -> HmsError:
    with pytest.raises(HmsError) as raised:
        await doing  # type: ignore[misc]
    assert raised.value.code is code, raised.value
    return raised.value


async def test_a_number_belongs_to_one_patient_where_its_issuer_says_so(
    patients: PatientsService, patient: PatientOut, registered: Registered, trail: Trail
) -> None:
    other = await registered("Meitner")
    one = await patients.add_identifier(SYSTEM, command(), patient.id, PASSPORT)
    again = PASSPORT.model_copy(update={"value": "p123456"})
    await refused(Code.CONFLICT, patients.add_identifier(SYSTEM, command(), other.id, again))
    for mine in (patient, other):
        await patients.add_identifier(SYSTEM, command(), mine.id, FAMILY)

    async def found(number: str) -> set[uuid.UUID]:
        page = await patients.search(SYSTEM, command(), PatientQuery(identifier=number))
        return {item.id for item in page.items}

    assert await found("P123 456") == {patient.id}
    assert await found("991234") == {patient.id, other.id}
    assert await found(patient.mrn.lower()) == {patient.id}
    why = IdentifierError(reason="someone else's card")
    wrong = await patients.retract_identifier(SYSTEM, command(), patient.id, one.id, why)
    assert wrong.error_reason == why.reason
    await refused(Code.CONFLICT, patients.retract_identifier(SYSTEM, command(), patient.id, one.id, why))
    assert await found("P123 456") == set()
    await patients.add_identifier(SYSTEM, command(), other.id, PASSPORT)
    listed = (await patients.identifiers(SYSTEM, command(), patient.id)).items
    assert [(item.value, item.error_reason is None) for item in listed] == [
        ("P 123-456", False),
        ("99 1234", True),
    ]
    assert "patient.retract_identifier" in await trail()
    backwards = PASSPORT.model_copy(update={"valid_from": date(2020, 1, 2), "valid_until": date(2020, 1, 1)})
    await refused(Code.INVALID, patients.add_identifier(SYSTEM, command(), patient.id, backwards))


async def test_contacts_are_kept_and_retired(patients: PatientsService, patient: PatientOut) -> None:
    new = ContactIn(kind=ContactKind.NEXT_OF_KIN, name="Irène", relationship="daughter", phone="0664 1234")
    made = await patients.add_contact(SYSTEM, command(), patient.id, new)
    change = ContactChange(active=False, phone=None)
    await refused(
        Code.VERSION_REQUIRED, patients.change_contact(SYSTEM, command(), patient.id, made.id, change)
    )
    changed = await patients.change_contact(SYSTEM, command(expected_version=1), patient.id, made.id, change)
    assert (changed.active, changed.phone, changed.relationship, changed.version) == (
        False,
        "",
        "daughter",
        2,
    )
    assert (await patients.contacts(SYSTEM, command(), patient.id)).items == [changed]


async def test_allergies_are_stated_verified_and_retracted(
    patients: PatientsService, doctor: Principal, patient: PatientOut, person: PersonFactory
) -> None:
    async def now() -> list[tuple[str | None, bool]]:
        page = await patients.list_allergies(doctor, command(), patient.id, AllergyQuery())
        return [(item.substance, item.verified_by is not None) for item in page.items]

    none = await patients.add_allergy(doctor, command(), patient.id, NONE_KNOWN)
    await refused(Code.CONFLICT, patients.add_allergy(doctor, command(), patient.id, NONE_KNOWN))
    stated = await patients.add_allergy(doctor, command(), patient.id, PENICILLIN)
    assert (stated.supersedes, await now()) == (none.id, [("penicillin", False)])
    await refused(Code.CONFLICT, patients.add_allergy(doctor, command(), patient.id, NONE_KNOWN))
    verified = await patients.verify_allergy(doctor, command(), patient.id, stated.id, CHECKED)
    assert await now() == [("penicillin", True)]
    for old in (stated.id, verified.id):
        await refused(Code.CONFLICT, patients.verify_allergy(doctor, command(), patient.id, old, CHECKED))
    async with patients._units.reading() as connection:
        (known,) = await patients.allergies(connection, patient.id)
    assert known.warns
    gone = PENICILLIN.model_copy(update={"status": AllergyStatus.REFUTED, "supersedes": verified.id})
    refuted = await patients.add_allergy(doctor, command(), patient.id, gone)
    why = AllergyError(reason="wrong patient")
    await patients.retract_allergy(doctor, command(), patient.id, refuted.id, why)
    assert await now() == []
    query = AllergyQuery(history=True)
    pharmacist = await person(Role.PHARMACY)
    history = (await patients.list_allergies(pharmacist, command(), patient.id, query)).items
    assert [item.current for item in history] == [False] * 5
    assert (await patients.add_allergy(doctor, command(), patient.id, NONE_KNOWN)).current
    stranger = await person(Role.DOCTOR)
    glass = BreakGlass(reason="found unconscious")
    for reader in (stranger, await person(Role.RECEPTION)):
        await refused(Code.FORBIDDEN, patients.list_allergies(reader, command(), patient.id, AllergyQuery()))
    opened = await patients.list_allergies(stranger, command(), patient.id, AllergyQuery(), glass)
    assert len(opened.items) == 1


async def test_a_death_is_recorded_once_and_may_be_revoked(
    patients: PatientsService, doctor: Principal, patient: PatientOut, trail: Trail
) -> None:
    await refused(Code.ILLEGAL_MOVE, patients.revoke_death(doctor, command(), patient.id, WHY))
    dead = await patients.record_death(doctor, command(), patient.id, DeathIn(occurred_at=patient.created_at))
    assert (dead.deceased_at, dead.version) == (patient.created_at, 2)
    told = await refused(Code.ILLEGAL_MOVE, patients.record_death(doctor, command(), patient.id, DeathIn()))
    assert told.fields["legal"] == ["revoke_death"]
    assert (await patients.revoke_death(doctor, command(), patient.id, WHY)).deceased_at is None
    assert [line for line in await trail() if "death" in line] == [
        "patient.record_death",
        "patient.revoke_death",
    ]


async def test_a_restricted_record_is_closed_to_all_but_those_who_treat(
    patients: PatientsService, doctor: Principal, patient: PatientOut, person: PersonFactory, trail: Trail
) -> None:
    officer = await person(Role.RECEPTION, privacy_officer="")
    admin, stranger = await person(Role.ADMIN), await person(Role.DOCTOR)
    await refused(Code.FORBIDDEN, patients.restrict(doctor, command(), patient.id, WHY))
    await patients.restrict(officer, command(), patient.id, WHY)
    await refused(Code.ILLEGAL_MOVE, patients.restrict(officer, command(), patient.id, WHY))

    for reader in (admin, officer, stranger):
        (masked,) = (await patients.search(reader, command(), PatientQuery(name="curie"))).items
        assert (masked.shown, masked.id) == (Shown.MASKED, patient.id)
        assert "urie" not in masked.model_dump_json()
        assert patient.mrn not in masked.model_dump_json()
        await refused(Code.FORBIDDEN, patients.get(reader, command(), patient.id))
        await refused(Code.FORBIDDEN, patients.contacts(reader, command(), patient.id))
    change = PatientUpdate(given_name="M.")
    await refused(Code.FORBIDDEN, patients.update(admin, command(expected_version=2), patient.id, change))
    (shown,) = (await patients.search(doctor, command(), PatientQuery(name="curie"))).items
    assert (shown.shown, shown.restricted) == (Shown.ALL, True)

    glass = BreakGlass(reason="found unconscious")
    await refused(Code.FORBIDDEN, patients.get(admin, command(), patient.id, glass))
    assert (await patients.get(stranger, command(), patient.id, glass)).name == "Curie"
    await refused(Code.FORBIDDEN, patients.list_entries(stranger, command(), patient.id, EntryQuery()))
    await patients.list_entries(stranger, command(), patient.id, EntryQuery(), glass)
    assert (await trail()).count("record.break_glass") == 2

    listed = await patients.restricted(officer, command(), RestrictedQuery())
    assert [item.id for item in listed.items] == [patient.id]
    await patients.unrestrict(officer, command(), patient.id, WHY)
    await refused(Code.ILLEGAL_MOVE, patients.unrestrict(officer, command(), patient.id, WHY))
    assert (await patients.get(admin, command(), patient.id)).name == "Curie"
