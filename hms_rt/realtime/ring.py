"""The last entries of one stream, for clients that come back and for frames that join on.

Most are never looked at again, so all but the newest few are kept as JSON: 0.8 KiB instead of 2.8 for a bed
with its patient, which a hundred busy wards have by the hundred thousand in every process.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime

import orjson

from hms_rt.storage.change_log import LogEntry

UNPACKED = 32
"""Entries kept as they came: what a broadcast needs, and most who come back after a moment."""

_Packed = tuple[int, datetime, bytes]


class Ring:
    """At most ``size`` entries of consecutive versions, oldest first."""

    __slots__ = ("_newest", "_packed", "_size", "_stream")

    def __init__(self, stream: str, size: int) -> None:
        self._stream = stream
        self._size = size
        self._packed: deque[_Packed] = deque()
        self._newest: deque[LogEntry] = deque()

    def __len__(self) -> int:
        return len(self._packed) + len(self._newest)

    def __iter__(self) -> Iterator[LogEntry]:
        yield from map(self._unpack, self._packed)
        yield from self._newest

    @property
    def oldest(self) -> int | None:
        """The version of the first entry."""
        if self._packed:
            return self._packed[0][0]
        return self._newest[0].version if self._newest else None

    def append(self, entry: LogEntry) -> None:
        """The next version; the oldest makes room for it."""
        self._newest.append(entry)
        if len(self._newest) > UNPACKED:
            self._packed.append(_pack(self._newest.popleft()))
        if len(self) > self._size:
            (self._packed or self._newest).popleft()

    def prepend(self, entries: Sequence[LogEntry]) -> None:
        """Older entries, which end where this begins: the newest of them, as many as there is room for."""
        room = self._size - len(self)
        if room > 0:
            self._packed.extendleft(map(_pack, reversed(entries[-room:])))

    def after(self, version: int) -> list[LogEntry]:
        """The entries above ``version``."""
        newer = [entry for entry in self._newest if entry.version > version]
        if self._packed and self._packed[-1][0] > version:
            return [*(self._unpack(packed) for packed in self._packed if packed[0] > version), *newer]
        return newer

    def clear(self) -> None:
        """Forget everything."""
        self._packed.clear()
        self._newest.clear()

    def _unpack(self, packed: _Packed) -> LogEntry:
        version, at, ops = packed
        return LogEntry(self._stream, version, at, orjson.loads(ops))


def _pack(entry: LogEntry) -> _Packed:
    encoded = orjson.dumps(entry.ops)
    return entry.version, entry.at, bytes(memoryview(encoded))  # a copy: the original keeps its work space
