"""What the server does by itself: durable timers, each department's periodic work, and keeping the house."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.departments.reporting.service import ReportingService
from hms_rt.kernel.clock import Clock
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import SYSTEM, Principal
from hms_rt.services import Services
from hms_rt.storage import timers as durable
from hms_rt.storage.unit_of_work import UnitsOfWork
from hms_rt.timers import DurableTimers, Timers

KEEP_ANSWERS = "3 days"
"""How long a command that is sent again gets its first answer."""
KEEP_FIRED = timedelta(days=30)
"""How long a timer that fired can be looked up."""

# Two numbers: jobs of the server, and which of them. The audit trail's seal is 1.
_ALONE = text("SELECT pg_try_advisory_xact_lock(-7325, 2)")
_PARTITIONS = text("SELECT hms_make_partitions(clock_timestamp(), 3)")
_FORGET_ANSWERS = text(
    f"DELETE FROM idempotency WHERE at < clock_timestamp() - interval '{KEEP_ANSWERS}'"  # noqa: S608
)


class Housekeeping:
    """The hourly round, in one process at a time."""

    def __init__(
        self, engine: AsyncEngine, clock: Clock, reporting: ReportingService, *, keep_months: int
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._reporting = reporting
        self._keep_months = keep_months

    async def run(self) -> None:
        """Partitions for the months to come; answers of old idempotency keys and timers that fired go; what
        is older than the change log is kept for is taken out of it."""
        async with self._engine.begin() as connection:
            if not (await connection.execute(_ALONE)).scalar_one():
                return  # another process is at it
            await connection.execute(_PARTITIONS)
            await connection.execute(_FORGET_ANSWERS)
            await durable.forget(connection, self._clock.now() - KEEP_FIRED)
        async with self._engine.begin() as connection:
            if (await connection.execute(_ALONE)).scalar_one():
                await self._reporting.keep_months(self._keep_months)


def durable_timers(units: UnitsOfWork, services: Services) -> DurableTimers:
    """Every kind of durable timer and what it does: one entry per department that sets some."""
    timers = DurableTimers(units, services.notifications.timer_died)
    for department in (services.notifications, services.pharmacy, services.billing):
        for kind, callback in department.timer_callbacks().items():
            timers.on(kind, callback)
    return timers


def periodic(services: Services, due: DurableTimers) -> Timers:
    """What departments do again and again (``Services.jobs``), and what never ends."""
    timers = Timers()
    timers.always("durable timers", due.run)
    timers.always("webhooks", services.reporting.deliver_forever)
    for seconds, name, command, job in services.jobs():
        timers.every(seconds, name, partial(_run_timed, job, command))
    timers.every(
        60, "expired sessions", lambda: services.identity.expire_sessions(_timed("identity.expire")[1])
    )
    timers.every(60, "audit seal", services.audit.seal)
    return timers


async def _run_timed(job: Callable[[Principal, Command], Awaitable[object]], name: str) -> None:
    await job(*_timed(name))


def _timed(name: str) -> tuple[Principal, Command]:
    return SYSTEM, Command(name=name, request_id=f"timer {name}")
