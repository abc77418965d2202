"""CSV files into the hospital: every line reported, nothing twice, a dry run changes nothing."""

import stat

import pytest
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.beds.schemas import BedQuery
from hms_rt.departments.identity.schemas import Login, UserQuery
from hms_rt.departments.patients.schemas import PatientQuery
from hms_rt.importing.kinds import Kind
from hms_rt.importing.outcome import Outcome
from hms_rt.importing.source import SourceError
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import command
from tests.importing.conftest import Desk, counts

BEDS = "ward,ward_name,room,bed\nICU,Intensive care,R1,01\nICU,Intensive care,R1,02\nMED,Medicine,1,A\n"


async def test_beds_are_imported_once_however_often_the_file_is(desk: Desk, services: Services) -> None:
    assert counts(await desk.bring(Kind.BEDS, BEDS)) == (3, 0, 0)
    assert counts(await desk.bring(Kind.BEDS, BEDS)) == (0, 3, 0)
    beds = await services.beds.beds(SYSTEM, command(), BedQuery(ward="ICU"))
    assert [(bed.room, bed.code, bed.status) for bed in beds.items] == [
        ("R1", "01", "available"),
        ("R1", "02", "available"),
    ]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (Kind.BEDS, BEDS),
        (Kind.STAFF, "username,display_name,roles\nada,Ada,admin\n"),
        (Kind.PATIENTS, "family_name,mrn\nCurie,A-100\n"),
    ],
)
async def test_a_dry_run_says_what_it_would_do_and_changes_nothing(
    desk: Desk, hospital: Hospital, kind: Kind, content: str
) -> None:
    async def everything() -> list[int]:
        async with hospital.engine.connect() as connection:
            tables = ("beds_ward", "beds_bed", "identity_user", "patients_patient", "audit_log", "change_log")
            return [
                (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()
                for name in tables
            ]

    before = await everything()
    summary = await desk.bring(kind, content, dry_run=True)
    assert summary.clean
    assert summary.counts[Outcome.CREATED] == summary.lines
    assert await everything() == before
    assert not desk.passwords.exists()


async def test_each_bad_line_is_named_and_the_good_ones_are_imported(desk: Desk) -> None:
    summary = await desk.bring(
        Kind.BEDS, BEDS + "icu,Lower case,R1,09\nICU,Intensive care,R2,01\n,,R1,1\nMED,Medicine,1,B\n"
    )
    assert counts(summary) == (4, 0, 3)
    assert [refusal.line for refusal in summary.refusals] == [5, 6, 7]
    lines = (desk.folder / "report.csv").read_text().splitlines()
    assert len(lines) == 1 + 7
    assert lines[4].startswith("5,refused")


async def test_stop_on_error_carries_out_nothing_after_the_bad_line(desk: Desk) -> None:
    content = "ward,ward_name,room,bed\nICU,Intensive care,R1,01\n!,x,R1,1\nICU,Intensive care,R1,02\n"
    summary = await desk.bring(Kind.BEDS, content, stop_on_error=True)
    assert counts(summary) == (1, 0, 1)
    assert summary.stopped


async def test_staff_get_roles_assignments_and_a_password_that_only_the_operator_can_read(
    desk: Desk, services: Services
) -> None:
    await desk.bring(Kind.BEDS, BEDS)
    content = "username,display_name,roles,assignments\nnora,Nora N,nurse,ward:ICU;charge_nurse:ICU\n"
    assert counts(await desk.bring(Kind.STAFF, content)) == (1, 0, 0)
    (user,) = (await services.identity.list_users(SYSTEM, UserQuery())).items
    assert (user.username, user.roles) == ("nora", ["nurse"])
    assert {(given.kind, given.place) for given in user.assignments} == {
        ("ward", "ICU"),
        ("charge_nurse", "ICU"),
    }
    assert stat.S_IMODE(desk.passwords.stat().st_mode) == 0o600
    password = desk.passwords.read_text().splitlines()[1].split(",")[1]
    login = Login.model_validate({"username": "nora", "password": password})
    assert (await services.identity.login(command(), login)).principal.id == user.id


async def test_patients_keep_their_number_and_get_one_without(desk: Desk, services: Services) -> None:
    header, *lines = [
        "mrn,family_name,given_name,birth_date",
        "A-100,Curie,Marie,1967-11-07",
        ",Noether,Emmy,",
    ]
    assert counts(await desk.bring(Kind.PATIENTS, "\n".join([header, *lines]))) == (2, 0, 0)
    (found,) = (await services.patients.search(SYSTEM, command(), PatientQuery(mrn="A-100"))).items
    assert found.name == "Curie, Marie"
    again = await desk.bring(Kind.PATIENTS, "\n".join([header, lines[0]]))
    assert counts(again) == (0, 1, 0)


@pytest.mark.parametrize(
    ("content", "reading", "said"),
    [
        ("ward;room;bed\nICU;R1;1\n", {}, "delimiter"),
        ("ward,room\nICU,R1\n", {}, "bed"),
        ("ward,room,bed,colour\nICU,R1,1,red\n", {}, "colour"),
        (b"ward,ward_name,room,bed\nICU,Intensivstation f\xfcr alle,R1,1\n", {}, "--encoding"),
        ("", {}, ""),
    ],
)
async def test_a_file_that_cannot_be_read_changes_nothing_and_says_what_to_do(
    desk: Desk, content: str | bytes, reading: dict[str, str], said: str
) -> None:
    with pytest.raises(SourceError) as refused:
        await desk.bring(Kind.BEDS, content, reading=reading)
    assert said in str(refused.value)


async def test_excel_s_habits_are_accepted(desk: Desk) -> None:
    content = '\ufeffward;ward_name;room;bed\r\nICU;"Intensive; care";R1;01\r\n\r\n'.encode()
    assert counts(await desk.bring(Kind.BEDS, content, reading={"delimiter": ";"})) == (1, 0, 0)
    latin = "ward,ward_name,room,bed\nSUR,Chirurgie für alle,R1,01\n".encode("cp1252")
    assert counts(await desk.bring(Kind.BEDS, latin, reading={"encoding": "cp1252"})) == (1, 0, 0)
