"""A small TCP proxy in front of one server: it can pause the network, cut it, or lose one end of it."""

import asyncio
import time
from contextlib import suppress

CHUNK = 64 * 1024
_GONE = (OSError, asyncio.IncompleteReadError)


class Proxy:
    """Listens on a loopback port and passes bytes to ``port``."""

    def __init__(self, port: int) -> None:
        self.url = ""
        self.reaped: list[float] = []
        """Seconds from :meth:`lose_clients` to when the server gave each lost socket up."""

        self._port = port
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        self._flows.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def pause(self) -> None:
        """From now on no byte passes, in either direction; connections stay open."""
        self._flows.clear()

    def resume(self) -> None:
        self._flows.set()

    @property
    def lost(self) -> int:
        """Lost sockets that the server still holds."""
        return sum(link.lost_at is not None and link.is_socket for link in self._links)

    def forget_lost(self) -> int:
        """Close what the server still holds, idle HTTP connections in their keep-alive time; how many."""
        left = [link for link in self._links if link.lost_at is not None]
        for link in left:
            link.server.transport.abort()
        return len(left)

    def lose_clients(self) -> int:
        """Half-open: every client is gone, and the server is not told. How many there were."""
        links = [link for link in self._links if link.lost_at is None]
        for link in links:
            link.lost_at = time.monotonic()
            link.client.transport.abort()
        return len(links)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = None
        try:
            await self._flows.wait()
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
            link = _Link(writer, up_writer)
            self._links.add(link)
            await asyncio.gather(self._pass(reader, up_writer, link), self._back(up_reader, writer, link))
        except (*_GONE, asyncio.CancelledError):
            pass
        finally:
            if link is not None:
                self._links.discard(link)
                link.server.transport.abort()
                if link.lost_at is not None and link.is_socket:
                    self.reaped.append(time.monotonic() - link.lost_at)
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: "_Link") -> None:
        """Client to server; ends quietly when the client is lost, for the server must not notice."""
        with suppress(*_GONE):
            while data := await reader.read(CHUNK):
                await self._flows.wait()
                link.is_socket = link.is_socket or data.startswith(b"GET /socket.io/")
                writer.write(data)
                await writer.drain()
        if link.lost_at is None:
            link.server.transport.abort()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: "_Link") -> None:
        """Server to client; what is sent to a lost client is swallowed, as by a dead network."""
        with suppress(*_GONE):
            while data := await reader.read(CHUNK):
                await self._flows.wait()
                if link.lost_at is None:
                    writer.write(data)
                    await writer.drain()
        if link.lost_at is None:
            link.client.transport.abort()


class _Link:
    """One proxied connection."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.lost_at: float | None = None
        self.is_socket = False
