"""How a chain of seals is computed, and what a broken one means; pure.

A seal is the SHA-256 of the seal before, of its own header and of every line it covers, in order of their
numbers. Whoever changes, removes or inserts a line, or a seal, must recompute every later seal; the digests
that were noted elsewhere (they are logged as they are made) then tell.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

FIRST_DIGEST = bytes(32)
"""What the first seal is chained to."""

LINE_FIELDS = (
    "id",
    "at",
    "xid",
    "principal_kind",
    "principal_id",
    "session_id",
    "action",
    "outcome",
    "entity",
    "entity_id",
    "patient_id",
    "detail",
    "request_id",
    "address",
)
"""The fields of a line of the trail, in the order in which they are digested."""

Ids = tuple[tuple[int, int], ...]
"""Numbers of lines as closed, ascending ranges."""


class Break(StrEnum):
    """What is wrong with a seal."""

    MISSING = "missing"  # the numbering of seals has a gap
    ALTERED = "altered"  # its lines, its header or the seal before are not what was sealed
    UNSEALED = "unsealed"  # among its lines stands one that no seal covers


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of the chain."""

    id: int
    at: datetime
    ids: Ids
    rows: int
    horizon: int
    settled: int
    digest: bytes

    @property
    def first_id(self) -> int:
        """The lowest number covered."""
        return self.ids[0][0]

    @property
    def last_id(self) -> int:
        """The highest number covered."""
        return self.ids[-1][1]


def ranges(numbers: Sequence[int]) -> Ids:
    """Ascending ``numbers`` as closed ranges."""
    made: list[tuple[int, int]] = []
    for number in numbers:
        if made and made[-1][1] + 1 == number:
            made[-1] = (made[-1][0], number)
        else:
            made.append((number, number))
    return tuple(made)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if value is None or isinstance(value, int | str | Mapping):
        return value
    return str(value)


def canonical(line: Mapping[str, Any]) -> bytes:
    """One line of the trail as bytes that are the same on every machine and in every version."""
    values = [_plain(line[field]) for field in LINE_FIELDS]
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(
    previous: bytes,
    *,
    number: int,
    at: datetime,
    ids: Ids,
    horizon: int,
    settled: int,
    lines: Iterable[Mapping[str, Any]],
) -> bytes:
    """The seal over ``lines``, chained to ``previous``."""
    whole = hashlib.sha256(previous)
    header = ["hms-rt audit seal 1", number, _plain(at), ids, horizon, settled]
    whole.update(hashlib.sha256(json.dumps(header, separators=(",", ":")).encode()).digest())
    for line in lines:
        whole.update(hashlib.sha256(canonical(line)).digest())
    return whole.digest()
