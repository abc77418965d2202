"""Runs the load client against one server and gives what it measured."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from bench.tools import load_client

CONNECT_S = 120.0
GRACE_S = 15.0
SETTLE_S = 0.5
"""From the last connected socket to the warm-up: the client lets memory settle, to measure it."""

Measured = dict[str, Any]


class LoadError(RuntimeError):
    """The client could not do its work; the message has its reason."""


@dataclass(frozen=True)
class Load:
    """What the client does. ``options`` are those of the subject: cookies, namespace, fields.

    ``rate`` broadcasts a second, or, where it is None, ``window`` outstanding at any time. Without
    ``trigger`` the client only listens.
    """

    sockets: int
    seconds: float
    warm_up: float = 1.0
    drain: float = 2.0
    window: int = 8
    rate: float | None = None
    trigger: int | None = None
    pid: int | None = None
    options: Sequence[str] = field(default_factory=tuple)
    least: float = 0.99
    """The share of the sockets that must get connected for the figures to count."""

    def arguments(self) -> list[str]:
        """The command line, but for the server's address."""
        said = ["-d", str(self.seconds), "-w", str(self.warm_up), "-D", str(self.drain)]
        said += ["-t", str(CONNECT_S), *self.options]
        if self.trigger is not None:
            said += ["-u", str(self.trigger)]
            said += ["-W", str(self.window)] if self.rate is None else ["-r", str(self.rate)]
        if self.pid is not None:
            said += ["-P", str(self.pid)]
        return said

    def logging_to(self, file: Path) -> "Load":
        """The same, with a line per change in ``file``."""
        return replace(self, options=(*self.options, "-L", str(file)))


async def run(load: Load, port: int) -> Measured:
    """Connect, measure, and give the client's figures. Raises :class:`LoadError`."""
    process = await start(load, port)
    longest = CONNECT_S + load.warm_up + load.seconds + load.drain + GRACE_S
    return await finished(process, load, longest)


async def start(load: Load, port: int) -> asyncio.subprocess.Process:
    """Start the client and return at once; :func:`connected` and :func:`finished` wait for it."""
    return await asyncio.create_subprocess_exec(
        load_client(),
        "-v",
        *load.arguments(),
        *("127.0.0.1", str(port), str(load.sockets)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def connected(process: asyncio.subprocess.Process) -> None:
    """Return once the client has connected its sockets, or given up on some; it measures from then on."""
    if process.stderr is None:
        raise LoadError("the load client was started without a pipe")
    await asyncio.wait_for(process.stderr.readline(), CONNECT_S + GRACE_S)


async def finished(process: asyncio.subprocess.Process, load: Load, longest: float) -> Measured:
    """What the client measured, once it has ended; it is killed after ``longest`` seconds."""
    try:
        out, err = await asyncio.wait_for(process.communicate(), longest)
    except TimeoutError:
        raise LoadError(f"the load client did not end within {longest:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return parse(out, err, load)


def parse(out: bytes, err: bytes, load: Load) -> Measured:
    """The client's line of JSON. Raises :class:`LoadError` if too few sockets got connected."""
    try:
        measured: Measured = orjson.loads(out)
    except orjson.JSONDecodeError:
        raise LoadError(f"the load client said: {(err or out).decode(errors='replace')[-300:]}") from None
    if measured["ok"] < load.sockets * load.least:
        raise LoadError(
            f"{measured['ok']} of {load.sockets} sockets: {measured['error'] or 'no reason given'}"
        )
    return measured
