"""One replay from start to end: file, mapping, accounts, setup, engine, report."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hms_rt.kernel.principal import Role
from hms_rt.replay.case import Counters, World
from hms_rt.replay.client import Account, Server, Session
from hms_rt.replay.engine import WINDOW, Engine
from hms_rt.replay.irregular import busiest, irregularities
from hms_rt.replay.log import EventLog, header, read_log
from hms_rt.replay.mapping import LogMapping, find_mapping
from hms_rt.replay.report import Report
from hms_rt.replay.setup import prepare
from hms_rt.replay.staff import AccountsError, Staff, open_accounts
from hms_rt.replay.wards import WardCleaner

ROWS_AHEAD = 2 * WINDOW
"""By how many rows, for each case at once, events may overtake others: a batch seldom has over two rows."""

DEFAULT_URL = "http://127.0.0.1:5000"


@dataclass(frozen=True)
class ReplaySettings:
    """What to replay, where, as whom and how fast.

    ``mapping``: a name or a TOML file; None recognises the file by its columns. ``accounts`` by role; an
    administrator among them prepares the hospital, and where only an administrator is given, accounts for
    the other roles are opened. ``speed``: so many times faster than it was; None for as fast as it goes.
    ``run`` names a further run of the same file, with patients of its own. ``patience`` in seconds: how
    long to wait for a server that is away. ``escalation_patience``, in seconds too: how long a critical value
    that nobody answers waits for the server to tell it to more people.
    """

    file: Path
    accounts: Mapping[Role, Sequence[Account]] = field(repr=False)
    url: str = DEFAULT_URL
    mapping: str | None = None
    speed: float | None = None
    limit: int | None = None
    concurrency: int = 24
    run: str = ""
    patience: float = 60.0
    escalation_patience: float = 20.0


@dataclass
class Watcher:
    """Who looks on: told what happens, and may say stop. Every field may be left out."""

    started: Callable[[int], None] = lambda rows: None
    moved: Callable[[int], None] = lambda rows: None
    phase: Callable[[str], None] = lambda text: None
    stop: asyncio.Event = field(default_factory=asyncio.Event)


async def replay(settings: ReplaySettings, watcher: Watcher | None = None) -> Report:
    """Play the whole file; every row of it is in the report exactly once.

    Running it again repeats nothing: answers that the server still keeps count as applied before, and cases
    older than that are skipped by their record number. Raises ``LogError``, ``MappingError``,
    ``AccountsError``, ``SignInError``, ``UnreachableError``, or ``RefusedError`` by the preparations.
    """
    watcher = watcher or Watcher()
    mapping = find_mapping(settings.mapping, header(settings.file))
    log = await asyncio.to_thread(read_log, settings.file, mapping, limit=settings.limit)
    async with Server(
        settings.url, connections=settings.concurrency + 8, patience=settings.patience
    ) as server:
        watcher.phase("preparing wards, clinics, tests and accounts")
        staff, counters = await get_ready(server, settings, mapping, log)
        watcher.started(len(log.rows) + len(log.unreadable))
        return await play(server, settings, mapping, log, staff, counters, watcher)


async def get_ready(
    server: Server, settings: ReplaySettings, mapping: LogMapping, log: EventLog
) -> tuple[Staff, Counters]:
    """Sign the staff in; with an administrator, make what the log needs."""
    accounts = dict(settings.accounts)
    admins = accounts.get(Role.ADMIN, ())
    if admins and set(accounts) == {Role.ADMIN}:
        accounts = dict(await open_accounts(server, admins[0]))
    staff = Staff(server, accounts)
    if not admins:
        raise AccountsError("an administrator is needed to prepare wards, clinics, tests and assignments")
    counters = await prepare(
        Session(server, admins[0]),
        mapping,
        busiest=busiest(log.rows, mapping, ahead=ROWS_AHEAD * settings.concurrency),
        staff=staff,
    )
    return staff, Counters(counters)


async def play(
    server: Server,
    settings: ReplaySettings,
    mapping: LogMapping,
    log: EventLog,
    staff: Staff,
    counters: Counters,
    watcher: Watcher,
) -> Report:
    """Play a log that everything is ready for."""
    report = Report(rows=len(log.rows) + len(log.unreadable))
    report.irregular = irregularities(log.rows, mapping)
    run = f":{settings.run}" if settings.run else ""
    world = World(
        mapping=mapping,
        staff=staff,
        counters=counters,
        prefix=f"replay:{log.digest[:16]}{run}",
        run=settings.run,
        clean_ward=WardCleaner(staff.of(Role.NURSE, "")),
        escalation_patience=settings.escalation_patience,
    )
    engine = Engine(
        log,
        world,
        report,
        concurrency=settings.concurrency,
        speed=settings.speed,
        progress=watcher.moved,
    )
    stopping = asyncio.create_task(_stop_when_told(engine, watcher.stop))
    try:
        await engine.run()
    finally:
        stopping.cancel()
    report.requests, report.retries = server.requests, server.retries
    report.counts = world.counts
    return report


async def _stop_when_told(engine: Engine, stop: asyncio.Event) -> None:
    await stop.wait()
    engine.stop()
