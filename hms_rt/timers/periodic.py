"""Periodic work of the server: each job in its own task, failures logged, never two runs at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from hms_rt.kernel.ending import end
from hms_rt.kernel.errors import HmsError

log = structlog.get_logger(__name__)

Job = Callable[[], Awaitable[object]]


class Timers:
    """Runs jobs until stopped. Jobs that must run in one process only take a PostgreSQL advisory lock."""

    def __init__(self) -> None:
        self._jobs: list[tuple[str, float, Job]] = []
        self._endless: list[tuple[str, Job]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def every(self, seconds: float, name: str, job: Job) -> None:
        """Run ``job`` about every ``seconds``, spread by a tenth so that processes do not march in step."""
        self._jobs.append((name, seconds, job))

    def always(self, name: str, job: Job) -> None:
        """Run ``job``, which goes on for ever and sees to its own failures, until stopped."""
        self._endless.append((name, job))

    def start(self) -> None:
        """Start all jobs; a periodic one waits one period first."""
        self._tasks = [
            asyncio.create_task(self._run(name, seconds, job), name=f"timer {name}")
            for name, seconds, job in self._jobs
        ]
        self._tasks += [
            asyncio.create_task(self._forever(job), name=f"timer {name}") for name, job in self._endless
        ]

    async def stop(self) -> None:
        """Cancel all jobs and wait for them."""
        await end(*self._tasks)

    @staticmethod
    async def _forever(job: Job) -> None:
        await job()

    @staticmethod
    async def _run(name: str, seconds: float, job: Job) -> None:
        while True:
            await asyncio.sleep(seconds * random.uniform(0.9, 1.1))
            try:
                await job()
            except HmsError as error:
                log.warning("timer.refused", timer=name, error=error.code.value)
            except Exception:
                log.exception("timer.failed", timer=name)
