"""Patients who move in: nobody twice, nobody mixed up with somebody else, nothing half done."""

import pytest
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.patients.schemas import PatientNew, PatientQuery, PatientUpdate
from hms_rt.importing.kinds import Kind
from hms_rt.importing.patients import PatientsImporter
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import command
from tests.importing.conftest import Desk, counts, told

HEADER = "mrn,family_name,given_name,birth_date,sex,phone\n"


async def everybody(hospital: Hospital) -> list[tuple[str, str]]:
    async with hospital.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT mrn, family_name FROM patients_patient ORDER BY family_name, mrn")
        )
        return [(row.mrn, row.family_name) for row in rows]


async def test_the_same_file_again_finds_everybody_also_those_without_a_number(
    desk: Desk, hospital: Hospital
) -> None:
    content = HEADER + (
        "A-100,Curie,Marie,1967-11-07,f,+33 1 4432\n"
        ",Noether,Emmy,1982-03-23,F,\n"
        ",Müller,,,,\n"
        ",Noether,Emmy,1983-03-23,female,\n"
    )
    assert counts(await desk.bring(Kind.PATIENTS, content)) == (4, 0, 0)
    before = await everybody(hospital)
    assert counts(await desk.bring(Kind.PATIENTS, content)) == (0, 4, 0)
    assert await everybody(hospital) == before
    report = (desk.folder / "report.csv").read_text()
    assert "Noether" not in report
    assert all(mrn in report for mrn, _ in before)


async def test_a_file_in_which_somebody_appears_twice(desk: Desk, hospital: Hospital) -> None:
    summary = await desk.bring(
        Kind.PATIENTS,
        HEADER
        + "A-100,Curie,Marie,1967-11-07,,\n"
        + "a-100,Curie,Irène,1997-09-12,,\n"
        + ",Curie,Marie,1967-11-07,,\n"
        + ",CURIE,Marié,1967-11-07,,\n"
        + "A-101,Curie,Marie,1967-11-07,,\n",
    )
    assert counts(summary) == (2, 0, 3)
    assert told(summary) == {
        3: "the same MRN is on line 2",
        4: "the same name and birth date is on line 2",
        5: "the same name and birth date is on line 2",
    }
    assert [mrn for mrn, _ in await everybody(hospital)] == ["A-100", "A-101"]


async def test_a_line_that_contradicts_a_registered_patient_is_refused_and_changes_nobody(
    desk: Desk, services: Services
) -> None:
    await desk.bring(Kind.PATIENTS, HEADER + "A-100,Curie,Marie,1967-11-07,f,1234\n,Noether,Emmy,,f,\n")
    summary = await desk.bring(
        Kind.PATIENTS,
        HEADER + "A-100,Curie,Maria,1967-11-08,,1234\n,Noether,Emmy,,m,\nA-100,Curie,,,,\n",
    )
    assert counts(summary) == (0, 0, 3)
    assert told(summary)[2] == "exists with other given_name, birth_date"
    assert told(summary)[3].startswith("a patient of this name and birth date is registered with other sex")
    assert "line 2" in told(summary)[4]
    (found,) = (await services.patients.search(SYSTEM, command(), PatientQuery(mrn="A-100"))).items
    assert (found.given_name, found.version) == ("Marie", 1)


async def test_what_a_line_leaves_empty_contradicts_nothing(desk: Desk, services: Services) -> None:
    await desk.bring(Kind.PATIENTS, "mrn,family_name\nA-100,Curie\n")
    (found,) = (await services.patients.search(SYSTEM, command(), PatientQuery(mrn="A-100"))).items
    await services.patients.update(
        SYSTEM, command(expected_version=1), found.id, PatientUpdate(phone="+33 1 4432")
    )
    assert counts(await desk.bring(Kind.PATIENTS, "mrn,family_name\nA-100,Curie\n")) == (0, 1, 0)


