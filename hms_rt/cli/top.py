"""``hms-rt top``: the running installation, as its processes report it to Redis once a second."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hms_rt.cli.loop import stop_event
from hms_rt.config import ConfigError
from hms_rt.realtime.status import InstallationStatus, ProcessStatus, read, together
from hms_rt.storage.notes import TROUBLE, Notes
from hms_rt.storage.redis import make_redis

NOBODY = (
    "no process reports: is `hms-rt serve` running, and with this REDIS_URL? "
    "(a process is forgotten five seconds after its last report)"
)
SWEEP_LATE_S = 2.0
LOOP_LATE_MS = 50.0
BACKLOG = 1_000
READER_LATE_S = 600.0
MIB = 1024 * 1024
WIDE = 120
WIDE_ONLY = frozenset({"version", "rooms", "MiB/s", "backlog", "memory"})
"""What a terminal of 80 columns does not show."""


def embedded_redis(folder: Path) -> str | None:
    """The Redis of a demo, or of ``serve --embedded``, that runs on this data folder; None if none does."""
    elsewhere = folder / "servers" / "run.path"
    run = Path(elsewhere.read_text()) if elsewhere.is_file() else folder / "servers" / "run"
    socket = run.resolve() / "kv.sock"
    return f"unix://{quote(str(socket))}" if socket.exists() else None


async def once(url: str, console: Console, complaints: Console, *, as_json: bool) -> None:
    """Print the installation as of now; exits with 1 if no process reports."""
    async with _notes(url) as notes:
        found = await look(notes)
    if as_json:
        console.out(found.model_dump_json(indent=2), highlight=False)
    elif found.processes:
        console.print(screen(found, console.width))
    if not found.processes:
        complaints.print(f"[bold red]{NOBODY}[/]", highlight=False)
        raise typer.Exit(1)


async def watch(url: str, console: Console, seconds: float) -> None:
    """Redraw until Ctrl-C; while Redis is away, say so and go on asking."""
    stop = stop_event()
    async with _notes(url) as notes:
        first = screen(await look(notes), console.width)  # a wrong address is told at once
        with Live(first, console=console, screen=True, auto_refresh=False) as live:
            while not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), seconds)
                live.update(await _drawn(notes, console.width), refresh=True)


async def _drawn(notes: Notes, width: int) -> RenderableType:
    try:
        return screen(await look(notes), width)
    except ConfigError as away:
        return Text(str(away), style="bold red")


@asynccontextmanager
async def _notes(url: str) -> AsyncIterator[Notes]:
    try:
        redis = make_redis(url)
    except ValueError:
        raise ConfigError("REDIS_URL must begin with redis://, rediss:// or unix://") from None
    try:
        yield Notes(redis)
    finally:
        with suppress(*TROUBLE):
            await redis.aclose()


async def look(notes: Notes) -> InstallationStatus:
    """What the processes reported lately; raises :class:`ConfigError` when Redis does not answer."""
    try:
        return together(read(await notes.read()), redis=True)
    except TROUBLE as error:
        raise ConfigError(
            f"REDIS_URL: no answer ({type(error).__name__}). The servers go on without Redis, but cannot be "
            "watched through it; each can still be asked: /readyz, /metrics, /api/v1/status"
        ) from None


def screen(found: InstallationStatus, width: int) -> RenderableType:
    """Everything that fits into ``width`` columns, the worst things in red."""
    if not found.processes:
        return Text(NOBODY, style="bold red")
    parts: list[RenderableType] = [_headline(found), _processes(found, wide=width >= WIDE)]
    if found.rooms:
        parts.append(_rooms(found))
    if found.readers:
        parts.append(_readers(found))
    parts.append(_slow(found) if found.slow else Text("no slow clients", style="green"))
    return Group(*parts)


def _headline(found: InstallationStatus) -> Text:
    clients = "   ".join(f"{one.namespace} {one.audience} {one.clients:,}" for one in found.connections)
    changes = sum(one.changes_per_s for one in found.processes)
    return Text.assemble(
        ("hms-rt ", "bold"),
        f"{len(found.processes)} processes, {found.sockets:,} sockets, {changes:,.0f} changes/s   ",
        (clients, "cyan"),
    )


def _table(title: str, left: int, columns: Iterable[str]) -> Table:
    """A table whose first ``left`` columns are texts and whose others are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.padding, table.pad_edge = (0, 1, 0, 0), False
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right", no_wrap=True)
    return table


