"""The ledger of charges: it only grows."""

import uuid
from dataclasses import asdict, fields
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.charge import Charge, ChargeStanding
from hms_rt.departments.billing.model.tariff import Amounts, ServiceKind

_CHARGE = tables.charge.c
_LIVE = sa.and_(_CHARGE.reverses.is_(None), _CHARGE.reversed_by.is_(None))
_AMOUNTS = [field.name for field in fields(Amounts)]


_STANDS = {
    ChargeStanding.TO_BE_PRICED: sa.and_(_LIVE, _CHARGE.gross.is_(None)),
    ChargeStanding.OPEN: sa.and_(_LIVE, _CHARGE.gross.is_not(None)),
    ChargeStanding.REVERSED: sa.not_(_LIVE),
}


async def add(connection: AsyncConnection, charge: Charge) -> bool:
    """Add a charge; False if its cause is charged already."""
    done = await connection.execute(
        insert(tables.charge)
        .values(_values(charge))
        .on_conflict_do_nothing(index_elements=["kind", "cause"], index_where=_LIVE)
    )
    return bool(done.rowcount)


async def reverse(connection: AsyncConnection, original: Charge, reversal: Charge) -> None:
    """Add the reversal of a locked charge; each names the other."""
    await connection.execute(
        tables.charge.update().where(_CHARGE.id == original.id).values(reversed_by=reversal.id)
    )
    await connection.execute(tables.charge.insert().values(_values(reversal)))


async def save_price(connection: AsyncConnection, charge: Charge) -> None:
    """Write the price of a locked charge that had none."""
    values = _values(charge)
    names = ("service", "unit_price", "tax_rate", "reason", *_AMOUNTS)
    await connection.execute(
        tables.charge.update().where(_CHARGE.id == charge.id).values({name: values[name] for name in names})
    )


async def find(connection: AsyncConnection, charge_id: uuid.UUID) -> Charge | None:
    """One charge."""
    row = (await connection.execute(sa.select(tables.charge).where(_CHARGE.id == charge_id))).one_or_none()
    return charge_of(row) if row is not None else None


async def lock(connection: AsyncConnection, charge_id: uuid.UUID) -> Charge | None:
    """One charge, locked."""
    query = sa.select(tables.charge).where(_CHARGE.id == charge_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return charge_of(row) if row is not None else None


async def lock_unpriced(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Charge]:
    """What of a patient waits for a price, locked by id."""
    query = (
        sa.select(tables.charge)
        .where(_CHARGE.patient_id == patient_id, _STANDS[ChargeStanding.TO_BE_PRICED])
        .order_by(_CHARGE.id)
        .with_for_update()
    )
    return [charge_of(row) for row in await connection.execute(query)]


async def lock_days(
    connection: AsyncConnection, admission_id: uuid.UUID, since: date | None = None
) -> list[Charge]:
    """The days charged of a stay, from ``since`` on, locked by id."""
    query = (
        sa.select(tables.charge)
        .where(_CHARGE.admission_id == admission_id, _CHARGE.kind == ServiceKind.BED_DAY.value, _LIVE)
        .order_by(_CHARGE.id)
        .with_for_update()
    )
    found = [charge_of(row) for row in await connection.execute(query)]
    return [one for one in found if since is None or one.cause >= day_cause(admission_id, since)]


async def lock_of_cause(connection: AsyncConnection, kind: ServiceKind, cause: str) -> Charge | None:
    """What is charged for this, locked; None if nothing is, or if it was taken back."""
    query = sa.select(tables.charge).where(_CHARGE.kind == kind.value, _CHARGE.cause == cause, _LIVE)
    row = (await connection.execute(query.with_for_update())).one_or_none()
    return charge_of(row) if row is not None else None


async def known(connection: AsyncConnection, patient_id: uuid.UUID, kind: ServiceKind, cause: str) -> bool:
    """True if this was ever charged for a patient, though it may have been taken back."""
    query = sa.select(
        sa.exists().where(
            _CHARGE.patient_id == patient_id, _CHARGE.kind == kind.value, _CHARGE.cause == cause
        )
    )
    return bool((await connection.execute(query)).scalar_one())


def day_cause(admission_id: uuid.UUID, day: date) -> str:
    """The cause of a day in bed; those of one stay sort by day."""
    return f"{admission_id}/{day.isoformat()}"


async def page(
    connection: AsyncConnection,
    *,
    patient_id: uuid.UUID | None,
    admission_id: uuid.UUID | None,
    standing: ChargeStanding | None,
    after: uuid.UUID | None,
    limit: int,
) -> list[Charge]:
    """At most ``limit`` charges after this one, oldest first."""
    query = sa.select(tables.charge).order_by(_CHARGE.id).limit(limit)
    if patient_id is not None:
        query = query.where(_CHARGE.patient_id == patient_id)
    if admission_id is not None:
        query = query.where(_CHARGE.admission_id == admission_id)
    if standing is not None:
        query = query.where(_STANDS[standing])
    if after is not None:
        query = query.where(_CHARGE.id > after)
    return [charge_of(row) for row in await connection.execute(query)]


async def patient_of(connection: AsyncConnection, charge_id: uuid.UUID) -> uuid.UUID | None:
    """Whose charge it is, unlocked: the patient is locked before it."""
    query = sa.select(_CHARGE.patient_id).where(_CHARGE.id == charge_id)
    return (await connection.execute(query)).scalar_one_or_none()


def _values(charge: Charge) -> dict[str, Any]:
    values = asdict(charge)
    amounts = values.pop("amounts") or dict.fromkeys(_AMOUNTS)
    return {**values, **amounts, "kind": charge.kind.value}


def charge_of(row: Row[Any]) -> Charge:
    """A row as the model's charge."""
    names = {field.name for field in fields(Charge)} - {"amounts", "kind"}
    amounts = None if row.gross is None else Amounts(**{name: getattr(row, name) for name in _AMOUNTS})
    values = {name: getattr(row, name) for name in names}
    return Charge(**values, kind=ServiceKind(row.kind), amounts=amounts)
