"""Critical alerts, what happened with them, and who was told."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.alert import WAITING, Alert, AlertMove, AlertState, Step
from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.repository import rows
from hms_rt.departments.lab.repository.reach import Reach

_ALERT = tables.critical_alert.c
_TEST = tables.lab_test.c
_ORDER = tables.lab_order.c
_RECIPIENT = tables.alert_recipient.c
_OWN_COLUMNS = [column.label(f"a_{column.name}") for column in _ALERT]
_JOINED = tables.critical_alert.join(tables.lab_test, _TEST.id == _ALERT.test_id).join(
    tables.lab_order, _ORDER.id == _TEST.order_id
)
_SHOWN: sa.Select[Any] = sa.select(*_OWN_COLUMNS, *rows.ORDER_COLUMNS, tables.lab_test).select_from(_JOINED)
_UNANSWERED = _ALERT.escalate_at.is_not(None)

_ADD = rows.insertion(tables.critical_alert)
_SAVE = rows.saving(
    tables.critical_alert, frozenset({"test_id", "result_version", "flag", "raised_at", "ordered_by"})
)
_FOLLOW = sa.text(
    """
    UPDATE lab_critical_alert a SET place = o.place, version = a.version + 1
    FROM lab_test t JOIN lab_order o ON o.id = t.order_id
    WHERE t.id = a.test_id AND o.patient_id = :patient_id AND a.escalate_at IS NOT NULL AND a.place <> o.place
    RETURNING a.id
    """
)
_TOLD = sa.text(
    """
    INSERT INTO lab_alert_recipient (alert_id, user_id, step, told_at)
    SELECT :alert_id, unnest(CAST(:users AS uuid[])), :step, :at ON CONFLICT DO NOTHING
    """
)

ShownAlert = tuple[Alert, LabOrder, LabTest]


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One thing that happened with an alert; ``told`` are those who were notified then."""

    alert_id: uuid.UUID
    version: int
    move: AlertMove
    step: Step
    by: uuid.UUID
    occurred_at: datetime
    recorded_at: datetime
    told: Sequence[uuid.UUID]
    note: str | None


async def add(connection: AsyncConnection, alert: Alert) -> None:
    """Raise an alert; two for one version of a result violate ``lab_critical_alert_result_key``."""
    await connection.execute(_ADD, rows.written([alert]))


async def save(connection: AsyncConnection, alert: Alert) -> Alert:
    """Write a locked alert, and say how it is now (with the new version)."""
    done = await connection.execute(_SAVE, rows.written([alert]))
    rows.check_written(done.rowcount, 1)
    return replace(alert, version=alert.version + 1)


async def tell(
    connection: AsyncConnection, event: AlertEvent, people: Collection[uuid.UUID] | None = None
) -> None:
    """Append an event, and remember who was told (``people``: also who was told with another alert)."""
    values = {name: getattr(event, name) for name in AlertEvent.__dataclass_fields__}
    values |= {"move": event.move.value, "step": event.step.value, "told": list(event.told)}
    await connection.execute(tables.alert_event.insert().values(values))
    told = sorted(event.told if people is None else people)
    if told:
        parameters = {"alert_id": event.alert_id, "users": told, "step": event.step.value}
        await connection.execute(_TOLD, {**parameters, "at": event.recorded_at})


async def events(connection: AsyncConnection, alert_id: uuid.UUID) -> list[AlertEvent]:
    """What happened with an alert, oldest first."""
    table = tables.alert_event
    query = sa.select(table).where(table.c.alert_id == alert_id).order_by(table.c.version)
    return [
        AlertEvent(
            row.alert_id,
            row.version,
            AlertMove(row.move),
            Step(row.step),
            row.by,
            row.occurred_at,
            row.recorded_at,
            row.told,
            row.note,
        )
        for row in await connection.execute(query)
    ]


