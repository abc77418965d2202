"""What goes out: an event is encoded once and framed once, whoever gets it and however many."""

from typing import Any

import orjson
from socketio import packet

from hms_rt.kernel import strict_json
from hms_rt.kernel.errors import HmsError

MAX_MESSAGE_BYTES = 64 * 1024
"""The largest message a client may send."""

OPEN, CLOSE, PING, PONG, MESSAGE = "0", "1", "2", "3", "4"
"""Kinds of Engine.IO packets (protocol 4)."""

BINARY = ("45", "46")
"""Socket.IO packets that announce binary attachments; refused."""

PING_INTERVAL_S = 20
PING_TIMEOUT_S = 15

_FROM_CLIENTS = "0123"
"""Kinds of Socket.IO packets: connect, disconnect, event, acknowledgement."""

_TEXT = 0x81
_CLOSE = 0x88
_PONG = 0x8A
_SHORT, _MEDIUM = 125, 0xFFFF


class Frame:
    """One event of a namespace. ``body`` is JSON already.

    ``octets`` is the WebSocket frame that carries it (RFC 6455 §5.2: a server does not mask, so every client
    gets the same bytes); it is made when first asked for.
    """

    __slots__ = ("_octets", "body", "event", "namespace")

    def __init__(self, namespace: str, event: str, body: bytes) -> None:
        self.namespace = namespace
        self.event = event
        self.body = body
        self._octets = b""

    @property
    def octets(self) -> bytes:
        """The whole WebSocket frame."""
        if not self._octets:
            self._octets = text_frame(
                b'42%b,["%b",%b]'
                % (
                    self.namespace.encode(),
                    self.event.encode(),
                    self.body,
                )
            )
        return self._octets


def text_frame(payload: bytes) -> bytes:
    """An unmasked, final WebSocket text frame."""
    size = len(payload)
    if size <= _SHORT:
        return bytes((_TEXT, size)) + payload
    if size <= _MEDIUM:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + payload


def close_frame(code: int, reason: str) -> bytes:
    """A WebSocket close frame; ``reason`` is ASCII and at most 123 bytes."""
    payload = code.to_bytes(2, "big") + reason.encode("ascii")
    return bytes((_CLOSE, len(payload))) + payload


def pong_frame(payload: bytes) -> bytes:
    """The answer to a WebSocket ping, whose payload is at most 125 bytes."""
    return bytes((_PONG, len(payload))) + payload


class Json:
    """The JSON module that python-socketio uses: strict on the way in, orjson on the way out."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str, **_: Any) -> Any:
        try:
            return strict_json.loads(text)
        except HmsError as error:
            raise ValueError(error.detail) from None


class TextPacket(packet.Packet):  # type: ignore[misc]
    """A Socket.IO packet that is never binary; nobody searches its data for bytes."""

    uses_binary_events = False

    def decode(self, encoded_packet: str) -> Any:
        """As the library does; raises ``ValueError`` for every kind of packet that no client has to send.

        The library takes the digits of other scripts for kinds too: one of them announces attachments.
        """
        if encoded_packet[0] not in _FROM_CLIENTS:
            raise ValueError("not a packet for a server")
        return super().decode(encoded_packet)
