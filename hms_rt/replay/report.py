"""What became of every row of a log: counts, reasons, named irregular cases, rates."""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from hms_rt.kernel.clock import rfc3339


class Outcome(StrEnum):
    """What became of a row."""

    APPLIED = "applied"
    BEFORE = "applied before"  # an earlier run did it: nothing ran again
    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the log and its outcome. ``reason`` is short and counted; ``detail`` is for this row."""

    number: int
    case: str
    activity: str
    at: datetime | None
    outcome: Outcome
    reason: str = ""
    detail: str = ""


@dataclass
class Report:
    """Every row accounted for exactly once, and how fast it went.

    ``irregular`` names cases by what is odd about them. ``endings`` are what happened after the last row of
    cases, which is in no row; ``counts`` visits and critical values. ``broken_off`` says why the replay
    ended early, if it did.
    """

    rows: int
    lines: list[Line] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    irregular: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0
    requests: int = 0
    retries: int = 0
    broken_off: str | None = None

    def add(self, lines: Iterable[Line]) -> None:
        """Account for rows."""
        self.lines.extend(lines)

    def count(self, outcome: Outcome) -> int:
        """Rows with that outcome."""
        return sum(line.outcome is outcome for line in self.lines)

    def by_activity(self) -> dict[str, Counter[Outcome]]:
        """Outcomes of each activity, the most frequent activity first."""
        counted: dict[str, Counter[Outcome]] = {}
        for line in self.lines:
            counted.setdefault(line.activity, Counter())[line.outcome] += 1
        return dict(sorted(counted.items(), key=lambda item: -item[1].total()))

    def reasons(self) -> Counter[tuple[Outcome, str, str]]:
        """How often each reason kept a row of an activity from being applied."""
        return Counter(
            (line.outcome, line.activity, line.reason)
            for line in self.lines
            if line.outcome in {Outcome.REFUSED, Outcome.SKIPPED}
        )

    @property
    def complete(self) -> bool:
        """True if every row is accounted for exactly once."""
        return sorted(line.number for line in self.lines) == list(range(1, self.rows + 1))

    def write(self, path: Path) -> None:
        """One line of CSV for each row of the log."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("row", "case", "activity", "time", "outcome", "reason", "detail"))
            for line in sorted(self.lines, key=lambda line: line.number):
                at = "" if line.at is None else rfc3339(line.at)
                writer.writerow(
                    (line.number, line.case, line.activity, at, line.outcome, line.reason, line.detail)
                )