async def recipients(connection: AsyncConnection, alert_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Everybody who was told of any of these alerts."""
    query = sa.select(_RECIPIENT.user_id).where(_RECIPIENT.alert_id.in_(list(alert_ids)))
    return set((await connection.execute(query)).scalars())


async def was_told(connection: AsyncConnection, test_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    """True if a critical value of this test was told to the user."""
    query = (
        sa.select(sa.literal(1))
        .select_from(tables.alert_recipient.join(tables.critical_alert, _ALERT.id == _RECIPIENT.alert_id))
        .where(_ALERT.test_id == test_id, _RECIPIENT.user_id == user_id)
        .limit(1)
    )
    return (await connection.execute(query)).first() is not None


async def lock(connection: AsyncConnection, alert_id: uuid.UUID) -> ShownAlert | None:
    """One alert, locked after the order whose place decides who may acknowledge it."""
    query = _SHOWN.where(_ALERT.id == alert_id).with_for_update(of=[tables.lab_order, tables.critical_alert])
    found = await _read(connection, query)
    return found[0] if found else None


async def lock_of_test(connection: AsyncConnection, test_id: uuid.UUID) -> list[Alert]:
    """Every alert of a test whose order is locked, oldest first, locked."""
    query = sa.select(*_OWN_COLUMNS).where(_ALERT.test_id == test_id).order_by(_ALERT.id).with_for_update()
    return [rows.alert(row) for row in await connection.execute(query)]


async def overdue(connection: AsyncConnection, now: datetime, most: int) -> list[uuid.UUID]:
    """Alerts whose next step is due, the longest waiting first; not locked."""
    query = sa.select(_ALERT.id).where(_ALERT.escalate_at <= now).order_by(_ALERT.escalate_at).limit(most)
    return list((await connection.execute(query)).scalars())


async def lock_overdue(connection: AsyncConnection, alert_id: uuid.UUID, now: datetime) -> ShownAlert | None:
    """One alert if its next step is due still, locked; None while somebody else is at it."""
    query = _SHOWN.where(_ALERT.id == alert_id, _ALERT.escalate_at <= now).with_for_update(
        of=[tables.lab_order, tables.critical_alert], skip_locked=True
    )
    found = await _read(connection, query)
    return found[0] if found else None


async def follow(connection: AsyncConnection, patient_id: uuid.UUID) -> set[uuid.UUID]:
    """Unacknowledged alerts go where the patient's locked orders went; answers which moved."""
    return set((await connection.execute(_FOLLOW, {"patient_id": patient_id})).scalars())


async def of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[ShownAlert]:
    """The unacknowledged alerts of a patient."""
    query = _SHOWN.where(_ORDER.patient_id == patient_id, _UNANSWERED).order_by(_ALERT.id)
    return await _read(connection, query)


async def by_id(connection: AsyncConnection, alert_id: uuid.UUID) -> ShownAlert | None:
    """One alert, as last committed."""
    found = await _read(connection, _SHOWN.where(_ALERT.id == alert_id))
    return found[0] if found else None


async def unanswered(connection: AsyncConnection, place: str | None = None) -> list[ShownAlert]:
    """The alerts that a room shows: all that wait, or those of a place."""
    query = _SHOWN.where(_UNANSWERED)
    return await _read(connection, query.where(_ALERT.place == place) if place is not None else query)


async def page(
    connection: AsyncConnection,
    reach: Reach,
    *,
    states: Collection[AlertState],
    patient_id: uuid.UUID | None,
    place: str | None,
    before: uuid.UUID | None,
    limit: int,
) -> list[ShownAlert]:
    """At most ``limit`` alerts within reach, newest first."""
    conditions: list[sa.ColumnElement[bool]] = []
    if set(states) == WAITING:
        conditions.append(_UNANSWERED)
    elif len(states) < len(AlertState):
        conditions.append(_ALERT.state.in_(sorted(state.value for state in states)))
    if before is not None:
        conditions.append(_ALERT.id < before)
    if place is not None:
        conditions.append(_ALERT.place == place)
    if patient_id is not None:
        tests = sa.select(_TEST.id).join(tables.lab_order, _ORDER.id == _TEST.order_id)
        conditions.append(_ALERT.test_id.in_(tests.where(_ORDER.patient_id == patient_id)))
    ids = reach.newest(_ALERT.id, _ALERT.place, _ALERT.ordered_by, conditions, limit)
    query = _SHOWN.where(_ALERT.id.in_(ids)).order_by(_ALERT.id.desc()).limit(limit)
    return await _read(connection, query)


async def _read(connection: AsyncConnection, query: sa.Select[Any]) -> list[ShownAlert]:
    found = await connection.execute(query)
    return [(rows.alert(row), rows.order(row), rows.lab_test(row)) for row in found]
