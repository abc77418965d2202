"""The table that a run prints, and the file that later runs are compared with."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.matrix import Outcome


def verdict(outcome: Outcome) -> str:
    """One word."""
    if outcome.not_run:
        return "[yellow]not run[/]"
    failed = sum(not each.ok for each in outcome.verdicts)
    return (
        f"[red]{failed} of {len(outcome.verdicts)} failed[/]"
        if failed
        else f"[green]{len(outcome.verdicts)} hold[/]"
    )


def table(outcomes: list[Outcome], title: str) -> Table:
    """One line per fault."""
    made = Table(title=title)
    made.add_column("fault")
    made.add_column("what was done, when", max_width=48)
    for name in ("sent", "acked", "retried", "boards", "worst recovery", "longest silence", "checks", "took"):
        made.add_column(name, justify="right")
    for each in outcomes:
        done = each.not_run or "; ".join(each.done) or each.what
        figures = (str(each.sent), str(each.acknowledged), str(each.retried), str(each.boards))
        times = (f"{each.recovered_s:.1f} s", f"{each.longest_silence_s:.1f} s")
        made.add_row(each.name, done, *figures, *times, verdict(each), f"{each.seconds:.0f} s")
    return made


def details(console: Console, outcomes: list[Outcome], *, everything: bool) -> None:
    """Every check that failed, with what was found; with ``everything``, those that hold as well."""
    for outcome in outcomes:
        for each in outcome.verdicts:
            if everything or not each.ok:
                word = "[green]holds[/]" if each.ok else "[red]failed[/]"
                console.print(f"{outcome.name}: {each.name}: {word}", end=" ")
                console.print(each.detail, markup=False, highlight=False)


def write(path: Path, outcomes: list[Outcome], seed: int) -> None:
    """All of it as JSON."""
    told = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "ok": all(outcome.ok for outcome in outcomes),
        "faults": [dataclasses.asdict(outcome) | {"ok": outcome.ok} for outcome in outcomes],
    }
    path.write_text(json.dumps(told, indent=1) + "\n")
