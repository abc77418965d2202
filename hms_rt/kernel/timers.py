"""Durable timers: what a department asks for, whatever keeps them.

A department sets a timer inside its unit of work and says what it is for (``kind``) and about what
(``key``); there is one timer per kind and key. When it is due, the callback of its kind runs once, in one
process, inside a unit of work of its own: what it does and "fired" commit together.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MAX_ATTEMPTS = 12
"""Failures after which a timer is left to an administrator; with the pauses below, after some 25 minutes."""

LONGEST_PAUSE = timedelta(minutes=5)
"""Between two attempts."""


PAUSE_WITHOUT_STORE = timedelta(seconds=15)
"""Longest pause while a store is away."""


class TimerState(StrEnum):
    """States of a timer. Setting it anew makes any of them ``waiting``."""

    WAITING = "waiting"
    FIRED = "fired"
    CANCELLED = "cancelled"
    DEAD = "dead"  # failed too often; an administrator may try it again


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that is due. ``payload`` holds references only; ``attempts`` counts failures so far."""

    id: uuid.UUID
    kind: str
    key: str
    due_at: datetime
    payload: Mapping[str, str]
    attempts: int
    version: int


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failures: 1 s, doubled each time, at most :data:`LONGEST_PAUSE`."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 16)), LONGEST_PAUSE)
