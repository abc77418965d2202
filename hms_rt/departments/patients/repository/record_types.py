"""Rows of the kinds that the hospital defines, and of every version of them."""

from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.record_type import RecordType, WrittenAs
from hms_rt.departments.patients.tables import patients_record_type as types
from hms_rt.departments.patients.tables import patients_record_type_version as versions


def _type(row: Row[Any]) -> RecordType:
    written_as = WrittenAs(row.written_as) if row.written_as is not None else None
    return RecordType(**{**row._asdict(), "written_as": written_as})


def _values(made: RecordType) -> dict[str, Any]:
    return {
        "code": made.code,
        "name": made.name,
        "written_as": made.written_as.value if made.written_as is not None else None,
        "schema": dict(made.schema),
        "active": made.active,
        "version": made.version,
        "updated_at": made.updated_at,
        "updated_by": made.updated_by,
    }


async def add(connection: AsyncConnection, made: RecordType) -> None:
    """Insert a definition; a second one of a code violates the primary key."""
    await connection.execute(insert(types).values(_values(made)))


async def save(connection: AsyncConnection, changed: RecordType) -> None:
    """Store the next version of a locked definition; the database keeps the older ones."""
    await connection.execute(update(types).where(types.c.code == changed.code).values(_values(changed)))


async def by_code(connection: AsyncConnection, code: str) -> RecordType | None:
    """The definition in force."""
    row = (await connection.execute(select(types).where(types.c.code == code))).one_or_none()
    return _type(row) if row is not None else None


async def lock(connection: AsyncConnection, code: str) -> RecordType | None:
    """The definition in force, locked."""
    query = select(types).where(types.c.code == code).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _type(row) if row is not None else None


async def version(connection: AsyncConnection, code: str, number: int) -> RecordType | None:
    """One version of a definition."""
    query = select(versions).where(versions.c.code == code, versions.c.version == number)
    row = (await connection.execute(query)).one_or_none()
    return _type(row) if row is not None else None


async def all_types(connection: AsyncConnection) -> list[RecordType]:
    """Every definition in force, by code."""
    return [_type(row) for row in await connection.execute(select(types).order_by(types.c.code))]