def _processes(found: InstallationStatus, *, wide: bool) -> Table:
    lines = [{**_traffic(one), **_health(one)} for one in found.processes]
    shown = [column for column in lines[0] if wide or column not in WIDE_ONLY]
    table = _table("Processes", 2, shown)
    for line in lines:
        table.add_row(*(line[column] for column in shown))
    return table


def _traffic(one: ProcessStatus) -> dict[str, str | Text]:
    worker = "" if one.worker is None else f" w{one.worker}"
    return {
        "host": one.host,
        "process": f"{one.pid}{worker}",
        "version": one.version,
        "up": Text("drains", style="bold red") if one.draining else _up(one),
        "sockets": f"{one.sockets:,}",
        "rooms": f"{one.rooms_total:,}",
        "changes/s": f"{one.changes_per_s:,.0f}",
        "MiB/s": f"{one.bytes_per_s / MIB:,.1f}",
    }


def _health(one: ProcessStatus) -> dict[str, str | Text]:
    return {
        "sweep": _marked(f"{one.sweep_lag_s:.1f} s", bad=one.sweep_lag_s > SWEEP_LATE_S),
        "loop": _marked(f"{one.loop_lag_ms:.0f} ms", bad=one.loop_lag_ms > LOOP_LATE_MS),
        "backlog": _marked(f"{one.publisher_backlog:,}", bad=one.publisher_backlog > BACKLOG),
        "memory": f"{one.memory_mib:.0f} MiB",
        "Redis": _marked("up" if one.redis else "down", bad=not one.redis),
    }


def _rooms(found: InstallationStatus) -> Table:
    columns = ("namespace", "room", "audience", "sockets", "version", "apart")
    table = _table("Rooms, fullest first", 3, columns)
    for room in found.rooms:
        version = "" if room.version is None else str(room.version)
        table.add_row(
            room.namespace,
            room.room,
            room.audience,
            f"{room.sockets:,}",
            version,
            str(room.behind) if room.behind else "",
        )
    return table


def _readers(found: InstallationStatus) -> Table:
    columns = ("account", "by", "state", "last read", "behind", "lag", "dead letters")
    table = _table("External servers", 4, columns)
    for one in found.readers:
        table.add_row(
            one.name,
            one.kind.value,
            _marked(one.state, bad=one.state not in {"active", "paused"}),
            "never" if one.last_read_at is None else f"{one.last_read_at:%Y-%m-%d %H:%M:%S}Z",
            f"{one.behind:,}",
            _marked(f"{one.lag_s:,.0f} s", bad=one.lag_s > READER_LATE_S),
            _marked(str(one.dead_letters), bad=one.dead_letters > 0),
        )
    return table


def _slow(found: InstallationStatus) -> Table:
    columns = ("namespace", "address", "kind", "unread", "rooms behind", "nothing taken for")
    table = _table("Slow clients, worst first", 3, columns)
    for client in found.slow:
        table.add_row(
            client.namespace,
            client.address,
            client.kind.value,
            f"{client.behind_bytes / 1024:,.0f} KiB",
            str(client.dirty_rooms),
            f"{client.stuck_s:.1f} s",
        )
    return table


def _marked(text: str, *, bad: bool) -> Text:
    return Text(text, style="bold red" if bad else "")


def _up(one: ProcessStatus) -> str:
    seconds = (datetime.now(UTC) - one.started_at).total_seconds()
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours}:{minutes % 60:02} h" if hours else f"{minutes}:{int(seconds) % 60:02}"
