"""The feed: everything once, in order within a stream, whatever commits when; and how to start over."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from sqlalchemy import text

from hms_rt.app import Hospital, Stores
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.reporting.service import snapshots
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.paging import encode_cursor
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from hms_rt.storage import change_feed, epochs
from tests.conftest import WardFactory, command
from tests.contract import REST
from tests.reporting.conftest import Line, Query, ReaderFactory, connected

STREAMS = [f"beds/ward:S{number}" for number in range(5)]
WRITERS = 6
EACH = 30


def _versions(lines: Sequence[Line]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        found[line["stream"]].append(line["version"])
    return found


async def test_a_reader_gets_every_change_once_in_order_whoever_commits_late(
    stores: Stores, reader: ReaderFactory, query: Query
) -> None:
    """Several writers, one of which opens its transaction first and commits last, on the streams of all."""
    server, chance = await reader("beds"), random.Random(7)
    written = asyncio.Event()
    async with AsyncExitStack() as stack:
        late, *writers = [await stack.enter_async_context(connected(stores)) for _ in range(WRITERS + 1)]

        async def work(number: int) -> None:
            for _ in range(EACH):
                await writers[number].begin()
                await asyncio.sleep(chance.uniform(0, 0.004))
                await writers[number].commit(*chance.sample(STREAMS, chance.randint(1, 3)))

        async def read() -> list[Line]:
            lines: list[Line] = []
            after = None
            while True:
                last = written.is_set()
                page = await server.get(after=after, limit=chance.randint(1, 9))
                lines += page.changes
                after = page.end["cursor"]
                if last and not page.end["more"]:
                    return lines

        await writers[0].write(STREAMS[0])
        early, after = await server.follow()
        assert _versions(early) == {STREAMS[0]: [1]}
        xid = await late.begin()
        following = asyncio.create_task(read())
        await asyncio.gather(*(work(number) for number in range(WRITERS)))
        held, _ = await server.follow(after)
        assert held == [], "nothing is shown that something before it may still join"
        await late.commit(*STREAMS)
        written.set()
        lines = await following

    rows = await query(
        "SELECT stream, version, xid FROM change_log WHERE stream LIKE 'beds/ward:S%' ORDER BY 1, 2"
    )
    there: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        there[row.stream].append(row.version)
    assert _versions(lines) == there
    newest = {row.stream: row.version for row in rows}
    assert [row.version for row in rows if row.xid == xid] == list(newest.values()), "it was the last one"
    again, _ = await server.follow(limit=7)
    assert _versions(again) == there
    complaints = {REST.openapi.complaint(line, "components", "schemas", "FeedLine") for line in again[:20]}
    assert complaints == {None}


async def test_a_reader_that_waits_is_answered_when_something_is_committed(
    stores: Stores, reader: ReaderFactory, query: Query
) -> None:
    server, other = await reader("beds/ward"), await reader("opd")
    _, after = await server.follow()
    waiting = asyncio.create_task(server.get(after=after, wait=30))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    async with connected(stores) as writer:
        await writer.write("opd/clinic:GEN", "beds/cleaning:S1")
        await writer.write("beds/ward:S1")
    page = await waiting
    assert [(line["stream"], line["version"], line["key"]) for line in page.changes] == [
        ("beds/ward:S1", 1, "ward")
    ]
    assert page.headers["Next-Cursor"] == page.end["cursor"]
    assert page.headers["More-Changes"] == "false"
    assert [line["stream"] for line in (await other.get()).changes] == []  # no clinic has a `ward`
    narrowed = await server.get(streams="beds/ward:S2")
    assert narrowed.changes == []
    assert (await server.get(streams="beds")).problem["code"] == "forbidden"
    assert (await server.get(streams="beds/wards")).problem["code"] == "invalid"

    trail = await query(
        "SELECT detail FROM audit_log WHERE action = 'changes.read' AND principal_id = :id",
        id=server.made.account.id,
    )
    assert [row.detail["rows"] for row in trail] == [1], "a page that shows something"


async def test_a_reader_that_starts_with_the_state_has_what_a_reader_of_everything_has(
    reader: ReaderFactory, ward: WardFactory, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    beds = await ward("ICU", beds=3)
    await ward("SURG", beds=1)
    server = await reader("beds")
    monkeypatch.setattr(snapshots, "STREAMS_AT_ONCE", 1)
    state: dict[tuple[str, str], Line] = {}
    versions: dict[str, int] = {}
    page = await server.get("/changes/snapshot")
    after = page.end["cursor"]
    await services.beds.change(SYSTEM, command(), beds[0].id, BedChange(status=BedStatus.CLEANING))
    while True:
        for line in page.lines[:-1]:
            assert REST.openapi.complaint(line, "components", "schemas", "SnapshotLine") is None
            if line["type"] == "stream":
                versions[line["stream"]] = line["version"]
            else:
                state[line["stream"], line["key"]] = line["value"]
        assert page.end["cursor"] == after
        if page.end["next_page"] is None:
            break
        page = await server.get("/changes/snapshot", page=page.end["next_page"])
    assert set(versions) == {"beds/hospital", "beds/ward:ICU", "beds/ward:SURG"}
    await services.beds.change(SYSTEM, command(), beds[1].id, BedChange(isolation=True))

    def applied(lines: Sequence[Line], onto: dict[tuple[str, str], Line]) -> dict[tuple[str, str], Line]:
        for line in lines:
            if line["version"] > versions.get(line["stream"], 0):
                onto[line["stream"], line["key"]] = line["value"]
        return onto

    news, _ = await server.follow(after)
    fresh = applied(news, state)
    versions.clear()
    everything, _ = await server.follow()
    assert fresh == applied(everything, {})
    assert {line["stream"] for line in news} >= {"beds/hospital", "beds/ward:ICU"}
    assert "beds/ward:SURG" not in {line["stream"] for line in news}


async def test_after_a_new_epoch_or_a_detached_month_a_reader_is_told_how_to_start_over(
    hospital: Hospital, stores: Stores, reader: ReaderFactory, query: Query, clock: ManualClock
) -> None:
    server = await reader("beds")
    await query("SELECT hms_make_partitions(now() - interval '62 days', 1)")
    await query(
        "INSERT INTO change_log SELECT 'beds/ward:OLD', n, now() - interval '62 days', n, 1,"
        ' \'[{"op": "remove", "key": "bed:1", "cause": "left"}]\', 0, 0 FROM generate_series(1, 3) n'
    )
    async with connected(stores) as writer:
        await writer.write("beds/ward:S1")
    first = await server.get(limit=2)
    assert _versions(first.changes) == {"beds/ward:OLD": [1, 2]}, "also what is older than the feed"
    rest, _ = await server.follow(first.end["cursor"])
    assert _versions(rest) == {"beds/ward:OLD": [3], "beds/ward:S1": [1]}
    (part,) = await query(
        "SELECT tableoid::regclass AS name FROM change_log WHERE stream = 'beds/ward:OLD' LIMIT 1"
    )
    await query(f"ALTER TABLE change_log DETACH PARTITION {part.name}")
    gone = await server.get(after=first.end["cursor"])
    assert (gone.status, gone.problem["code"], gone.problem["reason"]) == (410, "gone", "no_longer_kept")
    kept, after = await server.follow(gone.problem["oldest"])
    assert _versions(kept) == {"beds/ward:S1": [1]}

    clock.advance(timedelta(minutes=2))
    await query("UPDATE stream_epoch SET changed_at = now() - interval '1 hour'")
    await epochs.went_back(hospital.engine, "a test says so")
    gone = await server.get(after=after)
    assert (gone.status, gone.problem["reason"]) == (410, "epoch_changed")
    assert gone.problem["snapshot"] == "/api/v1/changes/snapshot"
    async with connected(stores) as writer:  # ids may begin anew on another cluster; the era puts them behind
        await writer.write("beds/ward:S1")
    again, _ = await server.follow(gone.problem["oldest"])
    assert _versions(again) == {"beds/ward:S1": [1, 2]}
    for nonsense in ("x", "e30", encode_cursor(server.made.account)):
        assert (await server.get(after=nonsense)).problem["code"] == "invalid"


async def test_rows_of_another_cluster_come_first_whatever_their_ids(
    hospital: Hospital, stores: Stores, reader: ReaderFactory, query: Query
) -> None:
    """A dump that was restored elsewhere: its ids are far ahead of the cluster's."""
    server = await reader("beds")
    async with connected(stores) as writer:
        await writer.write("beds/ward:S1")
        await query("ALTER TABLE change_log DISABLE TRIGGER append_only")
        await query("UPDATE change_log SET xid = xid + 1000000000, position = position + 1000000000")
        await query("UPDATE stream_head SET position = position + 1000000000")
        await query("ALTER TABLE change_log ENABLE TRIGGER append_only")
        await query("UPDATE stream_epoch SET system_identifier = 1")
        await epochs.check(hospital.engine)
        await writer.write("beds/ward:S1")
    lines, _ = await server.follow()
    assert _versions(lines) == {"beds/ward:S1": [1, 2]}


