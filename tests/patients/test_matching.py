"""Nobody is registered twice unless somebody says why."""

import asyncio
from datetime import date
from typing import Any

import pytest

from hms_rt.departments.patients.model.identifier import IdentifierType
from hms_rt.departments.patients.model.matching import (
    POSSIBLE,
    PROBABLE,
    Person,
    asked,
    compare,
    folded,
    keys,
)
from hms_rt.departments.patients.model.patient import Sex
from hms_rt.departments.patients.schemas import MergeIn, PatientNew, PatientOut, PatientProbe, PatientUpdate
from hms_rt.departments.patients.schemas.details import IdentifierIn, WhyIn
from hms_rt.departments.patients.service import PatientsService
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from tests.conftest import PersonFactory, command

BORN = date(1971, 4, 9)


def somebody(family: str = "Müller", given: str = "Johanna", **other: Any) -> Person:
    told = {"sex": Sex.FEMALE, "birth_date": BORN, "phone": "+43 664 123 45 67", **other}
    return Person(family, given, **told)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "Mueller"),
        ("Müller", "MULLER"),
        ("Щербаков", "Sherbakov"),
        ("Παπαδόπουλος", "Papadopoulos"),
        ("Philipp", "Filip"),
        ("Meyer", "Meier"),
        ("Schmidt", "Shmidt"),
        ("O'Brien", "O Brien"),
    ],
)
def test_spellings_of_one_name_compare_as_one(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("other", "least", "most"),
    [
        (somebody(), 100, 100),
        (somebody("Mueller"), 100, 100),
        (somebody("Johanna", "Müller"), 100, 100),
        (somebody(given="Johana Maria", phone=""), PROBABLE, 99),
        (somebody(given="Johnana", phone=""), PROBABLE, 99),
        (somebody(birth_date=date(1971, 9, 4), phone=""), PROBABLE, 99),
        (somebody(birth_date=date(1971, 4, 8), phone=""), PROBABLE, 99),
        (somebody(birth_date=None, phone="0664 1234567"), POSSIBLE, PROBABLE - 1),
        (somebody(birth_date=None, phone=""), 0, POSSIBLE - 1),
        (somebody(birth_date=date(1950, 1, 1), phone=""), 0, POSSIBLE - 1),
        (somebody(birth_date=date(1950, 1, 1), sex=Sex.MALE, phone=""), 0, POSSIBLE - 1),
        (somebody("Huber"), PROBABLE, 99),
        (somebody("Huber", phone=""), POSSIBLE, PROBABLE - 1),
        (somebody(given="Lena", phone=""), 0, PROBABLE - 1),
        (somebody("Özdemir", "Ali", phone=""), 0, 0),
    ],
)
def test_the_score_says_who_may_be_one(other: Person, least: int, most: int) -> None:
    found = compare(somebody(), other)
    assert least <= found.score <= most, found
    assert compare(other, somebody()).score == found.score
    if found.score >= POSSIBLE:
        assert asked(other) & keys(somebody()), "they share a key"


@pytest.fixture
async def curie(patients: PatientsService) -> PatientOut:
    return await patients.register(SYSTEM, command(), new())


def new(**other: Any) -> PatientNew:
    told = {"family_name": "Curie", "given_name": "Marie", "birth_date": "1967-11-07", "sex": "female"}
    return PatientNew.model_validate({**told, **other})


async def told(patients: PatientsService, asked_for: PatientNew) -> list[dict[str, str]]:
    """The candidates that a registration is refused with."""
    with pytest.raises(HmsError) as raised:
        await patients.register(SYSTEM, command(), asked_for)
    assert raised.value.code is Code.POSSIBLE_DUPLICATE, raised.value
    found = raised.value.fields["candidates"]
    assert isinstance(found, list)
    return [dict(one) for one in found if isinstance(one, dict)]


async def test_a_second_registration_is_refused_until_somebody_says_why(
    patients: PatientsService, curie: PatientOut, person: PersonFactory
) -> None:
    for again in (new(), new(family_name="Kurie"), new(family_name="Marie", given_name="Curie")):
        (found,) = await told(patients, again)
        assert found["id"] == str(curie.id)
        assert "Curie" not in str(found)
    twin = await patients.register(SYSTEM, command(), new(confirm_new="her cousin of that name"))
    assert {one["id"] for one in await told(patients, new())} == {str(curie.id), str(twin.id)}
    await patients.register(SYSTEM, command(), new(family_name="Meitner", given_name="Lise"))
    await patients.register(SYSTEM, command(), new(birth_date="1999-01-31"))
    for _ in range(2):
        await patients.register(SYSTEM, command(), PatientNew(unidentified=True))

    await patients.update(
        SYSTEM, command(expected_version=1), twin.id, PatientUpdate(family_name="Sklodowska")
    )
    (found,) = await told(patients, new(family_name="Skłodowska"))
    assert (found["id"], found["because"]) == (str(twin.id), "name, birth date, sex")
    merge = MergeIn(from_id=twin.id, reason="no cousin")
    await patients.merge(SYSTEM, command(), curie.id, merge)
    (found,) = await told(patients, new(family_name="Skłodowska"))
    assert found["id"] == str(curie.id)

    reception = await person(Role.RECEPTION)
    card = IdentifierIn(type=IdentifierType.PASSPORT, issuer="PL", value="AB 12")
    await patients.add_identifier(SYSTEM, command(), curie.id, card)
    probe = PatientProbe(family_name="Unlike", identifier="ab12")
    (shown,) = (await patients.match(reception, command(), probe)).items
    assert (shown.patient.id, shown.score, shown.because) == (curie.id, 100, ["identifier"])
    await patients.restrict(SYSTEM, command(), curie.id, WhyIn(reason="works here"))
    (shown,) = (await patients.match(reception, command(), probe)).items
    assert shown.patient.name == "Restricted"


async def test_one_person_registered_at_many_desks_at_once_is_registered_once(
    patients: PatientsService,
) -> None:
    spelled = ("Curie", "Kurie", "CURIE", "Currie")
    outcomes = await asyncio.gather(
        *(patients.register(SYSTEM, command(), new(family_name=spelled[number % 4])) for number in range(12)),
        return_exceptions=True,
    )
    refused = [one for one in outcomes if isinstance(one, HmsError)]
    assert [one.code for one in refused] == [Code.POSSIBLE_DUPLICATE] * 11