BAD_LINES = [
    ("A-1,,Marie,,,", "family_name"),
    ("A 1,Curie,,,,", "mrn: an MRN is 3 to 20"),
    ("MRN-00000012,Curie,,,,", "check digit"),
    (",Curie,,07.11.1967,,", "birth_date: write it as YYYY-MM-DD"),
    (",Curie,,19671107,,", "birth_date: write it as YYYY-MM-DD"),
    (",Curie,,86400,,", "birth_date: write it as YYYY-MM-DD"),
    (",Curie,,1967-02-30,,", "birth_date"),
    (",Curie,,2999-01-01,,", "birth_date: must lie between"),
    (",Curie,,1700-01-01,,", "birth_date"),
    (",Curie,,,x,", "sex"),
    (",Curie,,,,12", "phone"),
    (f",{'x' * 121},,,,", "family_name"),
    (f",Curie,{'x' * 100_000},,,", "given_name"),
    (",Cu\x07rie,,,,", "control characters"),
    (",Cu\0rie,,,,", "NUL"),
    (",Curie", "fields"),
]
"""A line, and what is said of it."""


async def test_bad_lines_are_named_and_their_neighbours_are_imported(desk: Desk) -> None:
    content = f"{HEADER},Before,,,,\n" + "".join(f"{line}\n" for line, _ in BAD_LINES) + ",After,,,,\n"
    for dry_run in (True, False):
        summary = await desk.bring(Kind.PATIENTS, content, dry_run=dry_run)
        assert counts(summary) == (2, 0, len(BAD_LINES))
        for number, (line, said) in enumerate(BAD_LINES, start=3):
            assert said in told(summary)[number], line[:40]
            assert "Value error" not in told(summary)[number]


async def test_a_number_taken_between_plan_and_commit_refuses_its_own_line_only(
    desk: Desk, services: Services, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PatientsImporter.carry_out
    taken = False

    async def carry_out(self: PatientsImporter, wanted: object) -> object:
        nonlocal taken
        if not taken:
            taken = True
            await services.patients.register(SYSTEM, command(), PatientNew(family_name="Other", mrn="A-101"))
        return await real(self, wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(PatientsImporter, "carry_out", carry_out)
    summary = await desk.bring(Kind.PATIENTS, "mrn,family_name\nA-100,One\nA-101,Two\nA-102,Three\n")
    assert counts(summary) == (2, 0, 1)
    assert told(summary) == {3: "a patient with this MRN is registered already"}
    assert {mrn for mrn, _ in await everybody(hospital)} == {"A-100", "A-101", "A-102"}


async def test_a_database_that_goes_away_ends_the_import_and_running_it_again_completes_it(
    desk: Desk, services: Services, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientsImporter, "batch", 2)
    real = type(services.patients).register_all
    calls = 0

    async def register_all(*args: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise HmsError(Code.UNAVAILABLE, "the database does not answer: try again")
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(type(services.patients), "register_all", register_all)
    content = "family_name\n" + "".join(f"Person {number}\n" for number in range(5))
    summary = await desk.bring(Kind.PATIENTS, content)
    assert summary.stopped == "the database does not answer: try again"
    assert (summary.done, summary.lines, summary.clean) == (2, 5, False)
    assert counts(await desk.bring(Kind.PATIENTS, content)) == (3, 2, 0)
    assert len(await everybody(hospital)) == 5


async def test_every_patient_is_audited_like_any_other(desk: Desk, hospital: Hospital) -> None:
    await desk.bring(Kind.PATIENTS, "mrn,family_name\nA-100,Curie\nA-101,Noether\n")
    async with hospital.engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT p.mrn, a.principal_kind, a.request_id FROM audit_log a "
                "JOIN patients_patient p ON p.id = a.patient_id WHERE a.action = 'patient.register'"
            )
        )
        found = sorted(tuple(row) for row in rows)
    assert [(mrn, kind) for mrn, kind, _ in found] == [("A-100", "system"), ("A-101", "system")]
    assert all(request_id.startswith("import ") for _, _, request_id in found)