async def test_a_page_is_one_range_of_one_index(hospital: Hospital, stores: Stores) -> None:
    async with connected(stores) as writer:
        for _ in range(3):
            await writer.write(*STREAMS)
    wanted = {"exact": ["lab/alerts"], "prefixes": ["beds/"]}
    start = {"era": 0, "position": 0, "stream": "", "version": 0}
    most = {**start, "now_era": 9, "settled": 9, "most": 9}
    asked = (
        (change_feed._FOUND, {**most, **wanted, "limit": 9}),
        (change_feed._LOOKED, most),
        (change_feed._READ, {**most, **wanted, "limit": 9}),
    )
    async with hospital.engine.connect() as connection:
        await connection.execute(text("SET enable_seqscan = off"))
        await connection.execute(text("SET enable_sort = off"))
        for statement, values in asked:
            plan = await connection.execute(text(f"EXPLAIN (COSTS OFF) {statement.text}"), values)
            told = "\n".join(plan.scalars())
            scans = [line for line in told.splitlines() if "Scan" in line and "on change_log" in line]
            scans = [line for line in scans if "_pkey" not in line]
            assert scans, told
            assert all("Index Only Scan using" in line and "_at_idx" in line for line in scans), told
            assert told.count('Index Cond: ((ROW(era, "position", stream, version) > ROW(') == len(scans), (
                told
            )
            assert "Merge Append" in told, told
