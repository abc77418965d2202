"""The catalogue of tests."""

from collections.abc import Collection
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.catalogue import CatalogueEntry
from hms_rt.departments.lab.repository import rows

_CATALOGUE = tables.catalogue.c


async def add(connection: AsyncConnection, entry: CatalogueEntry) -> None:
    """Add a test; a taken code violates ``lab_catalogue_pkey``."""
    await connection.execute(tables.catalogue.insert().values(asdict(entry)))


async def save(connection: AsyncConnection, entry: CatalogueEntry) -> None:
    """Write a locked test; the version before it stays readable."""
    await connection.execute(
        tables.catalogue.update().where(_CATALOGUE.code == entry.code).values(asdict(entry))
    )


async def lock(connection: AsyncConnection, code: str) -> CatalogueEntry | None:
    """One test, locked."""
    query = sa.select(tables.catalogue).where(_CATALOGUE.code == code).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return rows.entry(row) if row is not None else None


async def by_codes(connection: AsyncConnection, codes: Collection[str]) -> dict[str, CatalogueEntry]:
    """The tests with these codes; unknown ones are left out."""
    query = sa.select(tables.catalogue).where(_CATALOGUE.code.in_(codes))
    return {row.code: rows.entry(row) for row in await connection.execute(query)}


async def page(connection: AsyncConnection, after: str | None, limit: int) -> list[CatalogueEntry]:
    """At most ``limit`` tests after this code, by code."""
    query = sa.select(tables.catalogue).order_by(_CATALOGUE.code).limit(limit)
    if after is not None:
        query = query.where(_CATALOGUE.code > after)
    return [rows.entry(row) for row in await connection.execute(query)]
