"""Ending tasks that may swallow a cancellation."""

import asyncio
from typing import Any

AGAIN_S = 1.0
"""How long a task may take to clean up before it is cancelled again."""


async def end(*tasks: asyncio.Task[Any], again_s: float = AGAIN_S) -> None:
    """Cancel until the tasks are over; what they raise is told to nobody.

    Clients of databases swallow a cancellation that finds them connecting, and whoever waits for the task
    after that waits for ever.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_s)
    for task in tasks:
        if not task.cancelled():
            task.exception()
