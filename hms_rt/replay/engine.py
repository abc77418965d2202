"""Plays a log: cases side by side, each in its own order, every row accounted for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hms_rt.replay.case import Case, Scene, SkippedError, World
from hms_rt.replay.client import RefusedError, SignInError, UnreachableError
from hms_rt.replay.laboratory import play_tests
from hms_rt.replay.log import EventLog, Row
from hms_rt.replay.mapping import (
    Action,
    Admit,
    Arrive,
    Clean,
    Finish,
    Lab,
    LogMapping,
    Record,
    Release,
    Return,
    Serve,
    Stage,
    fill,
)
from hms_rt.replay.records import applies, record
from hms_rt.replay.report import Line, Outcome, Report
from hms_rt.replay.timeline import Batch, Pace, Timeline, plan
from hms_rt.replay.visits import KnownPatientError, arrive, come_again, finish, serve
from hms_rt.replay.wards import admit, clean, release

WINDOW = 4
"""How many times the number of cases at once later events may overtake a busy case."""

PLAYERS: dict[type[Any], Callable[[Any, Scene], Awaitable[None]]] = {
    Arrive: arrive,
    Return: come_again,
    Serve: serve,
    Finish: finish,
    Record: record,
    Admit: admit,
    Release: release,
    Clean: clean,
}
"""How each action is done; laboratory rows are played together."""

KNOWN = "replayed before: the patient is known (to play it again, name the run)"


class Engine:
    """One run of a log. ``progress`` is called with the number of rows done after each batch."""

    def __init__(
        self,
        log: EventLog,
        world: World,
        report: Report,
        *,
        concurrency: int,
        speed: float | None,
        progress: Callable[[int], None] = lambda rows: None,
    ) -> None:
        self._world = world
        self._report = report
        self._concurrency = concurrency
        self._progress = progress
        self._stopped = asyncio.Event()
        playable, unplayable = sort_out(log, world.mapping)
        report.add(unplayable)
        self._cases = cases_of(playable, world.mapping)
        batches = plan(playable, world.mapping)
        self._timeline = Timeline(batches, window=WINDOW * concurrency)
        self._start = batches[0].at if batches else None
        self._speed = speed

    def stop(self) -> None:
        """Take no further batch; what is under way is finished."""
        self._stopped.set()

    async def run(self) -> None:
        """Play until the end, :meth:`stop`, or the server is gone; then account for what was not played."""
        began = time.monotonic()
        running: dict[asyncio.Task[list[Line]], Batch] = {}
        try:
            await self._play_all(running)
        except (UnreachableError, SignInError) as error:
            self._report.broken_off = str(error)
        except asyncio.CancelledError:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            raise
        if self._stopped.is_set() and self._report.broken_off is None:
            self._report.broken_off = "stopped by the user"
        await self._wind_up(running)
        self._report.seconds += time.monotonic() - began

    async def _play_all(self, running: dict[asyncio.Task[list[Line]], Batch]) -> None:
        pace = Pace(self._start, self._speed) if self._start is not None else None
        waiting: Batch | None = None
        while not self._stopped.is_set():
            while len(running) < self._concurrency and pace is not None:
                waiting = waiting or self._timeline.take()
                if waiting is None or pace.wait(waiting.at) > 0:
                    break
                running[asyncio.create_task(self._play(waiting))] = waiting
                waiting = None
            if not running and waiting is None:
                return
            pause = pace.wait(waiting.at) if pace is not None and waiting is not None else None
            await self._harvest(running, pause)
        if waiting is not None:
            self._leave(waiting)

    async def _harvest(self, running: dict[asyncio.Task[list[Line]], Batch], pause: float | None) -> None:
        """Wait until something is finished, something is due or somebody says stop."""
        stopped = asyncio.create_task(self._stopped.wait())
        done, _ = await asyncio.wait({*running, stopped}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done:
            if task is not stopped:
                self._account(running.pop(task), task.result())  # type: ignore[arg-type]

    def _account(self, batch: Batch, lines: list[Line]) -> None:
        self._timeline.done(batch)
        if batch.ending:
            for line in lines:
                self._report.endings[line.reason or "visit closed"] += line.outcome is not Outcome.SKIPPED
            return
        self._report.add(lines)
        self._progress(len(lines))

    async def _wind_up(self, running: dict[asyncio.Task[list[Line]], Batch]) -> None:
        results = await asyncio.gather(*running, return_exceptions=True)
        for batch, result in zip(running.values(), results, strict=True):
            if isinstance(result, list):
                self._account(batch, result)
            else:
                self._leave(batch)
        for batch in self._timeline.drain():
            self._leave(batch)

    def _leave(self, batch: Batch) -> None:
        if not batch.ending:
            reason = "not reached: the replay was broken off"
            self._report.add(line(row, Outcome.SKIPPED, reason) for row in batch.rows)

    async def _play(self, batch: Batch) -> list[Line]:
        case = self._cases[batch.case]
        if case.given_up is not None:
            return [line(row, Outcome.SKIPPED, case.given_up) for row in batch.rows]
        scene = Scene(self._world, case, batch)
        try:
            await _perform(scene)
        except SkippedError as skipped:
            return [line(row, Outcome.SKIPPED, str(skipped)) for row in batch.rows]
        except KnownPatientError:
            case.given_up = KNOWN
            return [line(row, Outcome.SKIPPED, KNOWN) for row in batch.rows]
        except RefusedError as refused:
            scene.refusals = {row.number: refused for row in batch.rows}
        except LookupError as error:
            lacking = RefusedError(200, "unexpected_answer", f"the answer lacks {error}")
            scene.refusals = {row.number: lacking for row in batch.rows}
        return [_of(row, scene) for row in batch.rows]


async def _perform(scene: Scene) -> None:
    if scene.batch.tests:
        await play_tests(scene)
        return
    (actions,) = scene.batch.actions
    fitting = [a for a in actions if not isinstance(a, Record) or applies(a, scene)]
    if not fitting:
        raise SkippedError("no value in this row")
    for place, action in enumerate(actions):
        if action in fitting:
            scene.begin(place)
            await PLAYERS[type(action)](action, scene)


def _of(row: Row, scene: Scene) -> Line:
    refused = scene.refusals.get(row.number)
    if refused is None:
        return line(row, scene.outcome)
    return line(row, Outcome.REFUSED, refused.code, refused.detail)


def line(row: Row, outcome: Outcome, reason: str = "", detail: str = "") -> Line:
    """The account of one row."""
    return Line(row.number, row.case, row.activity, row.at, outcome, reason, detail)


def sort_out(log: EventLog, mapping: LogMapping) -> tuple[list[Row], list[Line]]:
    """The rows to play, and the account of those that cannot be."""
    playable: list[Row] = []
    lines = [Line(r.number, r.case, r.activity, None, Outcome.SKIPPED, r.reason) for r in log.unreadable]
    for row in log.rows:
        actions = mapping.activities.get(row.activity)
        if actions is None:
            lines.append(line(row, Outcome.SKIPPED, "the mapping does not know this activity"))
        elif valueless(actions, row):
            lines.append(line(row, Outcome.SKIPPED, "no value in this row"))
        else:
            playable.append(row)
    return playable, lines


def valueless(actions: Sequence[Action], row: Row) -> bool:
    """True for a laboratory row without a result."""
    return any(
        isinstance(a, Lab) and Stage.ENTER in a.stages and not fill(a.value, row.values) for a in actions
    )


def cases_of(rows: Sequence[Row], mapping: LogMapping) -> dict[str, Case]:
    """Every case, with the first value of each column, whichever of its rows has it."""
    people: dict[str, dict[str, str]] = {}
    wanted = mapping.person_columns()
    for row in rows:
        known = people.setdefault(row.case, {})
        for column in wanted:
            if not known.get(column):
                known[column] = row.column(column)
    return {case: Case(case, values) for case, values in people.items()}
