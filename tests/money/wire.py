"""The connection to PostgreSQL, which breaks when a test says so: above all while a COMMIT is under way."""

import asyncio
import tempfile
from collections import deque
from contextlib import suppress
from enum import Enum
from pathlib import Path

from sqlalchemy.engine import make_url

CHUNK = 64 * 1024
COMMIT = b"Q\x00\x00\x00\x0cCOMMIT;\x00"
"""The message of the protocol with which a transaction ends."""
READY = b"Z\x00\x00\x00\x05I"
"""The end of the server's answer to it."""
_GONE = (OSError, asyncio.IncompleteReadError)


class Lost(Enum):
    """When a connection breaks."""

    BEFORE = "before PostgreSQL gets the COMMIT"
    AFTER = "after it committed, before it says so"
    MIDDLE = "in the middle of the command"


class Wire:
    """Passes bytes between the application and PostgreSQL on Unix sockets. ``lose`` tells what happens to the
    next COMMITs, one after the other; ``lost`` is what did."""

    def __init__(self, uri: str) -> None:
        self.lost: list[Lost] = []
        self._plan: deque[Lost] = deque()
        self._messages = 0
        self._folder = tempfile.TemporaryDirectory(prefix="wire-")
        self._url = make_url(uri)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def uri(self) -> str:
        """Where the application connects."""
        return self._url.update_query_dict({"host": self._folder.name}).render_as_string(hide_password=False)

    async def start(self) -> None:
        path = Path(self._folder.name) / f".s.PGSQL.{self._url.port or 5432}"
        self._server = await asyncio.start_unix_server(self._accept, path)

    async def close(self) -> None:
        """Break every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._folder.cleanup()

    def lose(self, *plan: Lost, after_messages: int = 0) -> None:
        """Break as many connections; one that is lost in the middle, after so many messages."""
        self._plan = deque(plan)
        self._messages = after_messages

    def hold(self) -> None:
        """Break nothing more."""
        self._plan.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        host, port = str(self._url.query["host"]), self._url.port or 5432
        up_reader, up_writer = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        link = _Link(reader, writer, up_reader, up_writer)
        try:
            await asyncio.gather(self._forth(link), link.back())
        except (*_GONE, asyncio.CancelledError):
            pass
        finally:
            link.cut()
            self._tasks.discard(task)

    async def _forth(self, link: "_Link") -> None:
        with suppress(*_GONE):
            while data := await link.reader.read(CHUNK):
                lost = self._struck(data)
                if lost is not None:
                    self.lost.append(lost)
                if lost is Lost.BEFORE or lost is Lost.MIDDLE:
                    break
                link.swallows = lost is Lost.AFTER
                link.up_writer.write(data)
                await link.up_writer.drain()
                if link.swallows:
                    await link.answered.wait()
                    break
        link.cut()

    def _struck(self, data: bytes) -> Lost | None:
        if not self._plan:
            return None
        if self._plan[0] is Lost.MIDDLE:
            self._messages -= 1
            return self._plan.popleft() if self._messages < 0 else None
        return self._plan.popleft() if COMMIT in data else None


class _Link:
    """One connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        self.reader, self.writer = reader, writer
        self.up_reader, self.up_writer = up_reader, up_writer
        self.swallows = False
        self.answered = asyncio.Event()

    async def back(self) -> None:
        """What PostgreSQL says; the answer to a COMMIT whose connection breaks is heard by nobody."""
        with suppress(*_GONE):
            while data := await self.up_reader.read(CHUNK):
                if not self.swallows:
                    self.writer.write(data)
                    await self.writer.drain()
                elif READY in data:
                    self.answered.set()
        self.answered.set()
        self.cut()

    def cut(self) -> None:
        """Both ends at once."""
        self.writer.transport.abort()
        self.up_writer.transport.abort()
