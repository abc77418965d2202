"""A worker as its supervisor sees it: started, heard, asked to go, and ended for certain."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from hms_rt.cli.post import LISTENING, READY, REFUSAL_EXIT, REFUSED, Post

MODULE = "hms_rt.cli.worker"


class WorkerProcess:
    """One process at a post. ``error`` says why it ended, if it did not end by itself in order.

    ``silence`` counts the looks of the supervisor since its event loop was last heard.
    """

    def __init__(self, process: asyncio.subprocess.Process, post: Post, reports: int) -> None:
        self.post = post
        self.listening = asyncio.Event()
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self.refused = False
        self.error = ""
        self.silence = 0
        self._process = process
        self._life = asyncio.create_task(self._live(reports), name=f"worker {post.worker}")

    @classmethod
    async def start(
        cls, worker: int, sockets: Sequence[int], metrics: str, environment: Mapping[str, str]
    ) -> WorkerProcess:
        """Start a worker in a session of its own, so that Ctrl-C reaches only the supervisor."""
        reports, write = os.pipe()
        post = Post(worker, tuple(sockets), write, metrics, os.getpid())
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                MODULE,
                env={**environment, **post.to_environment()},
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(*sockets, write),
                start_new_session=True,
            )
        except BaseException:
            os.close(reports)
            raise
        finally:
            os.close(write)
        return cls(process, post, reports)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def stop(self) -> None:
        """Ask it to drain and end."""
        self._signal(signal.SIGTERM)

    def replace(self) -> None:
        """Tell it that another accepts from its sockets: it leaves at once, gently."""
        self._signal(signal.SIGUSR1)

    def kill(self) -> None:
        """End it now."""
        self._signal(signal.SIGKILL)

    async def hangs(self, look_s: float, most: int) -> bool:
        """True once it was silent at ``most`` looks in a row, ``look_s`` apart; False when it ended.

        Looks are counted, not time: when the whole machine stood still, nobody was silent.
        """
        while not self.ended.is_set():
            self.silence += 1
            if self.silence > most:
                return True
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), look_s)
        return False

    async def end(self, seconds: float) -> bool:
        """Wait until it has ended, at most ``seconds``, then kill it; True if it ended by itself."""
        try:
            await asyncio.wait_for(self.ended.wait(), seconds)
        except TimeoutError:
            self.kill()
            await self.ended.wait()
            return False
        return True

    async def until(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for an event of its life; False if it ended first, or after ``seconds``."""
        waits = [asyncio.create_task(each.wait()) for each in (event, self.ended)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        return event.is_set() and not self.ended.is_set()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def _live(self, reports: int) -> None:
        reader = asyncio.StreamReader()
        pipe = os.fdopen(reports, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            while line := await reader.readline():
                self._hear(line.decode(errors="replace").strip())
            code = await self._process.wait()
            if code != 0:
                self.error = self.error or _how(code)
        finally:
            transport.close()
            self.ended.set()

    def _hear(self, line: str) -> None:
        what, _, text = line.partition(" ")
        self.silence = 0
        if what == LISTENING:
            self.listening.set()
        elif what == READY:
            self.ready.set()
        elif what == REFUSED:
            self.error = text
            self.refused = True


def _how(code: int) -> str:
    if code < 0:
        return f"ended by signal {signal.Signals(-code).name}"
    return f"exit code {code}" + (", see its log" if code != REFUSAL_EXIT else "")
