"""SQL of rooms: what they are kept for. A room is locked after its beds."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import tables
from hms_rt.departments.beds.model import BedStatus, Precaution
from hms_rt.departments.beds.repository.beds import precaution
from hms_rt.kernel.errors import not_found

_ROOM = tables.room.c
_BED = tables.bed.c


async def kept_for(connection: AsyncConnection, ward: str, code: str) -> Precaution | None:
    """What a locked room is kept for; None for nothing."""
    query = sa.select(_ROOM.isolation, _ROOM.organism).where(_ROOM.ward_code == ward, _ROOM.code == code)
    return precaution(*(await connection.execute(query)).one())


async def lock(connection: AsyncConnection, ward: str, code: str) -> Any:
    """Lock a room; raises ``not_found``. From then on nobody comes in, nor is isolated there."""
    query = sa.select(tables.room).where(_ROOM.ward_code == ward, _ROOM.code == code)
    row = (await connection.execute(query.with_for_update(key_share=True))).one_or_none()
    if row is None:
        raise not_found("that room")
    return row


async def save(
    connection: AsyncConnection, ward: str, code: str, kept: Precaution | None, override: str | None
) -> None:
    """Write what a locked room is kept for, and raise its version."""
    statement = tables.room.update().where(_ROOM.ward_code == ward, _ROOM.code == code)
    await connection.execute(
        statement.values(
            isolation=kept.kind.value if kept is not None else None,
            organism=kept.organism if kept is not None else None,
            override_reason=override,
            version=_ROOM.version + 1,
        )
    )


async def bed_ids(connection: AsyncConnection, ward: str, code: str) -> list[Any]:
    """The beds of a room, to lock them before it."""
    query = sa.select(_BED.id).where(_BED.ward_code == ward, _BED.room_code == code)
    return list((await connection.execute(query)).scalars())


async def lying(connection: AsyncConnection, ward: str, code: str) -> list[Precaution | None]:
    """The precaution of every patient in a locked room; a child beside its mother is as she is."""
    query = (
        sa.select(_BED.isolation_kind, _BED.organism)
        .join(tables.occupant, tables.occupant.c.bed_id == _BED.id)
        .where(
            _BED.ward_code == ward,
            _BED.room_code == code,
            _BED.status == BedStatus.OCCUPIED.value,
            tables.occupant.c.beside.is_(None),
        )
    )
    return [precaution(*row) for row in await connection.execute(query)]


async def of_ward(connection: AsyncConnection, ward: str, code: str | None = None) -> Sequence[Any]:
    """The rooms of a ward by code, or one, with the codes of their beds."""
    beds = (
        sa.select(sa.func.array_agg(aggregate_order_by(_BED.code, _BED.code)))
        .where(_BED.ward_code == _ROOM.ward_code, _BED.room_code == _ROOM.code)
        .scalar_subquery()
    )
    query = sa.select(tables.room, beds.label("beds")).where(_ROOM.ward_code == ward).order_by(_ROOM.code)
    if code is not None:
        query = query.where(_ROOM.code == code)
    return (await connection.execute(query)).all()
