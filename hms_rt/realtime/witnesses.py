"""Clients that know versions which the database does not have: one may lie, two are believed.

A new epoch makes every board reload. After a restore that lost changes, every screen that was connected
before is a witness, so two are soon found; a single one that only claims to be cannot trouble the others.
"""

import time
import uuid

NEEDED = 2
REMEMBERED_S = 600.0
MOST = 1_000


class Witnesses:
    """Principals that were ahead of a stream's head lately, in this process."""

    def __init__(self) -> None:
        self._seen: dict[uuid.UUID, float] = {}

    def add(self, principal: uuid.UUID) -> bool:
        """Note one more; True, and all are forgotten, once enough different ones said so."""
        now = time.monotonic()
        self._seen = {who: at for who, at in self._seen.items() if now - at < REMEMBERED_S}
        if len(self._seen) < MOST:
            self._seen[principal] = now
        if len(self._seen) < NEEDED:
            return False
        self._seen.clear()
        return True
