"""One connection's way out: what waits for a client, how much of it are changes, and whether it moves."""

import asyncio
import socket as sockets
from typing import Any, Protocol

from hms_rt.realtime.frames import Frame

CLOSE_S = 2.0
"""Time for a polite close; then the connection is dropped, whatever waits."""

READY_BYTES = 256 * 1024
"""A client with more than this unread is not read from: who takes no answers asks nothing more."""

SEND_BUFFER_BYTES = 32 * 1024
"""SO_SNDBUF: a larger one hides megabytes of unread changes in the kernel."""

UNACKNOWLEDGED_MS = 30_000
"""TCP_USER_TIMEOUT: a peer that acknowledges nothing for so long is dropped by the kernel."""


class Outlet(Protocol):
    """Frames leave in the order they are sent; every namespace of a connection shares it.

    ``waiting`` counts bytes of changes only; acknowledgements, snapshots and revocations do not count
    towards conflation. ``backlog`` counts everything.
    """

    def send(self, frame: Frame, *, counts: bool) -> None:
        """Send an event; ``counts`` says whether it is a change. On a closed connection it does nothing."""

    def send_change(self, frame: Frame, most: int) -> bool:
        """Send a change; False, and nothing is sent, if over ``most`` bytes of changes wait already."""

    def waiting(self) -> int:
        """Bytes of changes that the client has not taken yet."""

    def backlog(self) -> int:
        """Bytes of everything that the client has not taken yet."""

    def stuck_for(self) -> float:
        """Seconds since the client last took something; 0 when nothing waits for it."""

    async def ready(self) -> None:
        """Return once the client has taken most of what it was sent, or is gone."""

    def lost(self) -> bool:
        """The connection under it is closed, or about to be."""

    async def close(self) -> None:
        """Close the connection with all its namespaces: a Socket.IO disconnect would leave it open.

        A client that does not even take the goodbye is dropped after two seconds.
        """

    def abort(self) -> None:
        """Drop the connection now; what waits is lost, which is the point."""


def narrow(transport: asyncio.BaseTransport | None) -> Any:
    """Bound what the kernel keeps for a client, in bytes and in time. Answers the socket, or None."""
    raw = transport.get_extra_info("socket") if transport is not None else None
    if raw is not None:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER_BYTES)
        if raw.family in (sockets.AF_INET, sockets.AF_INET6):
            raw.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    return raw
