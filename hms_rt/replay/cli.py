"""The command ``hms-rt replay``."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from hms_rt.kernel.principal import Role
from hms_rt.replay.client import Account, RefusedError, SignInError, UnreachableError
from hms_rt.replay.log import LogError
from hms_rt.replay.mapping import MappingError
from hms_rt.replay.report import Report
from hms_rt.replay.run import DEFAULT_URL, ReplaySettings, Watcher, replay
from hms_rt.replay.staff import AccountsError, read_accounts
from hms_rt.replay.tables import show

FAILURES = (LogError, MappingError, AccountsError, SignInError, UnreachableError, RefusedError)


class Bar:
    """Progress on a terminal, with the rate."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: TaskID = self._progress.add_task("connecting", total=None, rate="")

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, rows: int) -> None:
        """The preparations are done."""
        self._progress.reset(self._task, total=rows, description="events", rate="")

    def moved(self, rows: int) -> None:
        """So many more rows are done."""
        self._progress.advance(self._task, rows)
        speed = self._progress.tasks[0].speed
        self._progress.update(self._task, rate=f"{speed:,.0f}/s" if speed else "")

    def phase(self, text: str) -> None:
        """What is being done before the first row."""
        self._progress.update(self._task, description=text)


def replay_command(
    file: Annotated[Path, typer.Argument(help="Event log: a CSV file.", exists=True, dir_okay=False)],
    url: Annotated[str, typer.Option(help="Address of the running server.")] = DEFAULT_URL,
    mapping: Annotated[
        str | None, typer.Option(help="Name of a mapping, or a TOML file. Default: by the file's columns.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.01, help="So many times faster than it was; without it, at once.")
    ] = None,
    user: Annotated[str, typer.Option(help="Administrator who prepares the hospital.")] = "admin",
    password: Annotated[
        str | None, typer.Option(envvar="HMS_PASSWORD", help="The administrator's password.")
    ] = None,
    accounts: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of accounts by role, an administrator among them.", exists=True, dir_okay=False
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Play the first so many rows of the file.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=500, help="Cases at once.")] = 24,
    run: Annotated[str, typer.Option(help="Name of a further run, with patients of its own.")] = "",
    report: Annotated[
        Path | None, typer.Option(help="Write what became of each row to this CSV file.")
    ] = None,
) -> None:
    """Drive a running hospital from a log of real events, through its public API."""
    console = Console()
    try:
        people = read_accounts(accounts) if accounts is not None else _administrator(user, password)
        settings = ReplaySettings(
            file=file,
            accounts=people,
            url=url,
            mapping=mapping,
            speed=speed,
            limit=limit,
            concurrency=concurrency,
            run=run,
        )
        with Bar(console) as bar:
            made = asyncio.run(_run(settings, bar))
    except FAILURES as error:
        console.print(f"[bold red]Replay failed:[/] {error}", highlight=False)
        raise typer.Exit(1) from None
    show(made, console)
    if report is not None:
        made.write(report)
        console.print(f"What became of each row: {report}")
    raise typer.Exit(0 if made.broken_off is None else 1)


def _administrator(user: str, password: str | None) -> dict[Role, tuple[Account, ...]]:
    secret = password if password is not None else typer.prompt(f"Password of {user}", hide_input=True)
    return {Role.ADMIN: (Account(user, secret),)}


async def _run(settings: ReplaySettings, bar: Bar) -> Report:
    watcher = Watcher(started=bar.started, moved=bar.moved, phase=bar.phase)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, watcher.stop.set)
    return await replay(settings, watcher)
