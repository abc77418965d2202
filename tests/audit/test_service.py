"""Reading, sealing and checking the audit trail on a real PostgreSQL."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital
from hms_rt.departments.audit import service as service_module
from hms_rt.departments.audit.model import Break
from hms_rt.departments.audit.schemas import AuditQuery, SealQuery, SealReport
from hms_rt.departments.audit.service import AuditService
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from tests.audit.conftest import Tamper, Write
from tests.conftest import PersonFactory, command


async def check(audit: AuditService) -> SealReport:
    return await audit.verify(SYSTEM, command(), SealQuery())


async def test_the_trail_is_searched_by_patient_person_action_and_time_newest_first(
    audit: AuditService, write: Write, person: PersonFactory, clock: ManualClock
) -> None:
    patient_id, nurse = uuid.uuid4(), await person(Role.NURSE)
    await write(3, "record.read", patient_id=patient_id, principal=nurse)
    clock.advance(timedelta(hours=1))
    await write(1, "bed.change", principal=nurse)

    async def entities(**asked: object) -> list[str]:
        page = await audit.search(SYSTEM, command(), AuditQuery.model_validate(asked))
        return [line.entity_id for line in page.items]

    assert await entities(patient_id=patient_id, action="record.") == ["2", "1", "0"]
    assert await entities(principal_id=nurse.id) == ["0", "2", "1", "0"]
    assert await entities(principal_id=nurse.id, **{"from": clock.now()}) == ["0"]
    assert await entities(principal_id=nurse.id, to=clock.now(), limit=2) == ["2", "1"]
    assert await entities(action="record_read") == []


async def test_pages_follow_each_other_without_gap_or_repeat(audit: AuditService, write: Write) -> None:
    await write(5, "page.test")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = AuditQuery(action="page.", limit=2, cursor=cursor)
        page = await audit.search(SYSTEM, command(), query)
        seen += [line.entity_id for line in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]


async def test_actions_that_begin_alike_are_one_list_in_the_order_of_time(
    audit: AuditService, write: Write, clock: ManualClock
) -> None:
    await write(2, "page.one")
    await write(1, "pagf.other")
    clock.advance(timedelta(hours=1))
    middle = clock.now()
    await write(2, "page.two")
    clock.advance(timedelta(minutes=-30))  # a server whose clock runs behind: a later number, an earlier time
    await write(1, "page.late")

    async def pages(**asked: object) -> list[tuple[str, str]]:
        seen: list[tuple[str, str]] = []
        cursor: str | None = None
        while True:
            query = AuditQuery.model_validate({"limit": 2, "cursor": cursor, **asked})
            page = await audit.search(SYSTEM, command(), query)
            seen += [(line.action, line.entity_id) for line in page.items if line.action[:3] == "pag"]
            if (cursor := page.next_cursor) is None:
                return seen

    newest, late = [("page.two", "1"), ("page.two", "0")], ("page.late", "0")
    oldest = [("page.one", "1"), ("page.one", "0")]
    assert await pages(action="page.") == [*newest, late, *oldest]
    assert await pages(action="page.", to=middle) == [late, *oldest]
    assert await pages(action="page.", **{"from": middle}) == newest
    assert await pages(action="page.", to=middle, **{"from": middle}) == []
    assert await pages(action="page.two") == newest
    assert await pages() == [*newest, late, ("pagf.other", "0"), *oldest]


async def test_reading_the_trail_leaves_a_trace(audit: AuditService) -> None:
    await audit.search(SYSTEM, command(), AuditQuery(action="record."))
    (line,) = (await audit.search(SYSTEM, command(), AuditQuery(action="audit."))).items
    assert (line.action, line.detail["action"]) == ("audit.read", "record.")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_only_administrators_read_and_check_it(
    audit: AuditService, person: PersonFactory, role: Role
) -> None:
    somebody = await person(role)
    for attempt in (
        audit.search(somebody, command(), AuditQuery()),
        audit.verify(somebody, command(), SealQuery()),
    ):
        with pytest.raises(HmsError) as refused:
            await attempt
        assert refused.value.code is Code.FORBIDDEN


async def test_seals_cover_every_line_once_and_hold(audit: AuditService, write: Write) -> None:
    await write(3)
    assert await audit.seal() >= 3
    assert await audit.seal() == 0
    await write(2)
    assert await audit.seal() == 2
    report = await check(audit)
    assert (report.seals, report.broken, report.next_cursor) == (2, None, None)


async def test_a_line_that_was_numbered_early_and_committed_late_is_sealed_too(
    audit: AuditService, write: Write, hospital: Hospital, clock: ManualClock
) -> None:
    late = text(
        "INSERT INTO audit_log (at, principal_kind, principal_id, session_id, action, outcome, entity,"
        " entity_id, detail, request_id, address) VALUES (now(), 'system', gen_random_uuid(),"
        " gen_random_uuid(), 'late', 'allowed', 'test', '', '{}', '', '')"
    )
    async with hospital.engine.begin() as slow:
        await slow.execute(late)
        await write(2)
        await audit.seal()
        clock.advance(timedelta(hours=2))
        await write(1)
        assert await audit.seal() == 1
    assert await audit.seal() == 1
    report = await check(audit)
    assert (report.seals, report.broken) == (3, None)


async def test_processes_that_seal_at_once_make_one_chain(audit: AuditService, write: Write) -> None:
    await write(10)
    assert sum(await asyncio.gather(*(audit.seal() for _ in range(4)))) >= 10
    report = await check(audit)
    assert (report.seals, report.broken) == (1, None)


async def test_many_lines_become_several_seals_and_are_checked_in_parts(
    audit: AuditService, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "SEAL_LINES", 4)
    monkeypatch.setattr(service_module, "CHECK_LINES", 8)
    await write(12)
    await audit.seal()
    first = await check(audit)
    assert (first.seals, first.lines) == (2, 8)
    rest = await audit.verify(SYSTEM, command(), SealQuery(cursor=first.next_cursor))
    assert rest.seals > 0
    assert rest.broken is None
    assert rest.last_seal > first.last_seal


@pytest.mark.parametrize(
    ("statement", "problem", "seal"),
    [
        ("UPDATE audit_log SET action = 'nothing' WHERE entity_id = 'm'", Break.ALTERED, 2),
        ("DELETE FROM audit_log WHERE entity_id = 'm'", Break.ALTERED, 2),
        ("UPDATE audit_seal SET digest = sha256('x') WHERE id = 2", Break.ALTERED, 2),
        ("UPDATE audit_seal SET at = at - interval '1 day' WHERE id = 2", Break.ALTERED, 2),
        ("DELETE FROM audit_seal WHERE id = 2", Break.MISSING, 3),
        ("DELETE FROM audit_seal WHERE id = 1", Break.MISSING, 2),
    ],
)
async def test_tampering_behind_the_triggers_is_found_and_located(
    audit: AuditService, write: Write, tamper: Tamper, statement: str, problem: Break, seal: int
) -> None:
    await write(2)
    await audit.seal()
    await write(2)
    await tamper(
        "INSERT INTO audit_log (at, principal_kind, principal_id, session_id, action, outcome, entity,"
        " entity_id, detail, request_id, address) VALUES (now(), 'system', gen_random_uuid(),"
        " gen_random_uuid(), 'seen', 'allowed', 'test', 'm', '{}', '', '')"
    )
    await audit.seal()
    await write(2)
    await audit.seal()
    assert (await check(audit)).broken is None

    await tamper(statement)

    broken = (await check(audit)).broken
    assert broken is not None
    assert (broken.problem, broken.seal) == (problem, seal)


async def test_a_line_forged_among_old_ones_is_found(
    audit: AuditService, write: Write, tamper: Tamper, clock: ManualClock
) -> None:
    await write(1)
    await audit.seal()
    await tamper("SELECT nextval(pg_get_serial_sequence('audit_log', 'id'))")
    await write(1)
    await audit.seal()
    clock.advance(timedelta(hours=2))
    await write(1)
    await audit.seal()
    assert (await check(audit)).broken is None

    await tamper(
        "INSERT INTO audit_log OVERRIDING SYSTEM VALUE SELECT s.last_id + 1, now(), 1, 'system',"
        " gen_random_uuid(), gen_random_uuid(), 'forged', 'allowed', 'test', '', NULL, '{}', '', ''"
        " FROM audit_seal s WHERE s.id = 1"
    )

    assert await audit.seal() == 1, "the line of the check: the forged one comes too late"
    broken = (await check(audit)).broken
    assert broken is not None
    assert (broken.problem, broken.seal) == (Break.UNSEALED, 2)


async def test_without_switching_triggers_off_history_cannot_be_rewritten(
    hospital: Hospital, audit: AuditService, write: Write
) -> None:
    await write(1)
    await audit.seal()
    for statement in ("UPDATE audit_log SET action = ''", "DELETE FROM audit_seal", "TRUNCATE audit_seal"):
        async with hospital.engine.connect() as connection:
            with pytest.raises(IntegrityError, match="append-only"):
                await connection.execute(text(statement))
