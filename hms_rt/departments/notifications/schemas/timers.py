"""Shapes of durable timers on the wire."""

import uuid

from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Schema
from hms_rt.kernel.timers import TimerState


class TimerOut(Schema):
    """A durable timer, as administrators see it."""

    id: uuid.UUID
    kind: str
    key: str
    """What it is about: an id or a code."""
    state: TimerState
    due_at: Moment
    run_at: Moment
    """When it is tried next."""
    attempts: int
    error: str | None
    """Of the last attempt, without any data."""
    payload: dict[str, str]
    version: int


class TimerQuery(PageQuery):
    """Which timers to list."""

    state: TimerState = TimerState.DEAD


class TimerCursor(Schema):
    """Sort key of the list: newest first."""

    id: uuid.UUID
