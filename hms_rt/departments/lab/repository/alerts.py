"""Critical alerts."""

import uuid
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.alert import Alert, AlertState
from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.repository import rows
from hms_rt.departments.lab.repository.orders import Reach

_ALERT = tables.critical_alert.c
_TEST = tables.lab_test.c
_ORDER = tables.lab_order.c
_OWN_COLUMNS = [column.label(f"a_{column.name}") for column in _ALERT]
_JOINED = tables.critical_alert.join(tables.lab_test, _TEST.id == _ALERT.test_id).join(
    tables.lab_order, _ORDER.id == _TEST.order_id
)
_SHOWN: sa.Select[Any] = sa.select(*_OWN_COLUMNS, *rows.ORDER_COLUMNS, tables.lab_test).select_from(_JOINED)

_ADD = rows.insertion(tables.critical_alert)
_SAVE = rows.saving(tables.critical_alert, frozenset({"test_id", "result_version", "flag", "raised_at"}))

ShownAlert = tuple[Alert, LabOrder, LabTest]


async def add(connection: AsyncConnection, alert: Alert) -> None:
    """Raise an alert; two for one version of a result violate ``lab_critical_alert_result_key``."""
    await connection.execute(_ADD, rows.written([alert]))


async def save(connection: AsyncConnection, alert: Alert) -> Alert:
    """Write a locked alert, and say how it is now (with the new version)."""
    done = await connection.execute(_SAVE, rows.written([alert]))
    rows.check_written(done.rowcount, 1)
    return replace(alert, version=alert.version + 1)


async def lock(connection: AsyncConnection, alert_id: uuid.UUID) -> ShownAlert | None:
    """One alert, locked after the order whose place decides who may acknowledge it."""
    query = _SHOWN.where(_ALERT.id == alert_id).with_for_update(of=[tables.lab_order, tables.critical_alert])
    found = await _read(connection, query)
    return found[0] if found else None


async def lock_overdue(connection: AsyncConnection, now: datetime, most: int) -> list[ShownAlert]:
    """Alerts nobody acknowledged in time, locked; those being changed now are left alone."""
    query = (
        _SHOWN.where(_ALERT.escalate_at <= now)
        .order_by(_ALERT.escalate_at, _ALERT.id)
        .limit(most)
        .with_for_update(of=[tables.critical_alert], skip_locked=True)
    )
    return await _read(connection, query)


async def page(
    connection: AsyncConnection,
    reach: Reach,
    *,
    states: Collection[AlertState],
    before: uuid.UUID | None,
    limit: int,
) -> list[ShownAlert]:
    """At most ``limit`` alerts within reach, newest first."""
    query = (
        _SHOWN.where(reach.condition(), _ALERT.state.in_([state.value for state in states]))
        .order_by(_ALERT.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(_ALERT.id < before)
    return await _read(connection, query)


async def _read(connection: AsyncConnection, query: sa.Select[Any]) -> list[ShownAlert]:
    found = await connection.execute(query)
    return [(rows.alert(row), rows.order(row), rows.lab_test(row)) for row in found]
