"""A ward's census: complete, on one page, for its own staff alone."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from reportlab.lib.units import mm

from hms_rt import paper
from hms_rt.app import Hospital
from hms_rt.departments.boards.reading import COLUMNS, census_sheet
from hms_rt.departments.boards.schemas import CensusOut
from hms_rt.departments.boards.service import years
from hms_rt.departments.patients.schemas.details import WhyIn
from hms_rt.departments.patients.schemas.record import EntryNew, Retraction
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.boards.conftest import FillWard
from tests.conftest import ClientFactory, PersonFactory, command

VIENNA = ZoneInfo("Europe/Vienna")
BORN = date(1957, 3, 9)


def pages(content: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", content))


async def census_of(services: Services, person: PersonFactory) -> CensusOut:
    nurse = await person(Role.NURSE, ward="ICU")
    return await services.boards.census(nurse, command(), "ICU")


async def test_a_nurse_has_every_bed_with_what_she_needs_at_night(
    services: Services, person: PersonFactory, fill: FillWard, hospital: Hospital
) -> None:
    doctor = await fill(4, 2)
    census = await census_of(services, person)
    first, second, third, _ = census.beds
    assert (census.occupied, census.total, census.at) == (2, 4, hospital.clock.now())
    assert first.patient is not None
    assert second.patient is not None
    assert (first.isolation, second.isolation, third.patient) == (True, False, None)
    assert first.patient.name == "Okonkwo-Lindqvist0, Ada"
    assert (first.patient.doctor, first.patient.leaving) == (doctor.name, True)
    assert (first.patient.allergies, first.patient.allergies_asked) == (["Penicillin"], True)
    assert first.patient.age == years(BORN, hospital.clock.now())
    assert any("specimens to collect" in one for one in first.patient.outstanding)
    assert (second.patient.allergies_asked, second.patient.outstanding) == (False, [])
    async with hospital.units.reading() as connection:
        rows = await connection.exec_driver_sql("SELECT detail FROM audit_log WHERE action = 'ward.census'")
        (detail,) = rows.scalars()
    assert set(detail["patients"]) == {str(bed.patient.patient_id) for bed in (first, second) if bed.patient}


async def test_names_are_for_the_wards_own_staff_alone(
    services: Services, person: PersonFactory, fill: FillWard
) -> None:
    await fill(1, 0)
    for who in (
        await person(Role.ADMIN),
        await person(Role.RECEPTION),
        await person(Role.NURSE, ward="MED"),
        await person(Role.DOCTOR),
        await person(Role.LAB),
    ):
        with pytest.raises(HmsError) as refused:
            await services.boards.census(who, command(), "ICU")
        assert refused.value.code is Code.FORBIDDEN
    nurse = await person(Role.NURSE, ward="MED")
    with pytest.raises(HmsError) as missing:
        await services.boards.census(nurse, command(), "MED")
    assert missing.value.code is Code.NOT_FOUND


async def test_the_pdf_of_a_full_ward_is_one_page(client_as: ClientFactory, fill: FillWard) -> None:
    await fill(40, 3)
    nurse = await client_as(Role.NURSE, ward="ICU")
    answer = await nurse.get("/api/v1/wards/ICU/census.pdf")
    content = await answer.read()
    assert (answer.status, answer.content_type) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
    assert pages(content) == 1


@pytest.mark.parametrize(
    ("beds", "wanted"), [(0, 1), (1, 1), (40, 1), (paper.ACROSS.lines, 1), (paper.ACROSS.lines + 1, 2)]
)
def test_lines_go_on_to_another_page_before_they_are_too_small_to_read(beds: int, wanted: int) -> None:
    line = paper.Line(("x" * 200,) * len(COLUMNS))
    content = paper.pdf(paper.Sheet("Ward", "now", "note", COLUMNS, [line] * beds))
    assert pages(content) == wanted


def test_the_columns_are_as_wide_as_the_page() -> None:
    assert sum(wide for _, wide in COLUMNS) * mm <= paper.ACROSS.inner


def test_what_is_unknown_is_told_and_never_left_blank() -> None:
    occupant: dict[str, Any] = {
        "patient_id": "0190a000-0000-7000-8000-000000000001",
        "name": "Łukasz Ōtani",
        "restricted": False,
        "mrn": "MRN-1",
        "birth_date": None,
        "age": None,
        "sex": "unknown",
        "since": "2026-03-02T08:00:00Z",
        "doctor": None,
        "leaving": False,
        "allergies": [],
        "allergies_asked": False,
        "outstanding": [],
        "vitals": {
            "at": "2026-03-02T21:10:00Z",
            "readings": {
                "systolic": "120",
                "spo2_percent": "96",
                "respiratory_rate": "18",
                "heart_rate": "88",
            },
        },
    }
    bed = {
        "code": "01",
        "room": "R1",
        "status": "occupied",
        "isolation": True,
        "isolation_kind": "droplet",
        "beside": None,
        "patient": occupant,
    }
    empty = {**bed, "code": "02", "status": "out_of_service", "isolation": False, "patient": None}
    empty["isolation_kind"] = None
    cot = {**bed, "code": "C1", "isolation": False, "isolation_kind": None, "beside": "01"}
    census = CensusOut.model_validate(
        {
            "ward": "ICU",
            "name": "Intensive care",
            "at": datetime(2026, 3, 2, 23, 5, tzinfo=UTC),
            "occupied": 1,
            "total": 2,
            "vitals_known": False,
            "beds": [bed, empty, cot],
        }
    )
    sheet = census_sheet(census, VIENNA)
    assert sheet.moment == "2026-03-03  00:05"
    told = "02.03. 22:10 RR 18 SpO2 96 BP 120/? HR 88"
    assert sheet.note.endswith("Vitals are not available. Confidential: destroy when replaced.")
    assert sheet.lines[2].cells[-1] == "beside 01"
    warned = "! DROPLET ISOLATION, not asked"
    assert sheet.lines[0].cells == ("01", "Łukasz Ōtani", "? ?", "MRN-1", "", warned, told, "")
    assert sheet.lines[1].cells[1] == "(out of service)"
    assert paper.pdf(sheet)[:5] == b"%PDF-"


@pytest.mark.parametrize(
    ("now", "age"),
    [((2026, 3, 8), 68), ((2026, 3, 9), 69), ((1957, 3, 9), 0), ((1957, 3, 1), 0)],
)
def test_ages_change_on_birthdays_and_are_never_below_zero(now: tuple[int, int, int], age: int) -> None:
    assert years(BORN, datetime(*now, tzinfo=UTC)) == age


async def test_the_last_vitals_are_told_and_no_name_of_a_restricted_patient(
    services: Services, person: PersonFactory, fill: FillWard, hospital: Hospital
) -> None:
    await fill(2, 2)
    nurse = await person(Role.NURSE, ward="ICU")
    before = await services.boards.census(nurse, command(), "ICU")
    first, second = (bed.patient for bed in before.beds)
    assert first is not None
    assert second is not None
    assert (before.vitals_known, first.vitals) == (True, None)
    now = hospital.clock.now()
    told: list[tuple[int, dict[str, Any]]] = [
        (90, {"respiratory_rate": 30}),
        (30, {"systolic": 120, "diastolic": 70, "temperature_c": "37.4", "pain_score": 2}),
        (10, {"weight_kg": "71.5"}),
    ]
    for minutes, body in told:
        new = EntryNew(kind="vitals", occurred_at=now - timedelta(minutes=minutes), body=body)
        await services.patients.append(nurse, command(), first.patient_id, new)
    wrong = await services.patients.append(
        nurse, command(), first.patient_id, EntryNew(kind="vitals", body={"heart_rate": 300})
    )
    why = Retraction(reason="another patient's")
    await services.patients.retract(nurse, command(), first.patient_id, wrong.id, why)
    read = await services.patients.get(SYSTEM, command(), second.patient_id)
    close, why_closed = command(expected_version=read.version), WhyIn(reason="known to the staff")
    await services.patients.restrict(SYSTEM, close, second.patient_id, why_closed)

    after = await services.boards.census(nurse, command(), "ICU")
    first, second = (bed.patient for bed in after.beds)
    assert first is not None
    assert second is not None
    assert first.vitals is not None
    assert first.vitals.at == now - timedelta(minutes=30), "weight alone is none of them"
    assert first.vitals.readings == {"systolic": "120", "diastolic": "70", "temperature_c": "37.4"}
    assert (second.name, second.restricted, second.vitals) == ("Restricted", True, None)
    assert "BP 120/70 T 37.4" in census_sheet(after, VIENNA).lines[0].cells[6]
