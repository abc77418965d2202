"""``hms-rt import``: files into the hospital whose stores the settings name."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from hms_rt.config import ConfigError, load
from hms_rt.importing.kinds import Kind
from hms_rt.importing.outcome import Outcome
from hms_rt.importing.run import KEPT, Summary
from hms_rt.importing.source import SourceError

SHOW_PROGRESS_S = 1.0


class _Bar:
    """A progress bar that appears only for what takes over a second."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            "[progress.description]{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task("importing", total=None)
        self._started = time.monotonic()
        self._shown = False

    def __call__(self, done: int, lines: int) -> None:
        self._progress.update(self._task, completed=done, total=lines)
        if not self._shown and time.monotonic() - self._started > SHOW_PROGRESS_S:
            self._shown = True
            self._progress.start()

    def close(self) -> None:
        if self._shown:
            self._progress.stop()


def import_command(
    what: Annotated[Kind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="A CSV file with a header.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every line against the hospital, change nothing.")
    ] = False,
    delimiter: Annotated[str, typer.Option(help="Between fields: one character, or `tab`.")] = ",",
    encoding: Annotated[str, typer.Option(help="Of the file, such as cp1252.")] = "utf-8",
    report: Annotated[
        Path | None, typer.Option(help="Write line, outcome, subject and reason of every line here.")
    ] = None,
    stop_on_error: Annotated[
        bool, typer.Option("--stop-on-error", help="Do nothing after the first line that is refused.")
    ] = False,
    passwords: Annotated[
        Path | None,
        typer.Option(help="Where generated passwords of staff go; <FILE>.passwords.csv unless told."),
    ] = None,
) -> None:
    """Import wards and beds, staff or patients from CSV. Importing twice changes nothing.

    beds: ward, room, bed [ward_name, facility, building, status].
    staff: username, display_name, roles [assignments, password]; lists like `ward:ICU;cashier`.
    patients: family_name [mrn, given_name, birth_date, sex, phone].
    """
    console = Console(stderr=True)
    passwords = passwords or file.with_suffix(".passwords.csv")
    bar = _Bar(console)
    from hms_rt.cli.importing import import_file

    try:
        summary = asyncio.run(
            import_file(
                load(),
                what,
                file,
                passwords,
                {"delimiter": delimiter, "encoding": encoding},
                {"dry_run": dry_run, "stop_on_error": stop_on_error, "report": report, "progress": bar},
            )
        )
    except (ConfigError, SourceError) as error:
        console.print(f"[red]nothing was imported[/]\n{escape(str(error))}")
        raise typer.Exit(2) from None
    except OSError as error:
        console.print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from None
    finally:
        bar.close()
    show(console, summary, dry_run=dry_run)
    if what is Kind.STAFF and not dry_run and passwords.exists():
        console.print(f"generated passwords: {escape(str(passwords))} (hand them out, then delete it)")
    if not summary.clean:
        raise typer.Exit(1)


def show(console: Console, summary: Summary, *, dry_run: bool) -> None:
    """The refusals, then the sums."""
    for refusal in summary.refusals:
        subject = f" ({refusal.subject})" if refusal.subject else ""
        console.print(f"line {refusal.line}{escape(subject)}: {escape(refusal.detail)}", highlight=False)
    more = summary.counts[Outcome.REFUSED] - len(summary.refusals)
    if more > 0:
        console.print(f"... and {more} more refused; --report FILE lists them all (here: the first {KEPT})")
    if summary.stopped:
        console.print(
            f"[red]stopped[/] after {summary.done} of {summary.lines} lines: {escape(summary.stopped)}"
        )
    rate = summary.done / summary.seconds if summary.seconds > 0 else 0
    console.print(
        f"{'[bold]dry run, nothing was changed[/]: ' if dry_run else ''}"
        f"{summary.counts[Outcome.CREATED]} {'to create' if dry_run else 'created'}, "
        f"{summary.counts[Outcome.EXISTS]} there already, {summary.counts[Outcome.REFUSED]} refused; "
        f"{summary.seconds:.1f} s, {rate:,.0f} lines a second",
        highlight=False,
    )
