"""SQL of clinics, their categories and counters."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import tables

_COUNTER = tables.counter.c


async def insert_clinic(
    connection: AsyncConnection,
    code: str,
    name: str,
    facility: str,
    categories: Sequence[tuple[str, str]],
    day: date,
) -> None:
    """Add a clinic with its categories (letter, name); its queue begins on ``day``."""
    await connection.execute(
        tables.clinic.insert().values(code=code, name=name, facility_code=facility, version=1)
    )
    await connection.execute(
        tables.category.insert(),
        [{"clinic_code": code, "letter": letter, "name": named} for letter, named in categories],
    )
    await connection.execute(sa.insert(tables.summary).values(clinic_code=code, day=day))


async def lock_clinic(connection: AsyncConnection, code: str) -> int | None:
    """Lock a clinic; its version, or None if there is no such clinic."""
    query = sa.select(tables.clinic.c.version).where(tables.clinic.c.code == code)
    version: int | None = (
        await connection.execute(query.with_for_update(key_share=True))
    ).scalar_one_or_none()
    return version


async def touch(connection: AsyncConnection, code: str) -> None:
    """A locked clinic has another version."""
    columns = tables.clinic.c
    await connection.execute(
        tables.clinic.update().where(columns.code == code).values(version=columns.version + 1)
    )


async def clinics(connection: AsyncConnection, code: str | None = None) -> Sequence[Row[Any]]:
    """All clinics by code, or one; with the day of their queue."""
    query = (
        sa.select(tables.clinic, tables.summary.c.day)
        .join(tables.summary, tables.summary.c.clinic_code == tables.clinic.c.code)
        .order_by(tables.clinic.c.code)
    )
    if code is not None:
        query = query.where(tables.clinic.c.code == code)
    return (await connection.execute(query)).all()


async def categories(connection: AsyncConnection, codes: Collection[str]) -> Sequence[Row[Any]]:
    """The categories of these clinics, by clinic and letter."""
    columns = tables.category.c
    query = sa.select(tables.category).where(columns.clinic_code.in_(codes))
    return (await connection.execute(query.order_by(columns.clinic_code, columns.letter))).all()


async def insert_counter(
    connection: AsyncConnection, clinic: str, code: str, name: str, *, opened: bool
) -> None:
    """Add a counter."""
    await connection.execute(
        tables.counter.insert().values(code=code, clinic_code=clinic, name=name, open=opened, version=1)
    )


async def counters(
    connection: AsyncConnection, *, clinics_of: Collection[str] | None = None, code: str | None = None
) -> Sequence[Row[Any]]:
    """Counters of these clinics, or one counter, by code."""
    query = sa.select(tables.counter).order_by(_COUNTER.code)
    if clinics_of is not None:
        query = query.where(_COUNTER.clinic_code.in_(clinics_of))
    if code is not None:
        query = query.where(_COUNTER.code == code)
    return (await connection.execute(query)).all()


async def lock_counter(connection: AsyncConnection, code: str, *, share: bool = False) -> Row[Any] | None:
    """Lock a counter; ``share`` only keeps it from being opened or closed."""
    query = sa.select(tables.counter).where(_COUNTER.code == code).with_for_update(read=share)
    return (await connection.execute(query)).one_or_none()


async def set_open(connection: AsyncConnection, code: str, *, opened: bool) -> None:
    """Open or close a locked counter; the database refuses to close one that has a patient."""
    await connection.execute(
        tables.counter.update().where(_COUNTER.code == code).values(open=opened, version=_COUNTER.version + 1)
    )
