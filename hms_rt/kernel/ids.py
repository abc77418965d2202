"""Identifiers: UUID version 7 (RFC 9562), which sort by the time they were made."""

import os
import time
import uuid
from collections.abc import Callable
from typing import Protocol


class Ids(Protocol):
    """Makes fresh identifiers."""

    def new(self) -> uuid.UUID: ...


class RandomIds:
    """UUIDv7 from the system's clock and entropy; both can be replaced in tests."""

    def __init__(
        self,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._now_ms = now_ms
        self._entropy = entropy

    def new(self) -> uuid.UUID:
        """48 bits of Unix milliseconds, then 74 random bits."""
        rest = int.from_bytes(self._entropy(10))
        value = (self._now_ms() & ((1 << 48) - 1)) << 80
        value |= 0x7 << 76
        value |= ((rest >> 62) & 0xFFF) << 64
        value |= 0b10 << 62
        value |= rest & ((1 << 62) - 1)
        return uuid.UUID(int=value)
