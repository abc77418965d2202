"""A bare Socket.IO client: one WebSocket, one namespace, one room, and a callback per change."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import aiohttp

NAMESPACE = "/beds"
_CHANGE = f'42{NAMESPACE},["change"'


class Screen:
    """A subscribed socket. ``changed`` gets every ``change`` packet as text, unparsed."""

    def __init__(self, session: aiohttp.ClientSession, room: str, changed: Callable[[str], None]) -> None:
        self._session = session
        self._room = room
        self._changed = changed
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, enter the namespace, subscribe, and wait for the acknowledgement."""
        self._socket = await self._session.ws_connect("/socket.io/?EIO=4&transport=websocket")
        await self._socket.receive_str()
        await self._socket.send_str(f"40{NAMESPACE},")
        await self._socket.receive_str()
        await self._socket.send_str(f'42{NAMESPACE},0["subscribe",{{"room":"{self._room}"}}]')
        answer = await self._socket.receive_str()
        while not answer.startswith("43"):  # a heartbeat may come first
            answer = await self._socket.receive_str()
        if '"ok":true' not in answer:
            raise RuntimeError(f"subscribe was refused: {answer[:200]}")
        self._task = asyncio.create_task(self._read(self._socket))

    async def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            await self._socket.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            text = message.data
            if text == "2":
                await socket.send_str("3")
            elif isinstance(text, str) and text.startswith(_CHANGE):
                self._changed(text)
