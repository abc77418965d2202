"""One import from beginning to end: survey, plan and carry out by batches, report each line."""

import csv
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hms_rt.importing.outcome import Importer, Outcome, Planned, Result, Wanted
from hms_rt.importing.source import Row, Source
from hms_rt.kernel.errors import HmsError

KEPT = 50
"""How many refusals a summary holds; the report has them all."""


@dataclass
class Summary:
    """What an import did; ``stopped`` says why it ended before the last line."""

    lines: int
    """How many the file has."""
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    refusals: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str = ""

    @property
    def done(self) -> int:
        """How many lines were dealt with."""
        return sum(self.counts.values())

    @property
    def clean(self) -> bool:
        """True if every line is in the hospital now (or would be)."""
        return not self.stopped and not self.counts[Outcome.REFUSED]

    def take(self, result: Result) -> None:
        """Count one more line."""
        self.counts[result.outcome] += 1
        if result.outcome is Outcome.REFUSED and len(self.refusals) < KEPT:
            self.refusals.append(result)


class Report:
    """The report as CSV, a line for every line of the file; readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(("line", "outcome", "subject", "detail"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, result: Result) -> None:
        """One line."""
        self._writer.writerow((result.line, result.outcome.value, result.subject, result.detail))


async def run(
    importer: Importer[Any],
    source: Source,
    *,
    dry_run: bool = False,
    stop_on_error: bool = False,
    report: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, lines: None,
) -> Summary:
    """Import ``source``. ``progress`` hears lines done and lines in all, after every batch.

    Nothing is changed by a dry run, nor by a file that cannot be read as a whole (:class:`SourceError`).
    With ``stop_on_error`` no line after the first refused one is carried out. What was carried out stays:
    after a failure run it again, lines that are in already are only reported as such.
    """
    summary = Summary(lines=source.survey())
    started = time.monotonic()
    try:
        await importer.load()
        with ExitStack() as stack:
            written = stack.enter_context(Report(report)) if report is not None else None
            for rows in _batches(source.rows(), importer.batch):
                results = await _batch(importer, rows, dry_run=dry_run, stop_on_error=stop_on_error)
                for result in results:
                    summary.take(result)
                    if written is not None:
                        written.add(result)
                progress(summary.done, summary.lines)
                if stop_on_error and summary.counts[Outcome.REFUSED]:
                    summary.stopped = "a line was refused"
                    break
    except HmsError as error:
        summary.stopped = error.detail
    summary.seconds = time.monotonic() - started
    return summary


def _batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, size)):
        yield batch


async def _batch(
    importer: Importer[Any], rows: Sequence[Row], *, dry_run: bool, stop_on_error: bool
) -> list[Result]:
    planned = await importer.plan(rows)
    if stop_on_error:
        planned = _until_refused(planned)
    wanted = [each for each in planned if isinstance(each, Wanted)]
    results = iter([each.done() for each in wanted] if dry_run else await importer.carry_out(wanted))
    return [next(results) if isinstance(each, Wanted) else each for each in planned]


def _until_refused(planned: list[Planned[Any]]) -> list[Planned[Any]]:
    for count, each in enumerate(planned, start=1):
        if isinstance(each, Result) and each.outcome is Outcome.REFUSED:
            return planned[:count]
    return planned
