"""Takes a connection over from aiohttp once the handshake is answered, without a task or a queue of its own.

With ``transport``, ``engine`` and ``doorstep``, this alone knows the inside of other libraries; ``test_pins``
tells by name what moved.
"""

import asyncio
from typing import Any

from aiohttp import web

from hms_rt.realtime.frames import MAX_MESSAGE_BYTES
from hms_rt.realtime.transport import EngineSocket, Inlet


class _Upgrade(web.WebSocketResponse):
    """aiohttp's answer to the handshake, and nothing after it: the connection leaves aiohttp."""

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: Any) -> None:
        """No reader of aiohttp's own."""

    async def write_eof(self) -> None:  # type: ignore[override]
        """Nothing ends here."""


async def take_over(
    request: web.Request, sid: str, inlet: Inlet
) -> tuple[web.WebSocketResponse, EngineSocket]:
    """Answer 101 and make the connection ours; the handler returns the response at once.

    Without compression (145 instead of 54 KiB a socket). Raises ``ConnectionResetError`` if the client left.
    """
    response = _Upgrade(max_msg_size=MAX_MESSAGE_BYTES, compress=False)
    await response.prepare(request)
    http = request.protocol
    transport, tail = http.transport, http._message_tail  # noqa: SLF001
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client left during the handshake")
    socket = EngineSocket(sid, transport, inlet)
    transport.set_protocol(socket)
    http._message_tail = b""  # noqa: SLF001
    http.transport = None  # else the next line would close it
    http.connection_lost(None)
    if tail:  # goes first, but uvloop may read once more before it calls what is due
        transport.pause_reading()
        asyncio.get_running_loop().call_soon(socket.begin, tail)
    elif not transport.is_reading():
        transport.resume_reading()
    return response, socket
