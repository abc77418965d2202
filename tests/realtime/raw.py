"""A Socket.IO client made of one aiohttp WebSocket and nothing else, so that a test sees every frame."""

import asyncio
import json
import socket as sockets
from collections.abc import Callable
from typing import Any

from aiohttp import AddrInfoType, ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType

from tests.contract import SOCKETS

Json = dict[str, Any]
Heard = Callable[[str, Json], None]

PATH = "/socket.io/?EIO=4&transport=websocket"


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is true; raises ``TimeoutError``."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class Raw:
    """One connection. ``frames`` holds every text frame that came, in order; pings are answered.

    ``heard[namespace]`` is called for every event; answers go to whoever asked, before the next frame is
    looked at, as in a browser.
    """

    def __init__(self, session: ClientSession, ws: ClientWebSocketResponse) -> None:
        self.ws = ws
        self.frames: list[str] = []
        self.heard: dict[str, Heard] = {}
        self.closed = asyncio.Event()
        self._session = session
        self._number = 100
        self._asked: dict[int, Callable[[Any], None]] = {}
        self._entering: dict[str, asyncio.Future[Json]] = {}
        self._pump = asyncio.create_task(self._read())

    @classmethod
    async def dial(
        cls, url: str, cookie: str = "", *, receive_buffer: int | None = None, **offered: Any
    ) -> "Raw":
        """Open the connection; raises ``WSServerHandshakeError`` when it is refused before the 101."""
        session = ClientSession(connector=TCPConnector(socket_factory=_with_buffer(receive_buffer)))
        try:
            headers = {"Cookie": cookie} if cookie else {}
            headers |= offered.pop("headers", {})
            ws = await session.ws_connect(url + PATH, headers=headers, **offered)
        except BaseException:
            await session.close()
            raise
        return cls(session, ws)

    async def close(self) -> None:
        """Hang up."""
        self.read_on()
        await self._session.close()
        await self._pump

    def stop_reading(self) -> None:
        """From now on nothing is taken from the network."""
        self._transport.pause_reading()

    def read_on(self) -> None:
        """Take again what waits."""
        if self.ws._conn is not None and self.ws._conn.transport is not None:
            self._transport.resume_reading()

    @property
    def _transport(self) -> asyncio.Transport:
        connection = self.ws._conn
        assert connection is not None
        assert connection.transport is not None
        return connection.transport

    # --- sending

    async def send(self, text: str) -> None:
        """One Engine.IO packet, as it is."""
        await self.ws.send_str(text)

    def write(self, octets: bytes) -> None:
        """Bytes, past the WebSocket."""
        self._transport.write(octets)

    async def enter(self, namespace: str, seconds: float = 30) -> Json:
        """Connect to a namespace; the answer is ``{"sid"}`` or ``{"refused"}``."""
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._entering[namespace] = future
        await self.send(f"40{namespace},")
        return await asyncio.wait_for(future, seconds)

    async def ask(self, namespace: str, answer: Callable[[Any], None], event: object, *args: Any) -> None:
        """Emit an event; ``answer`` gets the acknowledgement."""
        self._number += 1
        number = self._number

        def told(said: Any) -> None:
            SOCKETS.answer(namespace, event, said)
            answer(said)

        self._asked[number] = told
        await self.send(f"42{namespace},{number}{json.dumps([event, *args])}")

    async def call(self, namespace: str, event: object, *args: Any, seconds: float = 30) -> Any:
        """Emit an event and wait for its acknowledgement."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await self.ask(
            namespace, lambda told: None if future.done() else future.set_result(told), event, *args
        )
        return await asyncio.wait_for(future, seconds)

    # --- receiving

    def events(self, name: str) -> list[Json]:
        """The bodies of the events of this name that came so far, of any namespace."""
        parsed = [frame.split(",", 1)[1] for frame in self.frames if frame.startswith("42/")]
        return [body for event, body in map(json.loads, parsed) if event == name]

    async def hung_up(self, seconds: float = 30) -> None:
        """Wait until the server has closed the connection."""
        await asyncio.wait_for(self.closed.wait(), seconds)

    async def _read(self) -> None:
        try:
            while True:
                message = await self.ws.receive()
                if message.type is not WSMsgType.TEXT:
                    return
                self.frames.append(message.data)
                await self._take(message.data)
        except ConnectionError:
            return
        finally:
            self.closed.set()

    async def _take(self, text: str) -> None:
        if text == "2":
            await self.send("3")
        kind = text[:2]
        if kind not in {"40", "42", "43", "44"}:
            return
        namespace, _, rest = text[2:].partition(",") if text[2:3] == "/" else ("/", "", text[2:])
        if kind == "42":
            event, body = json.loads(rest)
            SOCKETS.event(namespace, event, body)
            if namespace in self.heard:
                self.heard[namespace](event, body)
        elif kind == "43":
            number, bracket, answer = rest.partition("[")
            self._asked.pop(int(number), _nobody)(*json.loads(bracket + answer))
        else:
            told = json.loads(rest)
            future = self._entering.pop(namespace, None)
            if future is not None and not future.done():
                future.set_result(told if kind == "40" else {"refused": told})


def _with_buffer(size: int | None) -> Callable[[AddrInfoType], sockets.socket]:
    """Sockets whose receive buffer is set before they connect: later it would confuse TCP's window."""

    def make(address: AddrInfoType) -> sockets.socket:
        family, kind, protocol, _, _ = address
        made = sockets.socket(family, kind, protocol)
        if size is not None:
            made.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, size)
        return made

    return make


def _nobody(*answer: object) -> None:
    """Takes the answers to what was sent by hand."""
