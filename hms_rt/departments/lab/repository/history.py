"""What happened with tests: append-only events, from which the states follow."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.labtest import LabState, LabTest
from hms_rt.departments.lab.repository import rows

_ADD = rows.insertion(tables.test_event)
_EVENT = tables.test_event.c
RELEASES = ("release", "release_alone")


@dataclass(frozen=True, slots=True)
class Happened:
    """What was done with tests, by whom, when; ``reason`` where one was asked for."""

    move: str
    by: uuid.UUID
    occurred_at: datetime
    recorded_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TestEvent:
    """One row of the history of a test."""

    test_id: uuid.UUID
    version: int
    move: str
    state: LabState
    result_version: int | None
    by: uuid.UUID
    occurred_at: datetime
    recorded_at: datetime
    reason: str | None


async def append(connection: AsyncConnection, tests: Sequence[LabTest], what: Happened) -> None:
    """Append one event for each of these tests as they are now."""
    events = [
        TestEvent(
            test.id,
            test.version,
            what.move,
            test.state,
            test.result_version,
            what.by,
            what.occurred_at,
            what.recorded_at,
            what.reason,
        )
        for test in tests
    ]
    if events:
        await connection.execute(_ADD, rows.written(events))


async def of_test(connection: AsyncConnection, test_id: uuid.UUID) -> list[TestEvent]:
    """The history of a test, oldest first; at most one row for each version of it."""
    query = sa.select(tables.test_event).where(_EVENT.test_id == test_id).order_by(_EVENT.version)
    return [
        TestEvent(
            row.test_id,
            row.version,
            row.move,
            LabState(row.state),
            row.result_version,
            row.by,
            row.occurred_at,
            row.recorded_at,
            row.reason,
        )
        for row in await connection.execute(query)
    ]


async def released_version(connection: AsyncConnection, test_id: uuid.UUID) -> int | None:
    """The version of the result that was released; None if none was.

    Tests released before there was a history have none: theirs is the last entry.
    """
    query = sa.select(_EVENT.result_version).where(_EVENT.test_id == test_id, _EVENT.move.in_(RELEASES))
    told = (await connection.execute(query.limit(1))).scalar_one_or_none()
    if told is not None:
        return int(told)
    version, test = tables.result_version.c, tables.lab_test.c
    last = (
        sa.select(sa.func.max(version.number))
        .join(tables.lab_test, test.id == version.test_id)
        .where(version.test_id == test_id, version.kind == "entry", test.state == LabState.RELEASED.value)
    )
    found = (await connection.execute(last)).scalar_one_or_none()
    return int(found) if found is not None else None
