"""The wire from one process to PostgreSQL: a test holds it (no byte passes) or cuts it (refused)."""

import asyncio
from pathlib import Path

from sqlalchemy.engine import make_url

CHUNK = 64 * 1024
SOCKET = ".s.PGSQL.5432"


class Line:
    """A Unix socket in a folder of its own, in front of PostgreSQL's."""

    def __init__(self, postgres_uri: str, folder: Path) -> None:
        url = make_url(postgres_uri)
        self._target = Path(str(url.query["host"])) / f".s.PGSQL.{url.port or 5432}"
        self._socket = folder / SOCKET
        self.uri = url.set(query={"host": str(folder)}, port=None).render_as_string(hide_password=False)
        self._flows = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        """Bytes pass, from now on or again."""
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_unix_server(self._accept, self._socket)

    def hold(self) -> None:
        """No byte passes in either direction; connections stay open, and new ones hang."""
        self._flows.clear()

    async def cut(self) -> None:
        """Every connection breaks, and new ones are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._socket.unlink(missing_ok=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._flows.wait()
            there, back = await asyncio.open_unix_connection(self._target)
            try:
                await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
            finally:
                back.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass  # cut, or hung up by either side
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(CHUNK):
            await self._flows.wait()
            writer.write(octets)
            await writer.drain()
        raise ConnectionError("hung up")
