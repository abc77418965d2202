"""Months of the change log: what is old is taken out of it, and nobody notices but who asks for it."""

import asyncio
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital, Stores
from hms_rt.departments.reporting.model.webhook import WebhookMove
from hms_rt.departments.reporting.schemas.accounts import AccountNew
from hms_rt.departments.reporting.schemas.webhooks import WebhookNew
from hms_rt.kernel.clock import ManualClock, SystemClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from hms_rt.storage import months
from tests.cli.test_commands import configured, hms
from tests.conftest import ClientFactory, PersonFactory, SocketFactory, WardFactory, command
from tests.reporting.conftest import Query, ReaderFactory, connected

OLD, NEWER = "change_log_2020_01", "change_log_2020_02"
STREAM = "beds/ward:OLD"


@pytest.fixture(autouse=True)
async def _as_of_today(hospital: Hospital, clock: ManualClock) -> None:
    """PostgreSQL writes with its own clock."""
    clock.advance(SystemClock().now() - clock.now())


async def an_old_log(query: Query) -> None:
    """Two months of 2020 with ten versions each, and five of today."""
    for start in ("2020-01-01", "2020-02-01"):
        await query(f"SELECT hms_make_partitions('{start}T00:00:00Z', 1)")
    await query(
        """
        INSERT INTO change_log (stream, version, at, xid, schema_version, ops, era, position)
        SELECT :stream, n, timestamptz '2020-01-20T00:00:00Z' + (n - 1) * interval '2 days', 3, 1,
               '[{"op": "put", "key": "ward", "cause": "defined", "value": {"code": "X"}}]', 1, n
        FROM generate_series(1, 12) n
        """,
        stream=STREAM,
    )
    await query(
        "INSERT INTO stream_head (stream, version, at, era, position)"
        " VALUES (:stream, 12, '2020-02-11T00:00:00Z', 1, 12)",
        stream=STREAM,
    )


async def test_old_months_are_taken_out_audited_and_come_back_with_everything(
    services: Services, hospital: Hospital, query: Query, reader: ReaderFactory, stores: Stores
) -> None:
    reporting = services.reporting
    await an_old_log(query)
    async with connected(stores) as writer:
        await writer.write(STREAM)
    server = await reader("beds")
    everything, end = await server.follow()
    first = (await server.get(limit=2)).end["cursor"]
    assert len([line for line in everything if line["stream"] == STREAM]) == 13
    assert await reporting.keep_months(0) == [], "nothing by itself unless it was set"
    assert await reporting.keep_months(1200) == []
    assert await reporting.keep_months(1) == [OLD, NEWER]
    assert await reporting.keep_months(1) == []
    gone = await server.get(after=first)
    assert (gone.status, gone.problem["reason"]) == (410, "no_longer_kept")
    assert (await server.get(after=end)).status == 200, "who is near the present reads on"
    kept, _ = await server.follow()
    assert [line["version"] for line in kept if line["stream"] == STREAM] == [13]
    for sql in (f"UPDATE {OLD} SET ops = '[]'", f"DELETE FROM {OLD}", f"TRUNCATE {OLD}"):
        with pytest.raises(IntegrityError, match="append-only"):
            await query(sql)

    async def refused(move: str, name: str, why: str) -> None:
        with pytest.raises(HmsError, match=why):
            await getattr(reporting, f"{move}_month")(SYSTEM, command(), name)

    this = (await query("SELECT 'change_log_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM') AS name"))[
        0
    ].name
    await refused("detach", OLD, "detached already")
    await refused("detach", this, "has not ended")
    await refused("attach", this, "part of the log")
    await refused("attach", OLD, f"{NEWER} is newer")
    await refused("drop", this, "part of the log")
    await refused("drop", "change_log_1999_01", "not found|no such|does not exist")
    for name in (NEWER, OLD):
        await reporting.attach_month(SYSTEM, command(), name)
    await refused("detach", NEWER, f"{OLD} is older")
    again, _ = await server.follow()
    assert again == everything
    with pytest.raises(IntegrityError, match="append-only"):
        await query(f"DELETE FROM {OLD}")
    await reporting.detach_month(SYSTEM, command(), OLD)
    await reporting.drop_month(SYSTEM, command(), OLD)
    async with hospital.engine.connect() as connection:
        assert OLD not in [one.name for one in await months.months(connection)]
    told = await query(
        "SELECT action, entity_id FROM audit_log WHERE action LIKE 'change!_log.%' ESCAPE '!' ORDER BY id"
    )
    taken = [("change_log.detach", OLD), ("change_log.detach", NEWER)]
    back = [("change_log.attach", NEWER), ("change_log.attach", OLD)]
    assert [tuple(row) for row in told] == [*taken, *back, taken[0], ("change_log.drop", OLD)]


