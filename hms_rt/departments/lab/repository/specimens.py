"""Specimens. Their order is locked before they are."""

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.model.specimen import Specimen, SpecimenState
from hms_rt.departments.lab.repository import rows

_ORDER = tables.lab_order.c
_SPECIMEN = tables.specimen.c
_SAVE = rows.saving(
    tables.specimen,
    frozenset({"order_id", "barcode", "kind", "collected_by", "collected_at", "replaces"}),
)


async def add(
    connection: AsyncConnection,
    *,
    specimen_id: uuid.UUID,
    order_id: uuid.UUID,
    kind: SpecimenKind,
    barcode: str | None,
    by: uuid.UUID,
    at: datetime,
    replaces: uuid.UUID | None = None,
) -> Specimen:
    """Add a collected specimen, perhaps in the place of a rejected one; a taken barcode violates
    ``lab_specimen_barcode_key``."""
    values: dict[str, Any] = {
        "id": specimen_id,
        "order_id": order_id,
        "kind": kind.value,
        "state": SpecimenState.COLLECTED.value,
        "collected_by": by,
        "collected_at": at,
        "replaces": replaces,
        "version": 1,
    }
    if barcode is not None:
        values["barcode"] = barcode
    made = await connection.execute(tables.specimen.insert().values(values).returning(*tables.specimen.c))
    return rows.specimen(made.one())


async def lock(connection: AsyncConnection, specimen_id: uuid.UUID) -> tuple[LabOrder, Specimen] | None:
    """A specimen and its order, locked."""
    query: sa.Select[Any] = (
        sa.select(*rows.ORDER_COLUMNS, tables.specimen)
        .select_from(tables.lab_order.join(tables.specimen, _SPECIMEN.order_id == _ORDER.id))
        .where(_SPECIMEN.id == specimen_id)
        .with_for_update(of=[tables.lab_order, tables.specimen])
    )
    row = (await connection.execute(query)).one_or_none()
    return (rows.order(row), rows.specimen(row)) if row is not None else None


async def save(connection: AsyncConnection, specimen: Specimen) -> Specimen:
    """Write a locked specimen, and say how it is now (with the new version)."""
    done = await connection.execute(_SAVE, rows.written([specimen]))
    rows.check_written(done.rowcount, 1)
    return replace(specimen, version=specimen.version + 1)


async def by_id(connection: AsyncConnection, specimen_id: uuid.UUID) -> Specimen | None:
    """One specimen, as last committed."""
    query = sa.select(tables.specimen).where(_SPECIMEN.id == specimen_id)
    row = (await connection.execute(query)).one_or_none()
    return rows.specimen(row) if row is not None else None


async def by_barcode(connection: AsyncConnection, barcode: str) -> Specimen | None:
    """The specimen with this label."""
    query = sa.select(tables.specimen).where(_SPECIMEN.barcode == barcode)
    row = (await connection.execute(query)).one_or_none()
    return rows.specimen(row) if row is not None else None


async def of_order(connection: AsyncConnection, order_id: uuid.UUID) -> list[Specimen]:
    """Every specimen of an order, rejected ones too, in the order in which they were taken."""
    query = sa.select(tables.specimen).where(_SPECIMEN.order_id == order_id).order_by(_SPECIMEN.id)
    return [rows.specimen(row) for row in await connection.execute(query)]
