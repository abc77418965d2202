"""Interleaved rounds: A B C, A B C, ..., so that what else the machine does falls on all alike."""

import statistics
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from bench.harness import Ground
from bench.load import LoadError, Measured
from bench.subjects import Cores, Subject

TROUBLE = (LoadError, RuntimeError, OSError, TimeoutError, SQLAlchemyError)
"""What one run may fail with; the others go on."""


@dataclass
class Bench:
    """What every scenario works with. ``tokens`` is a file of the screens' cookies, one to a line."""

    place: Ground
    cores: Cores
    tokens: Path
    console: Console
    quick: bool
    rounds: int
    seconds: float
    failures: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Tell how far it is."""
        self.console.print(f"  {text}", highlight=False, markup=False, soft_wrap=True)

    def failed(self, what: str, error: BaseException) -> None:
        """One run failed: remember it, say it, go on."""
        told = f"{what}: {str(error) or type(error).__name__}"
        self.failures.append(told)
        self.console.print(f"  FAILED {told}", highlight=False, style="red", markup=False, soft_wrap=True)


async def interleaved(
    bench: Bench,
    what: str,
    subjects: Sequence[Subject],
    measure: Callable[[Subject], Awaitable[Measured]],
    told: str,
) -> dict[str, list[Measured]]:
    """``measure`` every subject once a round; ``told`` is the figure to show while it runs."""
    found: dict[str, list[Measured]] = {subject.key: [] for subject in subjects}
    for number in range(1, bench.rounds + 1):
        for subject in subjects:
            label = f"{what}, {subject.title}, round {number} of {bench.rounds}"
            try:
                measured = await measure(subject)
            except TROUBLE as error:
                bench.failed(label, error)
                continue
            found[subject.key].append(measured)
            if missing := sum(int(measured.get(figure, 0)) for figure in ("holes", "gaps", "reorders")):
                bench.failed(label, RuntimeError(f"{missing} changes were missing or out of order"))
            bench.say(f"{label}: {told} {float(measured[told]):,.1f}")
    return found


def medians(runs: Sequence[Measured], keys: Iterable[str]) -> dict[str, Any]:
    """The median of each figure over the runs, and the runs' own figures; empty if there were none."""
    if not runs:
        return {}
    each = {key: [float(run[key]) for run in runs if key in run] for key in keys}
    middle: dict[str, Any] = {key: statistics.median(values) for key, values in each.items() if values}
    return {**middle, "runs": each}


def summed_up(
    found: Mapping[str, Sequence[Measured]], subjects: Sequence[Subject], keys: Sequence[str]
) -> dict[str, Any]:
    """By subject: its title and :func:`medians`; a subject of which every run failed is left out."""
    titles = {subject.key: subject.title for subject in subjects}
    return {
        key: {"title": titles[key], **medians(runs, keys)} for key, runs in found.items() if len(runs) > 0
    }
