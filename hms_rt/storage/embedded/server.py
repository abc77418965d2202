"""What the three servers have in common: prepare, start, wait until ready, stop."""

from __future__ import annotations

import asyncio
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar

from hms_rt.storage.embedded.account import Account
from hms_rt.storage.embedded.binaries import BinarySource
from hms_rt.storage.embedded.child import Child, end_leftover, spawn, tail
from hms_rt.storage.embedded.errors import EmbeddedError
from hms_rt.storage.embedded.place import Place

Progress = Callable[[str], None]
READY_SECONDS = 60  # a database that was killed may have to recover first
RETRY_SECONDS = 0.02


class Server(ABC):
    """One private server of the stack."""

    name: ClassVar[str]
    title: ClassVar[str]
    ending: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)

    def __init__(self, place: Place, account: Account, *, source: BinarySource, durable: bool) -> None:
        self.place = place
        self.account = account
        self.source = source
        self.durable = durable
        self._child: Child | None = None

    @property
    def folder(self) -> Path:
        """Where the server keeps its data."""
        return self.place.servers / self.name

    @property
    def uri(self) -> str:
        """How to connect, once it is ready."""
        raise NotImplementedError

    @abstractmethod
    async def prepare(self, progress: Progress) -> None:
        """Find the program; make what a first start needs."""

    @abstractmethod
    async def launch(self) -> None:
        """Start the process and return when it answers."""

    @property
    def pid(self) -> int:
        """The process id. Raises `EmbeddedError` if the server was not started."""
        if self._child is None:
            raise EmbeddedError(f"{self.title} is not running")
        return self._child.pid

    async def start(self, progress: Progress) -> None:
        """Everything from nothing to ready. What an earlier, killed launcher left running is ended first."""
        await end_leftover(self.title, self.place.pid_file(self.name), self.ending, 10)
        await self.prepare(progress)
        began = time.monotonic()
        await self.launch()
        progress(f"{self.title} is ready ({time.monotonic() - began:.1f} s)")

    async def stop(self) -> None:
        """End the process if it runs; safe to repeat."""
        child, self._child = self._child, None
        if child is not None:
            await child.stop()

    async def restart(self) -> None:
        """Stop, even if it was killed from outside, and start with the same address and data."""
        await self.stop()
        await self.launch()

    def spawn(self, command: list[str | Path], *, library_path: str = "") -> Child:
        """Start the server process; `stop` will end it."""
        self._child = spawn(
            self.title,
            command,
            account=self.account,
            log=self.place.log(self.name),
            cwd=self.folder,
            ending=self.ending,
            pid_file=self.place.pid_file(self.name),
            library_path=library_path,
        )
        return self._child

    async def until_ready(self, child: Child, answers: Callable[[], Awaitable[bool]]) -> None:
        """Ask `answers` until it says True. Raises `EmbeddedError` if the process ends, or takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            child.check()
            if await answers():
                return
            await asyncio.sleep(RETRY_SECONDS)
        raise EmbeddedError(f"{self.title} does not answer after {READY_SECONDS} s.{tail(child.log)}")
