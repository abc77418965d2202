"""The datagrams that drive every subject: ``b`` broadcasts, ``h`` and ``s`` measure holds of its loop."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import cast

import orjson

from bench.hold import Hold

BROADCAST, ARM, READ = b"b", b"h", b"s"
RECEIVE_BYTES = 4 * 1024 * 1024


class Trigger(asyncio.DatagramProtocol):
    """Calls ``broadcast`` with the monotonic time (ns) at which the process takes each ``b``.

    That time travels with the event: the load client, on the same clock, subtracts it from the time of
    arrival. Every subject, whatever it is written in, takes it at this same place.
    """

    def __init__(self, broadcast: Callable[[int], None]) -> None:
        self._broadcast = broadcast
        self._hold = Hold()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is no subclass

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        if data == BROADCAST:
            self._broadcast(time.monotonic_ns())
        elif data == ARM:
            self._hold.arm()
            self._answer(b"{}", addr)
        elif data == READ:
            self._answer(orjson.dumps(self._hold.read()), addr)

    def _answer(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        if self._transport is not None:
            self._transport.sendto(data, addr)


async def listen(broadcast: Callable[[int], None]) -> int:
    """Listen on a free UDP port of loopback; gives its number."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    receiver.bind(("127.0.0.1", 0))
    receiver.setblocking(False)
    port = int(receiver.getsockname()[1])
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: Trigger(broadcast), sock=receiver)
    return port
