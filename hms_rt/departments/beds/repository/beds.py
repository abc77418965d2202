"""SQL of beds themselves: locks, states, definition. Locks are taken in order of id, rooms after beds."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import tables
from hms_rt.departments.beds.model import Bed, BedKind, BedStatus, Feature, Isolation, Needs, Precaution
from hms_rt.kernel.errors import not_found

_BED = tables.bed.c

_ROOMING_IN = sa.select(tables.occupant.c.bed_id).where(tables.occupant.c.beside.is_not(None))
"""Cots beside a mother: her isolation counts for both."""


def _bed(row: Any) -> Bed:
    return Bed(
        id=row.id,
        ward=row.ward_code,
        code=row.code,
        status=BedStatus(row.status),
        isolation=row.isolation,
        since=row.since,
        reserved_for=row.reserved_for,
        reserved_until=row.reserved_until,
        version=row.version,
        room=row.room_code,
        kind=BedKind(row.kind),
        features=frozenset(Feature(one) for one in row.features),
        isolation_kind=Isolation(row.isolation_kind) if row.isolation_kind else None,
        organism=row.organism,
        out_of_service_reason=row.out_of_service_reason,
        expected_back_at=row.expected_back_at,
    )


async def lock_beds(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Bed]:
    """Lock beds in order of id; raises ``not_found`` if one is missing."""
    query = sa.select(tables.bed).where(_BED.id.in_(ids)).order_by(_BED.id).with_for_update()
    beds = {row.id: _bed(row) for row in await connection.execute(query)}
    if len(beds) != len(set(ids)):
        raise not_found("that bed")
    return beds


async def lock_free_bed(
    connection: AsyncConnection, ward: str, needs: Needs, but: Collection[uuid.UUID]
) -> Bed | None:
    """Lock some available bed of ``ward`` that suits, is none of ``but`` and nobody else is taking; None if
    there is none."""
    query = (
        sa.select(tables.bed)
        .where(
            _BED.ward_code == ward,
            _BED.status == BedStatus.AVAILABLE.value,
            _BED.id.not_in(but),
            suits(needs),
        )
        .order_by(sa.func.cardinality(_BED.features), _BED.code)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await connection.execute(query)).one_or_none()
    return _bed(row) if row is not None else None


def suits(needs: Needs) -> sa.ColumnElement[bool]:
    """Whether a bed has the features needed, and a room that neither is kept for another isolation nor has
    patients in one."""
    other = tables.bed.alias()
    neighbour = sa.exists().where(
        other.c.ward_code == _BED.ward_code,
        other.c.room_code == _BED.room_code,
        other.c.id != _BED.id,
        other.c.status == BedStatus.OCCUPIED.value,
        sa.or_(
            other.c.isolation_kind.is_distinct_from(needs.isolation),
            other.c.organism.is_distinct_from(needs.organism),
        ),
        other.c.id.not_in(_ROOMING_IN),
    )
    kept = sa.exists().where(
        tables.room.c.ward_code == _BED.ward_code,
        tables.room.c.code == _BED.room_code,
        sa.or_(
            tables.room.c.isolation.is_distinct_from(needs.isolation),
            tables.room.c.organism != (needs.organism or ""),
        ),
        tables.room.c.isolation.is_not(None),
    )
    return sa.and_(
        _BED.kind == BedKind.BED.value,
        _BED.features.contains(sorted(needs.all_features)),
        sa.not_(neighbour),
        sa.not_(kept),
    )


async def lock_cot(
    connection: AsyncConnection, ward: str, room: str, but: Collection[uuid.UUID] = ()
) -> Bed | None:
    """Lock an available cot of the room, none of ``but``, that nobody else is taking; None without one."""
    query = (
        sa.select(tables.bed)
        .where(
            _BED.ward_code == ward,
            _BED.room_code == room,
            _BED.kind == BedKind.COT.value,
            _BED.status == BedStatus.AVAILABLE.value,
            _BED.id.not_in(but),
        )
        .order_by(_BED.code)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await connection.execute(query)).one_or_none()
    return _bed(row) if row is not None else None


async def cots_of_room(connection: AsyncConnection, ward: str, room: str) -> int:
    """How many cots a locked room has."""
    query = sa.select(sa.func.count()).where(
        _BED.ward_code == ward, _BED.room_code == room, _BED.kind == BedKind.COT.value
    )
    return (await connection.execute(query)).scalar_one()


async def lock_rooms(connection: AsyncConnection, rooms: Collection[tuple[str, str]]) -> None:
    """Lock rooms in order of ward and code, so that whoever comes into one sees who is there."""
    place = sa.tuple_(tables.room.c.ward_code, tables.room.c.code)
    query = sa.select(tables.room.c.code).where(place.in_(sorted(set(rooms))))
    ordered = query.order_by(tables.room.c.ward_code, tables.room.c.code)
    await connection.execute(ordered.with_for_update(key_share=True))


async def neighbours(
    connection: AsyncConnection, bed: Bed, but: Collection[uuid.UUID] = ()
) -> list[Precaution | None]:
    """The isolation of every patient in the room of ``bed``, but not of those in the beds ``but``.

    A child beside its mother is isolated as she is.
    """
    query = sa.select(_BED.isolation_kind, _BED.organism).where(
        _BED.ward_code == bed.ward,
        _BED.room_code == bed.room,
        _BED.id.not_in([bed.id, *but]),
        _BED.id.not_in(_ROOMING_IN),
        _BED.status == BedStatus.OCCUPIED.value,
    )
    return [precaution(*row) for row in await connection.execute(query)]


def precaution(kind: str | None, organism: str | None) -> Precaution | None:
    """What two columns say together."""
    return Precaution(Isolation(kind), organism) if kind else None


async def lock_expired(connection: AsyncConnection, now: datetime, most: int) -> list[Bed]:
    """Lock reserved beds whose reservation has run out; those being changed now are left alone."""
    query = (
        sa.select(tables.bed)
        .where(_BED.status == BedStatus.RESERVED.value, _BED.reserved_until <= now)
        .order_by(_BED.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [_bed(row) for row in await connection.execute(query)]


async def save_bed(connection: AsyncConnection, bed: Bed) -> None:
    """Write the state of a locked bed and raise its version."""
    await connection.execute(
        tables.bed.update()
        .where(_BED.id == bed.id)
        .values(
            status=bed.status.value,
            isolation=bed.isolation,
            since=bed.since,
            reserved_for=bed.reserved_for,
            reserved_until=bed.reserved_until,
            isolation_kind=bed.isolation_kind,
            organism=bed.organism,
            out_of_service_reason=bed.out_of_service_reason,
            expected_back_at=bed.expected_back_at,
            version=_BED.version + 1,
        )
    )


async def save_features(
    connection: AsyncConnection, bed_id: uuid.UUID, features: Collection[Feature]
) -> None:
    """Write what a locked bed is equipped with and raise its version."""
    values = {"features": sorted(features), "version": _BED.version + 1}
    await connection.execute(tables.bed.update().where(_BED.id == bed_id).values(values))


async def insert_bed(connection: AsyncConnection, bed: Bed) -> None:
    """Add a bed and, if it is new, its room."""
    await connection.execute(
        insert(tables.room).values(ward_code=bed.ward, code=bed.room).on_conflict_do_nothing()
    )
    await connection.execute(
        tables.bed.insert().values(
            id=bed.id,
            ward_code=bed.ward,
            room_code=bed.room,
            code=bed.code,
            kind=bed.kind.value,
            features=sorted(bed.features),
            status=bed.status.value,
            isolation=bed.isolation,
            since=bed.since,
            out_of_service_reason=bed.out_of_service_reason,
            version=bed.version,
        )
    )
