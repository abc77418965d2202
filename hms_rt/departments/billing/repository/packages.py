"""Packages: what they include, for whom they were applied, what is left of them."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.package import PackageState, PackageUse
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.repository.charges import charge_of

_ITEM = tables.package_item.c
_USE = tables.package_use.c
_LEFT = tables.package_left.c
_CHARGE = tables.charge.c


async def define(connection: AsyncConnection, package: str, items: Mapping[str, Decimal]) -> None:
    """Say what a package includes; a second time violates ``billing_package_item_pkey``."""
    values = [
        {"package": package, "service": service, "quantity": quantity} for service, quantity in items.items()
    ]
    await connection.execute(tables.package_item.insert(), values)


async def items(connection: AsyncConnection, package: str | None = None) -> list[Row[Any]]:
    """What a package includes, or every package, by code."""
    query = sa.select(tables.package_item).order_by(_ITEM.package, _ITEM.service)
    if package is not None:
        query = query.where(_ITEM.package == package)
    return list(await connection.execute(query))


async def add(connection: AsyncConnection, use: PackageUse, included: Mapping[str, Decimal]) -> None:
    """Add what was applied, nothing of it used."""
    await connection.execute(tables.package_use.insert().values({**asdict(use), "state": use.state.value}))
    values = [
        {"use_id": use.id, "service": service, "quantity": quantity, "used": Decimal(0)}
        for service, quantity in included.items()
    ]
    await connection.execute(tables.package_left.insert(), values)


async def save(connection: AsyncConnection, use: PackageUse) -> None:
    """Write what is locked."""
    values = {**asdict(use), "state": use.state.value}
    await connection.execute(tables.package_use.update().where(_USE.id == use.id).values(values))


async def find(connection: AsyncConnection, use_id: uuid.UUID) -> PackageUse | None:
    """What was applied, locked if its patient is."""
    query = sa.select(tables.package_use).where(_USE.id == use_id)
    row = (await connection.execute(query)).one_or_none()
    return _use(row) if row is not None else None


async def of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[PackageUse]:
    """What was applied for a patient, newest first."""
    query = sa.select(tables.package_use).where(_USE.patient_id == patient_id).order_by(_USE.id.desc())
    return [_use(row) for row in await connection.execute(query.limit(200))]


async def left(connection: AsyncConnection, use_id: uuid.UUID) -> list[Row[Any]]:
    """What it includes, and how much of that is used, by service."""
    query = sa.select(tables.package_left).where(_LEFT.use_id == use_id).order_by(_LEFT.service)
    return list(await connection.execute(query))


async def of_service(
    connection: AsyncConnection, patient_id: uuid.UUID, service: str
) -> list[tuple[PackageUse, Decimal]]:
    """What is applied for a locked patient and includes more of a service, oldest first; and how much."""
    query = (
        sa.select(tables.package_use, (_LEFT.quantity - _LEFT.used).label("more"))
        .join(tables.package_left, _LEFT.use_id == _USE.id)
        .where(
            _USE.patient_id == patient_id,
            _USE.state == PackageState.APPLIED.value,
            _LEFT.service == service,
            _LEFT.used < _LEFT.quantity,
        )
        .order_by(_USE.id)
    )
    return [(_use(row), row.more) for row in await connection.execute(query)]


async def use_more(connection: AsyncConnection, use_id: uuid.UUID, service: str, quantity: Decimal) -> None:
    """Count ``quantity`` more as used, or less; the database refuses more than there is."""
    await connection.execute(
        tables.package_left.update()
        .where(_LEFT.use_id == use_id, _LEFT.service == service)
        .values(used=_LEFT.used + quantity)
    )


async def lock_included(connection: AsyncConnection, use_id: uuid.UUID) -> list[Charge]:
    """What it takes off charges now, and its own charge, locked by id."""
    query = (
        sa.select(tables.charge)
        .where(
            sa.or_(
                sa.and_(_CHARGE.kind == ServiceKind.INCLUDED.value, _CHARGE.source == str(use_id)),
                sa.and_(_CHARGE.kind == ServiceKind.PACKAGE.value, _CHARGE.cause == str(use_id)),
            ),
            _CHARGE.reverses.is_(None),
            _CHARGE.reversed_by.is_(None),
        )
        .order_by(_CHARGE.id)
        .with_for_update()
    )
    return [charge_of(row) for row in await connection.execute(query)]


async def lock_coverable(
    connection: AsyncConnection, patient_id: uuid.UUID, services: list[str]
) -> list[Charge]:
    """Priced charges of these services of a locked patient that are on no issued invoice, locked by id."""
    issued = sa.exists().where(
        tables.line.c.charge_id == _CHARGE.id,
        tables.line.c.live,
        tables.line.c.invoice_id == tables.invoice.c.id,
        tables.invoice.c.state != "draft",
    )
    query = (
        sa.select(tables.charge)
        .where(
            _CHARGE.patient_id == patient_id,
            _CHARGE.service.in_(services),
            _CHARGE.reduces.is_(None),
            _CHARGE.reverses.is_(None),
            _CHARGE.reversed_by.is_(None),
            _CHARGE.gross.is_not(None),
            sa.not_(issued),
        )
        .order_by(_CHARGE.id)
        .with_for_update()
    )
    return [charge_of(row) for row in await connection.execute(query)]


def _use(row: Row[Any]) -> PackageUse:
    values = {name: getattr(row, name) for name in PackageUse.__dataclass_fields__}
    return PackageUse(**{**values, "state": PackageState(row.state)})
