"""Events that services record, and the changes that projectors make of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Op(StrEnum):
    """The two operations on a stream; both are absolute, so repeating one is harmless."""

    PUT = "put"
    REMOVE = "remove"


class Cause(StrEnum):
    """Why an entity changed: shown to clients, so that a screen can chime or flash."""

    DEFINED = "defined"
    STATUS = "status"
    OCCUPIED = "occupied"
    MOVED = "moved"
    LEFT = "left"
    RENAMED = "renamed"
    MERGED = "merged"
    RESTRICTED = "restricted"
    FLAG = "flag"
    EXPIRED = "expired"
    OVERDUE = "overdue"
    LEAVING = "leaving"
    COUNT = "count"
    BOOKED = "booked"
    RESCHEDULED = "rescheduled"
    ARRIVED = "arrived"
    ISSUED = "issued"
    CALLED = "called"
    RECALLED = "recalled"
    SERVING = "serving"
    HELD = "held"
    NO_SHOW = "no_show"
    REQUEUED = "requeued"
    TRANSFERRED = "transferred"
    DONE = "done"
    CANCELLED = "cancelled"
    DAY_END = "day_end"
    ESTIMATE = "estimate"
    ORDERED = "ordered"
    COLLECTED = "collected"
    RECEIVED = "received"
    REJECTED = "rejected"
    STARTED = "started"
    RESULTED = "resulted"
    DISAGREED = "disagreed"
    VERIFIED = "verified"
    RELEASED = "released"
    CORRECTED = "corrected"
    CRITICAL = "critical"
    ACKNOWLEDGED = "acknowledged"
    NOTIFIED = "notified"
    SEEN = "seen"
    DUE = "due"
    DISPENSED = "dispensed"
    RETURNED = "returned"
    STOCK = "stock"
    ADMINISTERED = "administered"
    RETRACTED = "retracted"
    RIGHTS = "rights"


Value = Mapping[str, Any]  # plain JSON: str, int, bool, None, and lists and dicts of these


@dataclass(frozen=True, slots=True)
class Change:
    """Absolute ``put`` or ``remove`` of entity ``key`` on ``stream``.

    ``value`` holds everything any audience may see; views cut it down per audience. It never holds the
    body of a clinical document.
    """

    stream: str
    op: Op
    key: str
    cause: Cause
    value: Value | None = None

    def __post_init__(self) -> None:
        if (self.op is Op.PUT) != (self.value is not None):
            raise ValueError("a put carries a value, a remove none")


@dataclass(frozen=True, slots=True)
class Event:
    """Base of every fact that a service records inside its unit of work."""