async def test_a_webhook_that_stands_before_a_month_keeps_it_and_the_administrators_hear_it_once(
    services: Services, query: Query, person: PersonFactory
) -> None:
    reporting = services.reporting
    await an_old_log(query)
    admin = await person(Role.ADMIN)
    new = AccountNew(name="Reports", purpose="figures", streams=["beds"])
    account = (await reporting.create_account(SYSTEM, command(), new)).account
    wanted = WebhookNew.model_validate({"account_id": account.id, "url": "https://93.184.216.34/"})
    made = (await reporting.create_webhook(SYSTEM, command(), wanted)).webhook
    await reporting.move_webhook(SYSTEM, command(), made.id, WebhookMove.PAUSE)
    stands = "UPDATE reporting_webhook SET cursor = cursor || jsonb_build_object('a', CAST(:at AS text))"
    await query(stands, at="2020-02-10T00:00:00Z")
    assert await reporting.keep_months(1) == [OLD], "what it has behind it goes"
    for _ in range(2):
        assert await reporting.keep_months(1) == []
    with pytest.raises(HmsError, match=str(made.id)):
        await reporting.detach_month(SYSTEM, command(), NEWER)
    heard = await query("SELECT user_id FROM notifications_notification WHERE kind = 'webhook_failed'")
    assert [row.user_id for row in heard] == [admin.id]
    await query(stands, at="2020-03-01T00:00:00Z")
    assert await reporting.keep_months(1) == [NEWER]


async def test_writers_go_on_while_a_month_is_taken_out_and_who_holds_the_log_is_not_waited_for(
    services: Services, query: Query, stores: Stores
) -> None:
    reporting = services.reporting
    await an_old_log(query)
    async with connected(stores) as holder:
        await holder.connection.execute("BEGIN")
        await holder.connection.execute("SELECT count(*) FROM change_log")
        with pytest.raises(HmsError) as busy:
            await reporting.detach_month(SYSTEM, command(), OLD)
        assert busy.value.code is Code.CONFLICT
        assert await reporting.keep_months(1) == []
        await holder.connection.execute("COMMIT")

    async def write(number: int) -> None:
        async with connected(stores) as writer:
            for _ in range(20):
                await writer.write(f"beds/ward:W{number}", "beds/hospital")

    async def take() -> None:
        while {OLD, NEWER} & {row.name for row in await query(ATTACHED)}:
            await reporting.keep_months(1)

    await asyncio.gather(*(write(number) for number in range(8)), take())
    heads = await query("SELECT stream, version FROM stream_head WHERE stream LIKE 'beds/%'")
    assert dict(tuple(row) for row in heads) == {
        STREAM: 12,
        "beds/hospital": 160,
        **{f"beds/ward:W{number}": 20 for number in range(8)},
    }
    counted = await query("SELECT count(*) AS rows FROM change_log WHERE stream LIKE 'beds/%'")
    assert counted[0].rows == 320


ATTACHED = "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'change_log'::regclass"


async def test_a_board_that_resumes_from_before_what_is_kept_gets_a_snapshot(
    query: Query, services: Services, ward: WardFactory, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    await an_old_log(query)
    (bed, *_) = await ward("OLD")
    socket = await socket_of(await client_as(Role.NURSE, ward="OLD"), "/beds")

    async def subscribe(version: int | None = None) -> Any:
        since = {"epoch": joined["epoch"], "version": version} if version is not None else None
        asked = {"room": "ward:OLD", **({"since": since} if since else {})}
        return await socket.call("subscribe", asked, namespace="/beds")

    joined = await subscribe()
    resumed = await subscribe(4)
    assert (resumed["mode"], resumed["changes"][0]["from"]) == ("resume", 4)
    assert await services.reporting.keep_months(1) == [OLD, NEWER]
    started_over = await subscribe(2)
    assert (started_over["mode"], started_over["version"]) == ("snapshot", joined["version"])
    assert f"bed:{bed.id}" in started_over["state"]
    assert (await subscribe(joined["version"]))["mode"] == "resume"


async def test_an_operator_lists_exports_and_drops_a_month(
    tmp_path: Path, stores: Stores, query: Query, services: Services
) -> None:
    await an_old_log(query)
    await query("ANALYZE change_log")

    async def said(*arguments: str, typed: str = "") -> tuple[int, str]:
        return await hms(tmp_path, "change-log", *arguments, typed=typed, **configured(stores))

    code, listed = await said("months")
    assert (code, OLD in listed, "in the log" in listed, "audit_log" in listed) == (0, True, True, True), (
        listed
    )
    await services.reporting.detach_month(SYSTEM, command(), OLD)
    code, told = await said("export", OLD, "january.ndjson")
    assert code == 0, told
    written = (tmp_path / "january.ndjson").read_bytes()
    digest = hashlib.sha256(written).hexdigest()
    assert digest in told
    assert (tmp_path / "january.ndjson.sha256").read_text() == f"{digest}  january.ndjson\n"
    rows = [json.loads(line) for line in written.splitlines()]
    assert [row["version"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[0]["ops"][0]["value"] == {"code": "X"}
    code, told = await said("drop", OLD, typed="yes\n")
    assert (code, "not dropped" in told) == (1, True)
    code, told = await said("drop", OLD, typed=f"{OLD}\n")
    assert code == 0, told
    last = await query("SELECT action, detail FROM audit_log WHERE action LIKE 'change%' ORDER BY id")
    assert [row.action for row in last] == [f"change_log.{done}" for done in ("detach", "export", "drop")]
    assert last[1].detail["sha256"] == digest


def test_what_is_kept_begins_with_a_month(clock: ManualClock) -> None:
    now = clock.now().replace(year=2026, month=3, day=31)
    begins = {number: months.keep_from(now, number) for number in (0, 1, 2, 3, 15)}
    assert [(one.year, one.month, one.day) for one in begins.values()] == [
        *((2026, 3, 1), (2026, 2, 1), (2026, 1, 1)),
        *((2025, 12, 1), (2024, 12, 1)),
    ]
    december = months.Month("change_log_2025_12", attached=True, rows=0, bytes=0)
    assert december.end - december.start == timedelta(days=31)
