"""What is measured: how each subject is started, and how the load client takes part in it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson

from bench import tools
from bench.harness import WARD, Ground
from bench.pinned import launcher

ROOT = Path(__file__).parent.parent
READY_S = 60.0
DATAGRAM_S = 5.0

PEER_FIELDS = ("-E", "change", "-f", "t", "-q", "seq")
SUBSCRIBE = f'42/beds,1["subscribe",{{"room":"ward:{WARD}"}}]'


@dataclass(frozen=True)
class Subject:
    """One server to measure.

    ``options`` make the load client one of its clients; {tokens} is the file of the screens' cookies.
    ``feeder`` is the command of a second process that publishes through Redis; {ready} is the line that
    the server printed.
    """

    key: str
    title: str
    command: Sequence[str]
    options: Sequence[str] = PEER_FIELDS
    environment: Mapping[str, str] = field(default_factory=dict)
    feeder: Sequence[str] = ()

    def client_options(self, tokens: Path) -> tuple[str, ...]:
        """The load client's options for this subject."""
        return tuple(option.replace("{tokens}", str(tokens)) for option in self.options)


@dataclass(frozen=True)
class Started:
    """A subject that is ready."""

    port: int
    trigger: int
    pid: int


@dataclass(frozen=True)
class Cores:
    """Which core is the server's and which the client's, with the stores and the feeders."""

    server: int
    client: int

    @classmethod
    def of_this_machine(cls) -> "Cores":
        """The first and the last core that this process may use."""
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[-1])


_OURS = (sys.executable, "-m", "bench.subject")
_OUR_OPTIONS = (
    *("-n", "/beds", "-H", "Cookie: hms_device={tok}", "-T", "{tokens}", "-s", SUBSCRIBE),
    *("-E", "change", "-f", "status", "-C"),
)
_OUR_FEEDER = (sys.executable, "-m", "bench.feeder", "{ready}")


def ours(*, one_by_one: bool = True, redis: bool = False, fast: bool = True) -> Subject:
    """hms-rt; ``fast=False`` is ``FASTPATH=off``, python-socketio's public API alone."""
    flags = [*(["--one-by-one"] if one_by_one else []), *(["--redis"] if redis else [])]
    key = "hms" + ("-redis" if redis else "") + ("" if fast else "-plain") + ("" if one_by_one else "-merged")
    title = "hms-rt" + (" over Redis" if redis else "") + ("" if fast else ", FASTPATH=off")
    return Subject(
        key,
        title,
        (*_OURS, *flags),
        _OUR_OPTIONS,
        {} if fast else {"FASTPATH": "off"},
        _OUR_FEEDER if redis else (),
    )


def node(place: Ground, *, redis: bool = False) -> Subject:
    """Node's Socket.IO, alone or behind its Redis adapter."""
    command = [tools.node(), str(tools.node_server())]
    if not redis:
        return Subject("node", "Node socket.io", command)
    command += ["--redis", unquote(place.stores.redis_url.removeprefix("unix://"))]
    return Subject("node-redis", "Node + redis-adapter", command, feeder=(*command, "--emit"))


def stock() -> Subject:
    """python-socketio as it comes."""
    return Subject("stock", "stock python-socketio", (sys.executable, "-m", "bench.peers.stock"))


def bare() -> Subject:
    """A loop in C that only sends."""
    return Subject("bare", "bare C loop", (str(tools.bare_loop()),))


@asynccontextmanager
async def started(subject: Subject, place: Ground, cores: Cores) -> AsyncIterator[Started]:
    """The subject, on the server's core; its feeder, if it has one, on the client's."""
    async with AsyncExitStack() as stack:
        process, said = await _start(subject.command, subject, place, cores.server)
        stack.push_async_callback(_kill, process)
        trigger = said["trigger"]
        if subject.feeder:
            ready = orjson.dumps(said).decode()
            command = [part.replace("{ready}", ready) for part in subject.feeder]
            feeder, fed = await _start(command, subject, place, cores.client)
            stack.push_async_callback(_kill, feeder)
            trigger = fed["trigger"]
        yield Started(said["port"], trigger, process.pid)


async def _start(
    command: Sequence[str], subject: Subject, place: Ground, core: int
) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    """Start a process and wait for its line; what it says of errors goes to this terminal."""
    process = await asyncio.create_subprocess_exec(
        *launcher(core),
        *command,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **place.environment, **subject.environment},
        limit=1 << 20,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("no pipe to read from")
        line = await asyncio.wait_for(process.stdout.readline(), READY_S)
        said: dict[str, Any] = orjson.loads(line)
    except (TimeoutError, orjson.JSONDecodeError):
        await _kill(process)
        raise RuntimeError(f"{subject.title} did not start (exit code {process.returncode})") from None
    return process, said


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End a process at once: it has nothing to save, and a polite goodbye takes seconds."""
    if process.returncode is None:
        process.kill()
    await process.wait()


async def ask(port: int, letter: bytes) -> dict[str, Any]:
    """Send a datagram and give the answer: see :mod:`bench.trigger`."""
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Answer(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
            if not answered.done():
                answered.set_result(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Answer, remote_addr=("127.0.0.1", port)
    )
    try:
        transport.sendto(letter)
        said: dict[str, Any] = orjson.loads(await asyncio.wait_for(answered, DATAGRAM_S))
        return said
    finally:
        transport.close()
