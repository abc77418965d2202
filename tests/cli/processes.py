"""``hms-rt serve`` as a process of its own, heard through its log."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from hms_rt.app import Stores
from tests.conftest import SECRET

ROOT = Path(__file__).parents[2]
BARE = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}

Line = dict[str, Any]


def configured(stores: Stores) -> dict[str, str]:
    """The environment that makes ``serve`` use the stores of a test and know its people."""
    return {
        "POSTGRES_URI": stores.postgres_uri.replace("+asyncpg", ""),
        "MONGO_URI": stores.mongo_uri,
        "REDIS_URL": stores.redis_url,
        "JWT_SECRET": SECRET,
        "PASSWORD_PEPPER": SECRET[::-1],
        "PASSWORD_COST": "4",
        "REQUESTS_PER_MINUTE": "0",
        "DATABASE_CONNECTIONS": "4",
        "DRAIN_SECONDS": "0.3",
    }


class Served:
    """A running ``serve``; ``lines`` is what it and its workers logged, ``said`` what else they printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[Line] = []
        self.said: list[str] = []
        self._more = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while raw := await self.process.stderr.readline():
            text = raw.decode().rstrip()
            try:
                self.lines.append(json.loads(text))
            except ValueError:
                self.said.append(text)
            async with self._more:
                self._more.notify_all()
        async with self._more:
            self._more.notify_all()

    def logged(self, event: str, **fields: Any) -> list[Line]:
        """The lines of this event with these fields."""
        return [line for line in self.lines if line.get("event") == event and fields.items() <= line.items()]

    async def until(self, event: str, times: int = 1, seconds: float = 60, **fields: Any) -> Line:
        """Wait until an event was logged so often; returns the last of them."""
        await self.until_true(lambda: len(self.logged(event, **fields)) >= times, seconds)
        return self.logged(event, **fields)[times - 1]

    async def until_true(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait for something that the log shows; fails with the log if it does not come."""
        try:
            async with asyncio.timeout(seconds), self._more:
                await self._more.wait_for(lambda: condition() or self._reading.done())
        except TimeoutError:
            pass
        assert condition(), "\n".join([*map(str, self.lines[-40:]), *self.said[-40:]])

    @property
    def url(self) -> str:
        """Where it answers."""
        line = next(line for line in self.lines if line.get("event") in {"supervising", "serving"})
        return f"http://127.0.0.1:{line['port']}"

    def pids(self) -> dict[int, int]:
        """The process of each worker, by number."""
        found = {line["worker"]: line["pid"] for line in self.logged("worker.listening")}
        return found | {line["worker"]: line["pid"] for line in self.logged("worker.replaced")}

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self, seconds: float = 60) -> int:
        """Its exit code, once it and everybody who shares its log has ended."""
        code = await asyncio.wait_for(self.process.wait(), seconds)
        await asyncio.wait_for(self._reading, seconds)
        return code


@asynccontextmanager
async def serving(
    folder: Path, environment: dict[str, str], *arguments: str, workers: int = 1
) -> AsyncIterator[Served]:
    """``serve`` on a free port, in an empty folder without a .env; listening when this yields."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hms_rt",
        "serve",
        "--port",
        "0",
        *(["--workers", str(workers)] if workers > 1 else []),
        *arguments,
        cwd=folder,
        env={**BARE, "PYTHONPATH": str(ROOT), **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    served = Served(process)
    try:
        yield served
    finally:
        with suppress(ProcessLookupError):
            process.kill()  # its workers end with it
        await served.ended()


@asynccontextmanager
async def serving_workers(
    folder: Path, environment: dict[str, str], workers: int = 2
) -> AsyncIterator[Served]:
    """``serve --workers``, with all of them listening."""
    async with serving(folder, environment, workers=workers) as served:
        await served.until("worker.listening", workers)
        yield served


def alive(pid: int) -> bool:
    """True while a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in "ZX"
