"""Replaying a small log of the emergency room against a real server."""

import asyncio
import csv
from collections.abc import Awaitable, Callable
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.config import Settings
from hms_rt.departments.identity.schemas import UserNew
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.replay.client import Account
from hms_rt.replay.log import LogError
from hms_rt.replay.mapping import MappingError, find_mapping, parse_mapping, shipped
from hms_rt.replay.report import Outcome, Report
from hms_rt.replay.run import ReplaySettings, Watcher, replay
from tests.conftest import PASSWORD, command

HEADER = "Case ID;Activity;Complete Timestamp;Age;CRP;LacticAcid;Leucocytes;SIRSCriteria2OrMore;Diagnose"
ROWS = """
P1;ER Registration;2014/10/22 11:15:41.000;85;;;;true;A
P1;Leucocytes;2014/10/22 11:27:00.000;;;;9.6;;
P1;CRP;2014/10/22 11:27:00.000;;21.0;;;;
P1;LacticAcid;2014/10/22 11:27:00.000;;;5.2;;;
P1;ER Triage;2014/10/22 11:33:37.000;;;;;;
P1;IV Antibiotics;2014/10/22 12:03:47.000;;;;;;
P1;Admission NC;2014/10/22 14:13:19.000;;;;;;
P1;Admission IC;2014/10/22 18:00:00.000;;;;;;
P1;CRP;2014/10/24 09:00:00.000;;;;;;
P1;Release A;2014/11/02 15:15:00.000;;;;;;
P1;Return ER;2014/11/20 10:00:00.000;;;;;;
P2;Leucocytes;2014/10/22 11:20:00.000;;;;0.9;;
P2;ER Registration;2014/10/22 11:40:00.000;60;;;;false;B
P2;ER Triage;2014/10/22 11:50:00.000;;;;;;
P2;Admission NC;2014/10/22 15:00:00.000;;;;;;
P2;Teleportation;2014/10/22 15:10:00.000;;;;;;
P2;CRP;not a time;;3.0;;;;
""".strip()
Play = Callable[[], Awaitable[Report]]
STEP = timedelta(seconds=3)
NUMBER = len(ROWS.splitlines())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Seconds for what takes a hospital minutes: a clock that runs ahead must not outrun the sessions."""
    return settings.model_copy(update={"lab_critical_minutes": (STEP / timedelta(minutes=1),) * 4})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log.csv"
    recognised = find_mapping("sepsis", ()).columns() - set(HEADER.split(";"))
    file.write_text(f"{HEADER};{';'.join(sorted(recognised))}\n" + ROWS + "\n")
    padding = ";" * len(recognised)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], *(line + padding for line in lines[1:])]) + "\n")
    return file


@pytest.fixture
async def play(hospital: Hospital, server: TestServer, log: Path) -> Play:
    """``await play()``: the whole log, as an administrator who prepares the hospital."""
    admin = UserNew.model_validate(
        {"username": "admin", "display_name": "Admin", "password": PASSWORD, "roles": [Role.ADMIN]}
    )
    await hospital.services.identity.create_admin(command(), admin)

    async def run() -> Report:
        settings = ReplaySettings(
            file=log,
            accounts={Role.ADMIN: (Account("admin", PASSWORD),)},
            url=str(server.make_url("/")).rstrip("/"),
            patience=5,
        )
        return await replay(settings)

    return run


async def count(hospital: Hospital, query: str) -> int:
    async with hospital.engine.connect() as connection:
        return int((await connection.execute(text(query))).scalar_one())


async def test_every_row_is_accounted_for_once_and_the_hospital_is_as_the_log_says(
    hospital: Hospital,
    play: Play,
    tmp_path: Path,
    clock: ManualClock,
) -> None:
    report = await play()

    assert sorted(line.number for line in report.lines) == sorted({line.number for line in report.lines})
    assert len(report.lines) == report.rows == NUMBER
    left_out = {
        (line.case, line.activity): (line.outcome, line.reason)
        for line in report.lines
        if line.outcome is not Outcome.APPLIED
    }
    assert set(left_out) == {("P1", "CRP"), ("P2", "Teleportation"), ("P2", "CRP")}
    assert left_out["P1", "CRP"][0] is Outcome.SKIPPED
    assert left_out["P2", "Teleportation"][0] is Outcome.SKIPPED
    assert all(reason for _, reason in left_out.values())
    assert "P2" in next(
        cases for name, cases in report.irregular.items() if "before their registration" in name
    )
    assert "P2" in next(cases for name, cases in report.irregular.items() if "never released" in name)

    assert await count(hospital, "SELECT count(*) FROM patients_patient") == 2
    assert report.counts["visits opened"] == await count(hospital, "SELECT count(*) FROM opd_visit") == 3
    assert await count(hospital, "SELECT count(*) FROM ipd_stay WHERE ended_at IS NULL") == 1
    assert (
        await count(hospital, "SELECT count(*) FROM lab_critical_alert") == 2
    )  # lactate 5.2, leucocytes 0.9
    assert await count(hospital, "SELECT count(*) FROM ipd_stay WHERE started_at < '2014-12-01'") == 3
    assert await count(hospital, "SELECT count(*) FROM opd_token WHERE finished_at IS NULL") == 0

    written = tmp_path / "report.csv"
    report.write(written)
    with written.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == NUMBER


async def test_a_repeated_replay_applies_nothing_twice(
    hospital: Hospital,
    play: Play,
) -> None:
    await play()
    changes = await count(hospital, "SELECT count(*) FROM change_log WHERE stream <> 'identity/rights'")
    again = await play()
    assert again.count(Outcome.APPLIED) == 0
    assert again.count(Outcome.BEFORE) > 0
    after = await count(hospital, "SELECT count(*) FROM change_log WHERE stream <> 'identity/rights'")
    assert after == changes


async def test_a_critical_value_that_nobody_answers_is_escalated_relayed_and_taken_over_by_another_doctor(
    hospital: Hospital, server: TestServer, log: Path, play: Play, clock: ManualClock
) -> None:
    """The clock of the hospital runs ahead; without it no step would ever be due."""
    mapping = log.with_suffix(".toml")
    shipped_text = (resources.files("hms_rt.replay") / "mappings/sepsis.toml").read_text()
    mapping.write_text(shipped_text.replace("unanswered = 4", "unanswered = 1"))
    settings = ReplaySettings(
        file=log,
        accounts={Role.ADMIN: (Account("admin", PASSWORD),)},
        url=str(server.make_url("/")).rstrip("/"),
        mapping=str(mapping),
    )

    async def hurry() -> None:
        while True:
            await asyncio.sleep(0.4)
            if await count(hospital, "SELECT count(*) FROM lab_critical_alert WHERE escalate_at IS NOT NULL"):
                clock.advance(STEP)
                await hospital.services.lab.escalate_overdue(SYSTEM, command())

    hurrying = asyncio.create_task(hurry())
    try:
        report = await replay(settings)
    finally:
        hurrying.cancel()
    assert report.complete
    assert (
        report.counts["critical values raised"]
        == report.counts["critical values answered after escalation"]
        == 2
    )
    assert report.counts["critical values relayed by a nurse"] >= 1
    assert await count(hospital, "SELECT count(*) FROM lab_critical_alert WHERE state = 'acknowledged'") == 2
    steps = "SELECT count(DISTINCT step) FROM lab_alert_event WHERE move IN ('raise', 'escalate')"
    assert await count(hospital, steps) == 3  # both are in the emergency room: no ward nurse


def test_the_shipped_mappings_are_sound_and_files_are_recognised() -> None:
    assert {"demo", "sepsis"} <= set(shipped())
    assert find_mapping(None, tuple(find_mapping("demo", ()).recognise)).title == shipped()["demo"].title
    with pytest.raises(MappingError, match="--mapping"):
        find_mapping(None, ("a", "b"))
    with pytest.raises(MappingError, match="activities"):
        parse_mapping('title = "x"', "x.toml")


async def test_a_file_that_is_no_log_is_refused_before_anything_happens(
    play: Play,
    log: Path,
) -> None:
    log.write_text("Case ID;Activity\nP1;ER Triage\n")
    with pytest.raises((LogError, MappingError)):
        await play()


async def test_a_replay_that_was_stopped_accounts_for_every_row_and_goes_on_where_it_was(
    hospital: Hospital, server: TestServer, log: Path, play: Play
) -> None:
    watcher = Watcher(moved=lambda rows: watcher.stop.set())
    settings = ReplaySettings(
        file=log,
        accounts={Role.ADMIN: (Account("admin", PASSWORD),)},
        url=str(server.make_url("/")).rstrip("/"),
        concurrency=1,
    )
    stopped = await replay(settings, watcher)
    assert stopped.complete
    assert stopped.broken_off is not None
    done = stopped.count(Outcome.APPLIED)
    assert 0 < done < NUMBER

    rest = await play()
    assert rest.complete
    assert rest.count(Outcome.REFUSED) == 0
    assert rest.count(Outcome.BEFORE) == done
    assert await count(hospital, "SELECT count(*) FROM patients_patient") == 2
