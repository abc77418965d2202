"""What external servers are refused: every attempt is accounted for, and a flood is a few lines."""

import asyncio
from datetime import timedelta

import pytest

from hms_rt.app import Hospital
from hms_rt.departments.reporting.model.refusal import Refusal, Tally
from hms_rt.departments.reporting.schemas.accounts import AccountUpdate
from hms_rt.departments.reporting.service import accounts as service
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import command
from tests.reporting.conftest import Query, Reader, ReaderFactory

LINES = """
    SELECT detail->>'refused' AS why, principal_kind AS kind, entity_id,
           sum((detail->>'count')::int) AS tries, count(*) AS lines
    FROM audit_log WHERE action = 'reporting.refused' AND outcome = 'denied' GROUP BY 1, 2, 3
"""


async def accounted(query: Query) -> dict[str, tuple[str, str, int, int]]:
    return {row.why: (row.kind, row.entity_id, row.tries, row.lines) for row in await query(LINES)}


async def tries(server: Reader, number: int, **asked: str) -> set[int]:
    return {page.status for page in await asyncio.gather(*(server.get(**asked) for _ in range(number)))}


async def test_every_try_of_a_stolen_secret_is_accounted_for_in_two_lines_a_minute(
    services: Services,
    reader: ReaderFactory,
    clock: ManualClock,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = await reader("beds")
    account_id, good = server.made.account.id, server.token
    reporting = services.reporting
    assert await tries(server, 30, streams="opd") <= {403, 429}  # 429: more pages than may be open at once
    for path in ("/users", "/patients", "/auth/sessions", "/changes/elsewhere"):
        assert (await server.get(path)).status in {403, 404}
    server.token = good + "x"
    assert await tries(server, 30) == {401}
    elsewhere = AccountUpdate(networks=["10.0.0.0/8"])
    await reporting.change_account(SYSTEM, command(expected_version=1), account_id, elsewhere)
    server.token = good
    assert await tries(server, 30) == {403}
    monkeypatch.setattr(service, "_LIMIT", type(service._LIMIT)(1))
    assert 429 in await tries(server, 30)
    monkeypatch.undo()
    second = await reporting.issue_secret(SYSTEM, command(), account_id)
    await reporting.revoke_secret(SYSTEM, command(), account_id, server.made.secret_id)
    assert await tries(server, 30) == {401}
    await reporting.revoke_account(SYSTEM, command(), account_id)
    server.token = second.token
    assert await tries(server, 30) == {401}

    before = await accounted(query)
    assert all((tried, lines) == (1, 1) for _, _, tried, lines in before.values()), "only the first ones yet"
    clock.advance(timedelta(minutes=1))
    await reporting.account_for_refusals(SYSTEM, command())
    after = await accounted(query)
    assert after.keys() == before.keys() == {one.value for one in Refusal} - {"account_expired"}
    for why in ("revoked_secret", "account_revoked"):
        assert after[why] == ("service", str(account_id), 30, 2)
    assert after["unknown_secret"] == ("system", "unknown", 30, 2)
    assert sum(after[why][2] for why in ("address", "rate")) >= 60 - 2
    assert sum(after[why][2] for why in ("scope",)) + after["rate"][2] >= 30
    assert all(lines <= 2 for _, _, _, lines in after.values())
    await reporting.account_for_refusals(SYSTEM, command())
    assert await accounted(query) == after


async def test_an_ended_account_and_a_process_that_ends_leave_nothing_out(
    services: Services, reader: ReaderFactory, clock: ManualClock, query: Query, hospital: Hospital
) -> None:
    server = await reader("beds", expires_at=clock.now() + timedelta(hours=1))
    clock.advance(timedelta(hours=2))
    assert await tries(server, 5) == {401}
    clock.advance(timedelta(minutes=2))
    assert await tries(server, 5) == {401}  # the next minute's first one brings the count of the one before
    told = await accounted(query)
    assert told["account_expired"][2:] == (6, 3)
    await services.reporting.finish_refusals()
    assert (await accounted(query))["account_expired"][2:] == (10, 4)


async def test_a_refusal_that_could_not_be_written_is_counted_with_the_next(
    services: Services, query: Query
) -> None:
    reporting = services.reporting
    await query("ALTER TABLE audit_log RENAME TO audit_log_away")
    for _ in range(2):
        with pytest.raises(Exception, match="audit_log"):
            await reporting.refused(None, Refusal.UNKNOWN, "10.0.0.1")
    await query("ALTER TABLE audit_log_away RENAME TO audit_log")
    await reporting.refused(None, Refusal.UNKNOWN, "10.0.0.2")
    await reporting.finish_refusals()
    assert (await accounted(query))["unknown_secret"][2] == 3


def test_a_line_names_the_first_few_addresses_and_no_clock_keeps_a_minute_open(clock: ManualClock) -> None:
    tally = Tally(None, clock.now())
    for number in range(1000):
        tally.one_more(f"10.0.0.{number % 50}")
    assert (tally.count, len(tally.addresses)) == (1000, 8)
    for shift, over in ((0, False), (59, False), (60, True), (-1, True)):
        assert tally.over(clock.now() + timedelta(seconds=shift)) is over
