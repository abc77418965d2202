"""The order of a replay: by time, case by case, as many cases at once as are ready, and at what pace."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from hms_rt.replay.log import Row
from hms_rt.replay.mapping import Action, Lab, LogMapping

END = "(end of the case)"

LATE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What is done in one go: a row, or the laboratory rows of one case and moment.

    ``actions`` holds those of each row. ``ending`` marks what follows the last row of a case.
    """

    case: str
    at: datetime
    rows: tuple[Row, ...]
    actions: tuple[tuple[Action, ...], ...]
    ending: bool = False

    @property
    def tests(self) -> list[str]:
        """The test templates of laboratory rows; empty for any other batch."""
        return [only.test for (only, *_) in self.actions if isinstance(only, Lab)]

    def takes(self, row: Row, actions: tuple[Action, ...]) -> bool:
        """True if ``row`` belongs to the same order of the laboratory; a test comes once in an order."""
        if self.case != row.case or self.at != row.at or len(actions) != 1 or not self.tests:
            return False
        (lab,) = actions
        (first,) = self.actions[0]
        if not isinstance(lab, Lab) or not isinstance(first, Lab) or lab.test in self.tests:
            return False
        return (lab.priority, lab.stages) == (first.priority, first.stages)

    def with_row(self, row: Row, actions: tuple[Action, ...]) -> "Batch":
        """This batch and one more row."""
        return replace(self, rows=(*self.rows, row), actions=(*self.actions, actions))


def plan(rows: Iterable[Row], mapping: LogMapping) -> list[Batch]:
    """The batches of ``rows`` (whose activities are all mapped) and the endings of their cases, by time."""
    newest: dict[str, int] = {}
    batches: list[Batch] = []
    for row in rows:
        actions = mapping.activities[row.activity]
        place = newest.get(row.case)
        if place is not None and batches[place].takes(row, actions):
            batches[place] = batches[place].with_row(row, actions)
            continue
        newest[row.case] = len(batches)
        batches.append(Batch(row.case, row.at, (row,), (actions,)))
    if mapping.end:
        pause = timedelta(minutes=mapping.end_after_minutes)
        batches += [_ending(batches[place], mapping.end, pause) for place in newest.values()]
        batches.sort(key=lambda batch: (batch.at, batch.ending, batch.rows[0].number))
    return batches


def _ending(last: Batch, actions: tuple[Action, ...], pause: timedelta) -> Batch:
    at = last.at + pause
    row = replace(last.rows[-1], activity=END, at=at)
    return Batch(last.case, at, (row,), (actions,), ending=True)


class Timeline:
    """Hands out batches by time, but never two of one case at once.

    A busy case is overtaken by later batches of others, though by no more than ``window`` places.
    """

    def __init__(self, batches: Sequence[Batch], *, window: int) -> None:
        self._pending = OrderedDict(enumerate(batches))
        self._busy: set[str] = set()
        self._window = window

    def take(self) -> Batch | None:
        """The earliest batch whose case is idle; None if there is none now."""
        for place, batch in islice(self._pending.items(), self._window):
            if batch.case not in self._busy:
                del self._pending[place]
                self._busy.add(batch.case)
                return batch
        return None

    def done(self, batch: Batch) -> None:
        """The case of ``batch`` may go on."""
        self._busy.discard(batch.case)

    def drain(self) -> list[Batch]:
        """Everything that was not handed out; nothing is left."""
        left = list(self._pending.values())
        self._pending.clear()
        return left


class Pace:
    """When a batch is due: ``speed`` times faster than it was, or at once without a speed."""

    def __init__(self, start: datetime, speed: float | None) -> None:
        self._start = start
        self._speed = speed
        self._began = asyncio.get_running_loop().time()

    def wait(self, at: datetime) -> float:
        """Seconds until ``at`` is due."""
        if self._speed is None:
            return 0.0
        due = self._began + (at - self._start).total_seconds() / self._speed
        ahead = due - asyncio.get_running_loop().time()
        if ahead < -LATE_SECONDS:  # the server was away: go on from here instead of rushing after the clock
            self._began -= ahead
        return max(0.0, ahead)
