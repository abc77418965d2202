"""The formulary and the stores."""

from collections.abc import Collection
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy import tables
from hms_rt.departments.pharmacy.model.formulary import FormularyStatus, Medicine
from hms_rt.departments.pharmacy.model.store import Store, StoreKind
from hms_rt.departments.pharmacy.repository import rows

_MEDICINE = tables.medicine.c
_STORE = tables.store.c


async def add(connection: AsyncConnection, medicine: Medicine) -> None:
    """Add a medicine; a taken code violates ``pharmacy_medicine_pkey``."""
    await connection.execute(tables.medicine.insert().values(asdict(medicine)))


async def save(connection: AsyncConnection, medicine: Medicine) -> None:
    """Write a locked medicine; the version before it stays readable."""
    await connection.execute(
        tables.medicine.update().where(_MEDICINE.code == medicine.code).values(asdict(medicine))
    )


async def lock(connection: AsyncConnection, code: str) -> Medicine | None:
    """One medicine, locked."""
    query = sa.select(tables.medicine).where(_MEDICINE.code == code).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return rows.medicine(row) if row is not None else None


async def by_codes(connection: AsyncConnection, codes: Collection[str]) -> dict[str, Medicine]:
    """The medicines with these codes; unknown ones are left out."""
    query = sa.select(tables.medicine).where(_MEDICINE.code.in_(codes))
    return {row.code: rows.medicine(row) for row in await connection.execute(query)}


async def page(
    connection: AsyncConnection, *, status: FormularyStatus | None, after: str | None, limit: int
) -> list[Medicine]:
    """At most ``limit`` medicines after this code, by code."""
    query = sa.select(tables.medicine).order_by(_MEDICINE.code).limit(limit)
    if status is not None:
        query = query.where(_MEDICINE.status == status.value)
    if after is not None:
        query = query.where(_MEDICINE.code > after)
    return [rows.medicine(row) for row in await connection.execute(query)]


async def add_store(connection: AsyncConnection, store: Store) -> None:
    """Add a store; a taken code violates ``pharmacy_store_pkey``."""
    await connection.execute(tables.store.insert().values(asdict(store)))


async def store(connection: AsyncConnection, code: str) -> Store | None:
    """One store."""
    row = (await connection.execute(sa.select(tables.store).where(_STORE.code == code))).one_or_none()
    return rows.store(row) if row is not None else None


def cupboards_of(wards: Collection[str]) -> sa.Select[str]:
    """The codes of the cupboards of ``wards``, for a condition on stores."""
    return sa.select(_STORE.code).where(_STORE.ward.in_(wards))


async def first_quarantine(connection: AsyncConnection) -> Store | None:
    """Where what came back is kept apart: the first quarantine by code."""
    query = sa.select(tables.store).where(_STORE.kind == StoreKind.QUARANTINE.value).order_by(_STORE.code)
    row = (await connection.execute(query.limit(1))).one_or_none()
    return rows.store(row) if row is not None else None


async def stores(connection: AsyncConnection) -> list[Store]:
    """Every store, by code."""
    return [
        rows.store(row) for row in await connection.execute(sa.select(tables.store).order_by(_STORE.code))
    ]


async def lock_store(connection: AsyncConnection, code: str) -> Store | None:
    """One store, locked."""
    query = sa.select(tables.store).where(_STORE.code == code).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return rows.store(row) if row is not None else None


async def save_store(connection: AsyncConnection, store: Store) -> None:
    """Write a locked store."""
    await connection.execute(tables.store.update().where(_STORE.code == store.code).values(asdict(store)))


async def first_dispensary(connection: AsyncConnection) -> Store | None:
    """The dispensary for who names none: the first by code."""
    query = sa.select(tables.store).where(_STORE.kind == StoreKind.DISPENSARY.value).order_by(_STORE.code)
    row = (await connection.execute(query.limit(1))).one_or_none()
    return rows.store(row) if row is not None else None
