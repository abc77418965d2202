"""Real server processes of this tree: started, killed, told to stop, and looked at from outside."""

import asyncio
import ctypes
import dataclasses
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import aiohttp

from hms_rt.app import Stores
from tests.faults.stage import Stage
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
READY_S = 40.0
GONE_S = 30.0
TELL_S = 10.0
WARM_REQUESTS = 80
_PR_SET_PDEATHSIG = 1
_KILLED = re.compile(r'ended by signal SIGKILL.*"event": ?"worker\.lost"')
_MISTAKE = re.compile(r'"level": ?"(error|critical)"|^Traceback|^\S+ \S+ asyncio ')
_libc = ctypes.CDLL(None, use_errno=True)


@dataclasses.dataclass(frozen=True)
class Footprint:
    """What a process holds: resident KiB, open descriptors, asyncio tasks (None: of workers, nobody says)."""

    rss_kib: int
    descriptors: int
    tasks: int | None
    processes: int = 1


class ServerProcess:
    """``hms-rt serve`` on a port that it keeps; with ``point``, the server that kills itself there; with
    ``workers``, a supervisor of so many."""

    def __init__(
        self, stage: Stage, stores: Stores, name: str, *, point: str | None = None, workers: int = 1
    ) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = stage.folder / f"{name}.{self.port}.log"
        self.told = stage.folder / f"{name}.{self.port}.tasks"
        self.trigger = stage.folder / f"{name}.{self.port}.now"
        self.starts = 0
        self._stage = stage
        self._stores = stores
        self._point = point
        self._workers = workers
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs now, or ran last."""
        assert self._process is not None
        return self._process.pid

    @property
    def children(self) -> list[int]:
        """Its worker processes."""
        return children(self.pid)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start and wait until it says that it is ready. Raises ``TimeoutError``, or if it ends."""
        launcher = os.getpid()

        def end_with_launcher() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            if os.getppid() != launcher:
                os._exit(1)

        self.starts += 1
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                cwd=ROOT,
                env={**os.environ, **self._environment()},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_launcher,
            )
        await self._until_ready()

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self.running and self._process is not None:
            self._process.kill()

    async def terminate(self) -> int:
        """SIGTERM, and wait; its exit code. Raises ``TimeoutError`` when it does not end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), GONE_S)

    async def ended(self, seconds: float = GONE_S) -> int:
        """Wait until it has ended by itself; its exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), seconds)

    async def close(self) -> None:
        """End it, one way or the other."""
        if self.running and self._process is not None:
            try:
                await self.terminate()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def ready(self) -> bool:
        """What ``/readyz`` says."""
        timeout = aiohttp.ClientTimeout(total=5)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.url}/readyz") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def warm(self, cookie: str) -> None:
        """Many requests at once, so that every pool has the size that load gives it."""
        connector = aiohttp.TCPConnector(limit=40)
        async with aiohttp.ClientSession(
            self.url, connector=connector, headers={"Cookie": cookie}
        ) as session:

            async def ask() -> None:
                async with session.get("/api/v1/wards") as answer:
                    assert answer.status == 200, answer.status

            await asyncio.gather(*(ask() for _ in range(WARM_REQUESTS)))

    async def footprint(self) -> Footprint:
        """What it holds now, with its workers."""
        pids = [self.pid, *self.children]
        descriptors = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
        return Footprint(sum(map(_resident_kib, pids)), descriptors, await self._tasks(), len(pids))

    def errors(self) -> list[str]:
        """Lines of its log that tell of our own mistakes: errors, and what nobody caught; but not that a
        supervisor tells of a worker that was killed."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line[:2000] for line in lines if _MISTAKE.search(line) and not _KILLED.search(line)]

    async def _tasks(self) -> int | None:
        """Ask the process itself; see ``watched.py``."""
        if self._workers > 1:
            return None
        self.told.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        async with asyncio.timeout(TELL_S):
            while not self.told.exists():
                await asyncio.sleep(0.01)
        return int(self.told.read_text())

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while not await self.ready():
            if not self.running:
                raise RuntimeError(f"{self.name} ended while starting; its log: {self.tail(15)}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} is not ready after {READY_S:g} s, its log: {self.tail(15)}")
            await asyncio.sleep(0.05)

    def tail(self, lines: int = 40) -> list[str]:
        """The end of its log."""
        return self.log.read_text(errors="replace").splitlines()[-lines:]

    def _command(self) -> list[str]:
        if self._point is None:
            return [sys.executable, "-m", "tests.faults.watched", "serve"]
        given = {
            "stores": dataclasses.asdict(self._stores),
            "secret": self._stage.secret,
            "point": self._point,
            "trigger": str(self.trigger),
            "port": self.port,
        }
        return [sys.executable, "-m", "tests.faults.server", json.dumps(given)]

    def _environment(self) -> dict[str, str]:
        clocks = self._stage.clocks
        return {
            "JWT_SECRET": self._stage.secret,
            "PASSWORD_PEPPER": self._stage.secret[::-1],
            "PASSWORD_COST": "4",
            "REQUESTS_PER_MINUTE": "0",
            "SOCKETS_PER_ADDRESS": "2000",
            "SOCKETS_PER_PRINCIPAL": "2000",
            "POSTGRES_URI": self._stores.postgres_uri,
            "MONGO_URI": self._stores.mongo_uri,
            "REDIS_URL": self._stores.redis_url,
            "PORT": str(self.port),
            "LOG_LEVEL": "WARNING",
            "FAULTS_TASKS": str(self.told),
            "WORKERS": str(self._workers),
            **(clocks.environment(self.name) if clocks is not None else {}),
        }


def children(pid: int) -> list[int]:
    """The ids of the processes that ``pid`` started."""
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def _resident_kib(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found is not None else 0


def stop_process(pid: int) -> list[int]:
    """SIGSTOP ``pid`` and its children; the ids that :func:`continue_process` needs."""
    stopped = [pid]
    os.kill(pid, signal.SIGSTOP)
    for child in children(pid):
        os.kill(child, signal.SIGSTOP)
        stopped.append(child)
    return stopped


def continue_process(pids: list[int]) -> None:
    """SIGCONT, also to those that have ended meanwhile."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue
