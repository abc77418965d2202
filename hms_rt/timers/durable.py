"""Fires durable timers: once each, in one of the processes, late by half a second at most.

Every process looks at the head of one index twice a second, when the next timer it knows is due, and when one
was set in it; so a timer that a process set before it died fires in another one.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

import structlog

from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM
from hms_rt.kernel.timers import Timer, TimerState
from hms_rt.storage import timers
from hms_rt.storage.timers import TimerChangedError, Upcoming
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork
from hms_rt.timers import metrics

log = structlog.get_logger(__name__)

Callback = Callable[[UnitOfWork, Timer], Awaitable[None]]

LOOK_S = 0.5
"""Longest time between two looks."""
PAUSE_S = 0.05
"""After a look that found others at work on what is due."""
BATCH = 50
AT_ONCE = 4
"""Timers of a process that fire at the same time: each takes a connection."""
CALLBACK_S = 30
"""Time that a callback may take."""


class DurableTimers:
    """The timers of one process. ``on_dead`` is told, in the same transaction, of one that is given up."""

    def __init__(self, units: UnitsOfWork, on_dead: Callback | None = None) -> None:
        self._units = units
        self._on_dead = on_dead
        self._callbacks: dict[str, Callback] = {}
        self._wake = asyncio.Event()
        self._turns = asyncio.Semaphore(AT_ONCE)
        units.timed = self._set

    def on(self, kind: str, callback: Callback) -> None:
        """Let ``callback`` run when a timer of ``kind`` is due.

        It locks what it is about and looks whether there still is something to do. What it raises undoes all
        of it, and it is tried again later.
        """
        if kind in self._callbacks:
            raise ValueError(f"timers of kind {kind} have a callback already")
        self._callbacks[kind] = callback

    async def run(self) -> None:
        """Fire what is due, wait for the next, for ever."""
        while True:
            self._wake.clear()
            pause = LOOK_S
            try:
                pause = await self._look()
            except HmsError as error:
                log.warning("timers.refused", error=error.code.value)
            except Exception:
                log.exception("timers.failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    async def run_due(self) -> int:
        """Fire what is due now, as far as no other process does; how many fired."""
        return await self._fire_all(self._due(await self._upcoming()))

    async def _look(self) -> float:
        """Fire what is due; seconds until the next look."""
        upcoming = await self._upcoming()
        due = self._due(upcoming)
        now = self._units.now()
        metrics.looked(max((now - one.run_at).total_seconds() for one in due) if due else 0.0)
        if due:
            fired = await self._fire_all(due)
            return 0.0 if fired and len(due) == BATCH else PAUSE_S
        if not upcoming:
            return LOOK_S
        return min(LOOK_S, max(0.0, (upcoming[0].run_at - now).total_seconds()))

    def _due(self, upcoming: list[Upcoming]) -> list[Upcoming]:
        now = self._units.now()
        return [one for one in upcoming if one.run_at <= now]

    async def _upcoming(self) -> list[Upcoming]:
        if not self._callbacks:
            return []
        async with self._units.reading() as connection:
            return await timers.upcoming(connection, self._callbacks, BATCH)

    async def _fire_all(self, due: list[Upcoming]) -> int:
        random.shuffle(due)  # processes that look at the same moment begin with different ones
        return sum(await asyncio.gather(*(self._fire(one) for one in due)))

    async def _fire(self, one: Upcoming) -> bool:
        """True if it fired here. Failures are counted and logged; one that others changed is left alone."""
        claimed: list[Timer] = []

        async def work(uow: UnitOfWork) -> None:
            claimed.clear()
            timer = await timers.claim(uow, one.id)
            if timer is None:
                return
            claimed.append(timer)
            async with asyncio.timeout(CALLBACK_S):
                await self._callbacks[timer.kind](uow, timer)
            await timers.finish(uow, timer)

        async with self._turns:
            try:
                await self._units.execute(SYSTEM, _command(one.kind, one.id), type(None), work)
            except Exception as error:
                if claimed:
                    await self._failed(claimed[0], error)
                elif not isinstance(error, HmsError):
                    log.exception("timers.failed", kind=one.kind, timer=str(one.id))
                return False
        if claimed:
            metrics.fired(claimed[0].kind, (self._units.now() - claimed[0].due_at).total_seconds())
        return bool(claimed)

    async def _failed(self, timer: Timer, error: Exception) -> None:
        """Count the failure. Raises nothing: what could not be counted is tried again anyway."""
        if isinstance(error, TimerChangedError):
            return
        away = isinstance(error, HmsError) and error.code is Code.UNAVAILABLE
        why = error.code.value if isinstance(error, HmsError) else type(error).__name__
        log.warning("timer.failed", kind=timer.kind, timer=str(timer.id), error=why, exc_info=error)
        metrics.failed(timer.kind)

        async def work(uow: UnitOfWork) -> None:
            state = await timers.fail(uow, timer, why, store_away=away)
            if state is TimerState.DEAD:
                log.error(
                    "timer.dead", kind=timer.kind, timer=str(timer.id), fix="see GET /timers?state=dead"
                )
                metrics.died(timer.kind)
                uow.audit("timer.dead", entity="timer", entity_id=timer.id, detail={"kind": timer.kind})
                if self._on_dead is not None:
                    await self._on_dead(uow, timer)

        try:
            await self._units.execute(SYSTEM, _command(timer.kind, timer.id), type(None), work)
        except Exception as again:
            log.warning("timer.failure_not_counted", timer=str(timer.id), error=type(again).__name__)

    def _set(self, due_at: datetime) -> None:
        """A unit of work of this process set a timer: look at once."""
        self._wake.set()


def _command(kind: str, timer_id: object) -> Command:
    return Command(name=f"timer.{kind}", request_id=f"timer {timer_id}")
