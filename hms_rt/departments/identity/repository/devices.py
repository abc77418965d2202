"""Unattended screens."""

import uuid
from collections.abc import Collection
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, RowMapping, Uuid, any_, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.identity.model import Device
from hms_rt.departments.identity.tables import identity_device as devices


def _to_device(row: RowMapping) -> Device:
    return Device(**{**row, "rooms": tuple(row["rooms"])})


def _stored(device: Device) -> dict[str, Any]:
    return {**asdict(device), "rooms": list(device.rooms)}


async def add(connection: AsyncConnection, device: Device) -> None:
    """Insert a screen; a taken name violates ``identity_device_name_key``."""
    await connection.execute(insert(devices).values(**_stored(device)))


async def save(connection: AsyncConnection, device: Device) -> None:
    """Store a locked screen."""
    await connection.execute(update(devices).where(devices.c.id == device.id).values(**_stored(device)))


async def _one(connection: AsyncConnection, where: ColumnElement[bool], *, locked: bool) -> Device | None:
    query = select(devices).where(where)
    found = await connection.execute(query.with_for_update() if locked else query)
    row = found.mappings().one_or_none()
    return _to_device(row) if row is not None else None


async def lock(connection: AsyncConnection, device_id: uuid.UUID) -> Device | None:
    """One screen, locked until the end of the transaction."""
    return await _one(connection, devices.c.id == device_id, locked=True)


async def lock_by_link(connection: AsyncConnection, digest: bytes) -> Device | None:
    """The screen that this enrolment link is for, locked."""
    return await _one(connection, devices.c.link_digest == digest, locked=True)


async def by_id(connection: AsyncConnection, device_id: uuid.UUID) -> Device | None:
    """One screen, as last committed."""
    return await _one(connection, devices.c.id == device_id, locked=False)


# Made once: a restart brings thousands of screens, and making a statement costs more than many rows.
_ENROLLED = select(*(devices.c[column.name] for column in fields(Device))).where(
    devices.c.session_id == any_(bindparam("wanted", type_=ARRAY(Uuid))),
    devices.c.revoked_at.is_(None),
)


async def enrolled(
    connection: AsyncConnection, session_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Device]:
    """By enrolment: its screen, unless revoked."""
    found = await connection.execute(_ENROLLED, {"wanted": list(session_ids)})
    screens = [Device(id_, name, tuple(rooms), *rest) for id_, name, rooms, *rest in found]
    return {screen.session_id: screen for screen in screens if screen.session_id is not None}


async def page(connection: AsyncConnection, *, after: uuid.UUID | None, limit: int) -> list[Device]:
    """At most ``limit`` screens after this id, oldest first."""
    query = select(devices).order_by(devices.c.id).limit(limit)
    if after is not None:
        query = query.where(devices.c.id > after)
    return [_to_device(row) for row in (await connection.execute(query)).mappings()]
