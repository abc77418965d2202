"""One stream in this process: its last contiguous version, its state, and a ring of recent entries."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from hms_rt.kernel.changes import Op
from hms_rt.realtime.ring import Ring
from hms_rt.storage.change_log import LogEntry

RING = 1_000
"""Versions a client may be behind and still resume."""

MAX_PENDING = 5_000


class Follower:
    """Applies entries strictly in order, wherever they come from.

    An entry that leaves a gap waits in ``pending``; ``gap`` is called once so that the hub fills it from
    the change log. ``advanced`` is called after every version applied; ``listeners`` get every entry, and
    ``skipped`` is called where a reload may have jumped over some. ``shown`` is set from the first load on.
    ``promised`` is the highest version that is known to exist and was not kept while the state was loading.
    """

    def __init__(
        self,
        stream: str,
        *,
        gap: Callable[["Follower"], None],
        advanced: Callable[["Follower"], None],
    ) -> None:
        self.stream = stream
        self.version: int | None = None
        self.state: dict[str, Mapping[str, Any]] = {}
        self.as_of: datetime | None = None
        self.ring = Ring(stream, RING)
        self.loading: asyncio.Task[None] | None = None
        self.promised = 0
        self._pending: dict[int, LogEntry] = {}
        self._gap = gap
        self._advanced = advanced
        self.listeners: list[Callable[[LogEntry], None]] = []
        self.skipped: list[Callable[[], None]] = []
        self.shown = False

    def offer(self, entry: LogEntry) -> None:
        """Take an entry from Redis, the change log or this process's own commits."""
        if self.version is not None and entry.version <= self.version:
            return
        if len(self._pending) >= MAX_PENDING:
            self._drop_pending()
        self._pending[entry.version] = entry
        self._drain()
        if self._pending and self.version is not None:
            self._gap(self)

    @property
    def waiting(self) -> bool:
        """True while something is known to be missing."""
        return self.version is not None and (bool(self._pending) or self.version < self.promised)

    def lags(self, head: int) -> bool:
        """True if the change log holds ``head`` and this does not; one that still loads remembers it."""
        if self.version is None:
            self.promised = max(self.promised, head)
            return False
        return self.version < head

    def load(self, version: int, state: dict[str, Mapping[str, Any]], as_of: datetime) -> None:
        """Start from a snapshot of the database, then go on with what arrived meanwhile.

        A snapshot older than what was applied since it was read changes nothing.
        """
        if self.version is not None and version < self.version:
            return
        self.shown = True
        self.version = version
        self.state = state
        self.as_of = as_of
        self.ring.clear()
        self._pending = {number: entry for number, entry in self._pending.items() if number > version}
        self._drain()
        if self.waiting:
            self._gap(self)

    def forget(self) -> None:
        """Drop everything (the epoch changed); :meth:`load` comes next."""
        self.version = None
        self.promised = 0
        self.state = {}
        self.ring.clear()
        self._pending.clear()

    def reaches(self, version: int) -> bool:
        """True if the ring holds everything after ``version``."""
        if self.version is None or version > self.version:
            return False
        oldest = self.ring.oldest
        return version == self.version or (oldest is not None and oldest <= version + 1)

    def recall(self, entries: Sequence[LogEntry]) -> None:
        """Put older entries, read from the change log, before the ring's: the next client need not ask again.

        Those that do not join on to the ring are left out, and so are those that it has no room for.
        """
        oldest = self.ring.oldest or (self.version or 0) + 1
        older = [entry for entry in entries if entry.version < oldest]
        if older and older[-1].version == oldest - 1:
            self.ring.prepend(older)

    def after(self, version: int) -> list[LogEntry]:
        """The entries of the ring above ``version``, in order."""
        return self.ring.after(version)

    def _drop_pending(self) -> None:
        """The gap filler reads them again, or loads the state anew."""
        if self.version is None:
            self.promised = max(self._pending)
        self._pending.clear()

    def _drain(self) -> None:
        while self.version is not None:
            entry = self._pending.pop(self.version + 1, None)
            if entry is None:
                return
            self._apply(entry)

    def _apply(self, entry: LogEntry) -> None:
        for op in entry.ops:
            if op["op"] == Op.PUT:
                self.state[op["key"]] = op["value"]
            else:
                self.state.pop(op["key"], None)
        self.version = entry.version
        self.as_of = entry.at
        self.ring.append(entry)
        for listener in self.listeners:
            listener(entry)
        self._advanced(self)
