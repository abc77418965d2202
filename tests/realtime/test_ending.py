"""A task that swallows a cancellation is ended all the same; it held a server that was to stop."""

import asyncio

from hms_rt.kernel.ending import end
from hms_rt.timers import Timers


async def test_a_task_that_swallows_cancellations_ends() -> None:
    swallowed = 0

    async def connecting() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                swallowed += 1
        await asyncio.sleep(3600)

    async def failing() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise OSError("gone")

    tasks = [asyncio.create_task(connecting()), asyncio.create_task(failing())]
    await asyncio.sleep(0)
    await end(*tasks, again_s=0.01)
    assert swallowed == 3
    assert all(task.done() for task in tasks)


async def test_timers_stop_although_a_job_swallows_the_cancellation() -> None:
    began = asyncio.Event()

    async def job() -> None:
        began.set()
        for _ in range(2):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    timers = Timers()
    timers.always("stubborn", job)
    timers.start()
    await began.wait()
    await timers.stop()
