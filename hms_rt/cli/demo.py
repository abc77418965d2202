"""``hms-rt demo``: a stranger types one command and watches a working hospital."""

import asyncio
import importlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from hms_rt.cli.loop import stop_event
from hms_rt.storage.embedded import EmbeddedStack, erase


@dataclass(frozen=True)
class DemoOptions:
    """What the command line asked for; ``speed`` is the speed-up of the simulated day."""

    folder: Path
    host: str
    port: int
    reset: bool
    speed: float
    day: bool


async def demo(options: DemoOptions, console: Console) -> None:
    """Start the stores, the server, the data and the day; until Ctrl-C, which stops them in order.

    The program is loaded while its servers start: each takes a second or two.
    """
    began = time.monotonic()
    if options.reset:
        erase(options.folder)
    options.folder.mkdir(parents=True, exist_ok=True)
    stop = stop_event()
    stack = EmbeddedStack(options.folder)
    try:
        with console.status("starting PostgreSQL, MongoDB and Valkey") as status:
            loading = asyncio.create_task(_load())
            uris = await stack.start()
            hospital: Any = await loading
            await hospital.open_demo(options, uris, console, status, stop, began)
    finally:
        await stack.stop()


async def _load() -> Any:
    return await asyncio.to_thread(importlib.import_module, "hms_rt.cli.demo_hospital")
