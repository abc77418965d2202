"""Currency, payers, classes, services, prices, coverage."""

import uuid
from collections.abc import Collection
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.tariff import ANY_SOURCE, SELF, STANDARD, Price, Service, ServiceKind
from hms_rt.kernel.money import Currency

_SERVICE = tables.service.c
_TARIFF = tables.tariff.c
_PRICE = tables.price.c
_COVERAGE = tables.coverage.c

_PRICES = sa.select(
    _PRICE.id,
    _TARIFF.service,
    _TARIFF.payer,
    _TARIFF.patient_class,
    _PRICE.valid_from,
    _PRICE.valid_until,
    _PRICE.unit_price,
    _PRICE.tax_rate,
    _PRICE.payer_share,
).join(tables.tariff, _TARIFF.id == _PRICE.tariff_id)


async def currency(connection: AsyncConnection) -> Currency:
    """What every amount is in."""
    row = (await connection.execute(sa.select(tables.currency.c.code, tables.currency.c.scale))).one()
    return Currency(row.code, row.scale)


async def set_currency(connection: AsyncConnection, wanted: Currency) -> None:
    """Change it; violates ``billing_currency_kept_check`` once there are prices."""
    await connection.execute(tables.currency.update().values(code=wanted.code, scale=wanted.scale))


async def add_code(connection: AsyncConnection, table: sa.Table, code: str, name: str) -> None:
    """Add a payer or class; a taken code violates the primary key."""
    await connection.execute(table.insert().values(code=code, name=name))


async def codes(connection: AsyncConnection, table: sa.Table) -> list[Row[Any]]:
    """Every payer or class, by code."""
    return list(await connection.execute(sa.select(table).order_by(table.c.code)))


async def add_service(connection: AsyncConnection, service: Service) -> None:
    """Add a service; violates ``billing_service_pkey`` or ``billing_service_source_key``."""
    await connection.execute(tables.service.insert().values(asdict(service)))


async def save_service(connection: AsyncConnection, service: Service) -> None:
    """Write a locked service."""
    await connection.execute(
        tables.service.update().where(_SERVICE.code == service.code).values(asdict(service))
    )


async def lock_service(connection: AsyncConnection, code: str) -> Service | None:
    """One service, locked."""
    query = sa.select(tables.service).where(_SERVICE.code == code).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _service(row) if row is not None else None


async def service(connection: AsyncConnection, code: str) -> Service | None:
    """One service."""
    row = (await connection.execute(sa.select(tables.service).where(_SERVICE.code == code))).one_or_none()
    return _service(row) if row is not None else None


async def services(
    connection: AsyncConnection, *, kind: ServiceKind | None, after: str | None, limit: int
) -> list[Service]:
    """At most ``limit`` services after this code, by code."""
    query = sa.select(tables.service).order_by(_SERVICE.code).limit(limit)
    if kind is not None:
        query = query.where(_SERVICE.kind == kind.value)
    if after is not None:
        query = query.where(_SERVICE.code > after)
    return [_service(row) for row in await connection.execute(query)]


async def service_of(connection: AsyncConnection, kind: ServiceKind, source: str) -> Service | None:
    """What a department's deed is charged as: the service of its source, else that of any."""
    query = (
        sa.select(tables.service)
        .where(_SERVICE.kind == kind.value, _SERVICE.source.in_([source, ANY_SOURCE]))
        .order_by(_SERVICE.source == ANY_SOURCE)
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return _service(row) if row is not None else None


async def add_price(
    connection: AsyncConnection, price: Price, recorded_at: datetime, recorded_by: uuid.UUID
) -> None:
    """Add a price, after ending the open one before it; violates ``billing_price_valid_excl``."""
    tariff_id = await _tariff(connection, price)
    await connection.execute(
        tables.price.update()
        .where(
            _PRICE.tariff_id == tariff_id,
            _PRICE.valid_until.is_(None),
            _PRICE.valid_from < price.valid_from,
        )
        .values(valid_until=price.valid_from)
    )
    values = asdict(price)
    for name in ("service", "payer", "patient_class"):
        del values[name]
    values |= {"tariff_id": tariff_id, "recorded_at": recorded_at, "recorded_by": recorded_by}
    await connection.execute(tables.price.insert().values(values))


async def _tariff(connection: AsyncConnection, price: Price) -> int:
    """The tariff of a price, made if it is new, locked: prices of it are set one after the other."""
    key = {"service": price.service, "payer": price.payer, "patient_class": price.patient_class}
    await connection.execute(insert(tables.tariff).values(key).on_conflict_do_nothing())
    query = sa.select(_TARIFF.id).filter_by(**key).with_for_update()
    return int((await connection.execute(query)).scalar_one())


async def prices(
    connection: AsyncConnection, *, service: str | None, on: date | None, after: uuid.UUID | None, limit: int
) -> list[Price]:
    """At most ``limit`` prices by id, newest first, of a service and valid on a day if asked so."""
    query = _PRICES.order_by(_PRICE.id.desc()).limit(limit)
    if service is not None:
        query = query.where(_TARIFF.service == service)
    if on is not None:
        query = query.where(_valid(on))
    if after is not None:
        query = query.where(_PRICE.id < after)
    return [Price(**row._asdict()) for row in await connection.execute(query)]


async def valid_prices(connection: AsyncConnection, services: Collection[str], on: date) -> list[Price]:
    """Every price of these services that is valid on a day, for whatever payer and class."""
    query = _PRICES.where(_TARIFF.service.in_(services), _valid(on))
    return [Price(**row._asdict()) for row in await connection.execute(query)]


def _valid(on: date) -> sa.ColumnElement[bool]:
    return sa.and_(_PRICE.valid_from <= on, sa.or_(_PRICE.valid_until.is_(None), _PRICE.valid_until > on))


async def add_coverage(connection: AsyncConnection, **values: Any) -> None:
    """Say who pays for a patient from a day on."""
    await connection.execute(tables.coverage.insert().values(**values))


async def coverages(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Row[Any]]:
    """Who pays and paid for a patient, newest first."""
    query = (
        sa.select(tables.coverage)
        .where(_COVERAGE.patient_id == patient_id)
        .order_by(_COVERAGE.since.desc(), _COVERAGE.id.desc())
        .limit(200)
    )
    return list(await connection.execute(query))


async def covered(connection: AsyncConnection, patient_id: uuid.UUID, on: date) -> tuple[str, str]:
    """Payer and class of a patient on a day."""
    query = (
        sa.select(_COVERAGE.payer, _COVERAGE.patient_class)
        .where(_COVERAGE.patient_id == patient_id, _COVERAGE.since <= on)
        .order_by(_COVERAGE.since.desc(), _COVERAGE.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return (row.payer, row.patient_class) if row is not None else (SELF, STANDARD)


def _service(row: Row[Any]) -> Service:
    return Service(**{**row._asdict(), "kind": ServiceKind(row.kind)})
