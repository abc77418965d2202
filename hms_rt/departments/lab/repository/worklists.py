"""The laboratory's lists of work: what is not finished, and what a second person has yet to look at."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.model.labtest import LabState, LabTest
from hms_rt.departments.lab.model.order import LabOrder, Priority
from hms_rt.departments.lab.repository import rows
from hms_rt.departments.lab.repository.labtests import UNFINISHED

_ORDER = tables.lab_order.c
_TEST = tables.lab_test.c
_REVIEW_DUE = sa.literal_column("lab_test.review_due", sa.Boolean)
# What a trigger keeps true of every unfinished test; said here, because it leads to the few open orders.
_ORDER_OPEN = sa.literal_column("lab_order.state = 'open'", sa.Boolean)
_rank_of = sa.case({"stat": 0, "urgent": 1}, value=_ORDER.priority, else_=2)
_JOINED = tables.lab_order.join(tables.lab_test, _TEST.order_id == _ORDER.id)

Shown = tuple[LabOrder, LabTest]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tests to list: unfinished ones, or (``review_due``) those to be looked at again.

    The lists are as long as the work in progress, however many tests were finished: one partial index each.
    """

    review_due: bool = False
    state: LabState | None = None
    code: str | None = None
    specimen_kind: SpecimenKind | None = None
    priority: Priority | None = None
    place: str | None = None
    delta: bool | None = None
    recollect: bool | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """The same, on the columns of a test and its order."""
        found: list[sa.ColumnElement[bool]] = [_REVIEW_DUE] if self.review_due else [UNFINISHED, _ORDER_OPEN]
        for column, wanted in (
            (_TEST.state, self.state),
            (_TEST.code, self.code),
            (_TEST.specimen_kind, self.specimen_kind),
            (_ORDER.priority, self.priority),
            (_ORDER.place, self.place),
        ):
            if wanted is not None:
                found.append(column == str(wanted))
        if self.delta is not None:
            found.append(_TEST.delta == self.delta)
        if self.recollect is not None:
            waits = _TEST.recollect_of.is_not(None)
            found.append(waits if self.recollect else sa.not_(waits))
        return found


async def page(
    connection: AsyncConnection,
    wanted: Wanted,
    *,
    urgent_first: bool = False,
    newest_first: bool = False,
    after: tuple[int, uuid.UUID] | None = None,
    limit: int | None = None,
) -> list[Shown]:
    """At most ``limit`` tests beyond ``after`` (rank of the priority, id): oldest first, newest first, or by
    priority and then oldest first."""
    query: sa.Select[Any] = (
        sa.select(*rows.ORDER_COLUMNS, tables.lab_test)
        .select_from(_JOINED)
        .where(*wanted.conditions())
        .limit(limit)
    )
    if urgent_first:
        query = query.order_by(_rank_of, _TEST.id)
    else:
        query = query.order_by(_TEST.id.desc() if newest_first else _TEST.id)
    if after is not None:
        rank, test_id = after
        if urgent_first:
            query = query.where(sa.or_(_rank_of > rank, sa.and_(_rank_of == rank, _TEST.id > test_id)))
        else:
            query = query.where(_TEST.id < test_id if newest_first else _TEST.id > test_id)
    return _shown(await connection.execute(query))


def rank(priority: Priority) -> int:
    """The place of a priority in a list by priority."""
    return {Priority.STAT: 0, Priority.URGENT: 1}.get(priority, 2)


async def lock_reviews_to_remind(connection: AsyncConnection, now: datetime, most: int) -> list[Shown]:
    """Tests whose review is due for too long, locked; those being changed now are left alone."""
    query: sa.Select[Any] = (
        sa.select(*rows.ORDER_COLUMNS, tables.lab_test)
        .select_from(_JOINED)
        .where(_REVIEW_DUE, _TEST.review_remind_at <= now)
        .order_by(_TEST.review_remind_at, _TEST.id)
        .limit(most)
        .with_for_update(of=[tables.lab_test], skip_locked=True)
    )
    return _shown(await connection.execute(query))


async def remind_again(connection: AsyncConnection, test_ids: list[uuid.UUID], at: datetime) -> None:
    """The laboratory was reminded of these locked tests. Their version stays: nobody edited them."""
    await connection.execute(
        tables.lab_test.update().where(_TEST.id.in_(test_ids)).values(review_remind_at=at)
    )


async def of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Shown]:
    """The unfinished tests of a patient, oldest first."""
    return _shown(await connection.execute(_unfinished_of(patient_id)))


async def lock_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Shown]:
    """The unfinished tests of a patient whose orders are locked, locked."""
    return _shown(await connection.execute(_unfinished_of(patient_id).with_for_update(of=[tables.lab_test])))


def _unfinished_of(patient_id: uuid.UUID) -> sa.Select[Any]:
    return (
        sa.select(*rows.ORDER_COLUMNS, tables.lab_test)
        .select_from(_JOINED)
        .where(_ORDER.patient_id == patient_id, UNFINISHED)
        .order_by(_TEST.id)
    )


def _shown(found: Any) -> list[Shown]:
    return [(rows.order(row), rows.lab_test(row)) for row in found]
