"""A server process whose timers of kind ``test.effect`` leave a line in the audit trail. Run by the tests."""

import asyncio
import json
import sys

from hms_rt.app import Hospital, Stores
from hms_rt.cli import loop
from hms_rt.kernel.timers import Timer
from hms_rt.logs import configure
from hms_rt.storage.unit_of_work import UnitOfWork
from tests.faults.server import settings

KIND = "test.effect"
WORK_S = 0.02
"""So long does an effect take, that a process is killed in the middle of several."""


async def effect(uow: UnitOfWork, timer: Timer) -> None:
    uow.audit(KIND, entity="test", entity_id=timer.key)
    await asyncio.sleep(WORK_S)


async def main(stores: Stores, secret: str) -> None:
    hospital = Hospital(settings(secret), stores)
    hospital.durable_timers.on(KIND, effect)
    await hospital.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await loop.stop_event().wait()
    await hospital.stop()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    configure("WARNING")
    loop.run(lambda: main(Stores(**given["stores"]), given["secret"]))
