"""``hms-rt change-log``: the months of the change log, for whoever operates the database."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from hms_rt.config import ConfigError, load

change_log = typer.Typer(
    help="The months of the change log: list, detach, attach, export, drop.", no_args_is_help=True
)
console = Console()
complaints = Console(stderr=True)

Name = Annotated[str, typer.Argument(help="Such as change_log_2026_01; see `hms-rt change-log months`.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _run(work: Any) -> None:
    """Run ``work`` on the hospital of the settings; what can be mended is told without a stack."""
    from hms_rt.cli import loop, months
    from hms_rt.kernel.errors import HmsError

    try:
        settings = load()
        if problems := settings.problems():
            raise ConfigError("\n".join(problems))
        loop.run(lambda: months.on(settings, work))
    except (ConfigError, HmsError, OSError) as error:
        for line in str(error).splitlines():
            complaints.print(f"  • {line}", style="bold red", highlight=False)
        raise typer.Exit(2) from None


@change_log.command("months")
def months_command() -> None:
    """Every month, whether it is part of the log, about how many rows it has and how large it is; and the
    audit trail, which is one table and kept for ever."""
    from hms_rt.cli import months

    _run(lambda hospital: months.show(hospital, console))


@change_log.command()
def detach(name: Name, yes: Yes = False) -> None:
    """Take the oldest month out of the log: it stays in the database, and nobody reads it any more."""
    from hms_rt.cli import months

    if not yes:
        typer.confirm(
            f"{name}: the feed answers 410 to readers that stand before its end, and no board resumes from"
            " it. Detach it?",
            abort=True,
        )
    _run(lambda hospital: months.detach(hospital, name, console))


@change_log.command()
def attach(name: Name) -> None:
    """Put the newest detached month back."""
    from hms_rt.cli import months

    _run(lambda hospital: months.attach(hospital, name, console))


@change_log.command()
def export(
    name: Name, file: Annotated[Path, typer.Argument(help="Made anew; with FILE.sha256 beside it.")]
) -> None:
    """Write a month to a file, a row a line as JSON, in the order of the feed; and its SHA-256."""
    from hms_rt.cli import months

    if file.exists():
        complaints.print(f"  • {file} is there already", style="bold red", highlight=False)
        raise typer.Exit(2)
    _run(lambda hospital: months.export(hospital, name, file, console))


@change_log.command()
def drop(name: Name, yes: Yes = False) -> None:
    """Delete a detached month for good. Export it first: what is dropped comes back from a backup only."""
    from hms_rt.cli import months

    if not yes and typer.prompt(f"Its rows are gone for good. Type {name} to drop it") != name:
        complaints.print("not dropped", style="bold red")
        raise typer.Exit(1)
    _run(lambda hospital: months.drop(hospital, name, console))
