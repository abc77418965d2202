"""How fast a client may send: messages of any kind, before anybody looks into them."""

import time

MESSAGES_PER_SECOND = 100.0
MESSAGE_BURST = 200.0
MESSAGE_BYTES = 2048
"""So many bytes count as one message more: decoding 64 KiB of JSON holds the loop for up to 10 ms."""

FLOOD = 500
"""Messages beyond the burst, or waiting to be handled, at which a client is thrown out instead of slowed."""


class Pace:
    """A client's allowance, where it cannot be slowed down: it may flood, or it is thrown out."""

    __slots__ = ("_allowance", "_at")

    def __init__(self) -> None:
        self._allowance = MESSAGE_BURST
        self._at = time.monotonic()

    def floods(self, size: int) -> bool:
        """A message of ``size`` characters came; True if it is one too many."""
        now = time.monotonic()
        gained = (now - self._at) * MESSAGES_PER_SECOND
        self._at = now
        self._allowance = min(MESSAGE_BURST, self._allowance + gained) - 1 - size / MESSAGE_BYTES
        return self._allowance < -FLOOD
