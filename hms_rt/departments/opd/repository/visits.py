"""SQL of visits. Tokens are locked before visits."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import tables
from hms_rt.departments.opd.model.visit import OPEN, Disposition, Visit, VisitMove, VisitState

_VISIT = tables.visit.c
_ORDER = tables.visit_order.c


def _from_row(row: Row[Any]) -> Visit:
    values = row._asdict()
    clinic, state, disposition = (values.pop(name) for name in ("clinic_code", "state", "disposition"))
    return Visit(
        **values,
        clinic=clinic,
        state=VisitState(state),
        disposition=Disposition(disposition) if disposition is not None else None,
    )


def _columns(visit: Visit) -> dict[str, Any]:
    values = asdict(visit)
    values["clinic_code"] = values.pop("clinic")
    return values


async def _read(connection: AsyncConnection, query: sa.Select[Any]) -> list[Visit]:
    return [_from_row(row) for row in await connection.execute(query)]


async def insert(connection: AsyncConnection, visit: Visit) -> None:
    """Add a visit; the database refuses a second open one of the patient in the clinic."""
    await connection.execute(tables.visit.insert().values(_columns(visit)))


async def save(connection: AsyncConnection, visit: Visit) -> None:
    """Write a locked visit as a move left it."""
    await connection.execute(tables.visit.update().where(_VISIT.id == visit.id).values(_columns(visit)))


async def remember(
    connection: AsyncConnection,
    before: VisitState | None,
    visit: Visit,
    move: VisitMove | None,
    principal_id: uuid.UUID,
    now: datetime,
) -> None:
    """Add to the history how a visit came to its state; ``move`` None: it was opened."""
    await connection.execute(
        tables.visit_event.insert().values(
            visit_id=visit.id,
            move=move.value if move is not None else "open",
            before=before.value if before is not None else None,
            after=visit.state.value,
            occurred_at=visit.since,
            recorded_at=now,
            principal_id=principal_id,
            reason=visit.reason,
        )
    )


async def find(connection: AsyncConnection, visit_id: uuid.UUID) -> Visit | None:
    """One visit."""
    found = await _read(connection, sa.select(tables.visit).where(_VISIT.id == visit_id))
    return found[0] if found else None


async def lock(connection: AsyncConnection, visit_id: uuid.UUID) -> Visit | None:
    """Lock one visit."""
    found = await _read(connection, sa.select(tables.visit).where(_VISIT.id == visit_id).with_for_update())
    return found[0] if found else None


async def find_open(connection: AsyncConnection, patient_id: uuid.UUID, clinic: str) -> Visit | None:
    """The open visit of a patient in a clinic."""
    query = sa.select(tables.visit).where(
        _VISIT.patient_id == patient_id, _VISIT.clinic_code == clinic, _VISIT.state.in_(sorted(OPEN))
    )
    found = await _read(connection, query)
    return found[0] if found else None


async def lock_of_token(connection: AsyncConnection, token_id: uuid.UUID) -> Visit | None:
    """Lock the visit that goes with a token."""
    query = sa.select(tables.visit).where(_VISIT.token_id == token_id).with_for_update()
    found = await _read(connection, query)
    return found[0] if found else None


async def rename(connection: AsyncConnection, patient_id: uuid.UUID, name: str, mrn: str) -> None:
    """Copy a locked patient's name and MRN to all visits."""
    query = tables.visit.update().where(_VISIT.patient_id == patient_id)
    await connection.execute(query.values(patient_name=name, mrn=mrn))


async def add_order(
    connection: AsyncConnection, visit_id: uuid.UUID, order_id: uuid.UUID, at: datetime
) -> None:
    """An order belongs to a visit; adding it again changes nothing."""
    values = {"visit_id": visit_id, "order_id": order_id, "ordered_at": at}
    await connection.execute(upsert(tables.visit_order).values(values).on_conflict_do_nothing())


async def orders(connection: AsyncConnection, visit_id: uuid.UUID) -> list[uuid.UUID]:
    """What was ordered during a visit, oldest first."""
    query = sa.select(_ORDER.order_id).where(_ORDER.visit_id == visit_id).order_by(_ORDER.order_id)
    return list((await connection.execute(query)).scalars())


async def page(
    connection: AsyncConnection,
    reach: Collection[str] | None,
    *,
    equal: dict[str, Any],
    before: uuid.UUID | None,
    limit: int,
) -> list[Visit]:
    """Visits in the clinics of ``reach`` (None: all), newest first, where columns are as in ``equal``."""
    query = sa.select(tables.visit)
    if reach is not None:
        query = query.where(_VISIT.clinic_code.in_(sorted(reach)))
    for name, value in equal.items():
        if value is not None:
            query = query.where(_VISIT[name] == value)
    if before is not None:
        query = query.where(_VISIT.id < before)
    return await _read(connection, query.order_by(_VISIT.id.desc()).limit(limit))


async def history(connection: AsyncConnection, visit_id: uuid.UUID) -> Sequence[Row[Any]]:
    """Every change of state of a visit, oldest first."""
    columns = tables.visit_event.c
    query = sa.select(tables.visit_event).where(columns.visit_id == visit_id).order_by(columns.id)
    return (await connection.execute(query)).all()
