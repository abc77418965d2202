"""Who owes, and for how long: sums of the invoices that are not paid, by payer and patient."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.invoice import TO_PAY

_INVOICE = tables.invoice.c
_DUE = _INVOICE.owed - _INVOICE.paid - _INVOICE.credited
_OPEN = _INVOICE.state.in_(sa.bindparam("open", sorted(TO_PAY), expanding=True, literal_execute=True))
"""Written into the statement, so that every plan of it, a prepared one too, may use the partial index."""
AGES = (("up_to_30", 0, 30), ("up_to_60", 30, 60), ("up_to_90", 60, 90), ("over_90", 90, None))
"""Name of an age, and the days since an invoice was issued: more than the first, up to the second."""


async def page(
    connection: AsyncConnection,
    now: datetime,
    *,
    payer: str | None,
    facility: str | None,
    after: tuple[str, uuid.UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """At most ``limit`` debtors after this one, by payer and patient."""
    query = (
        sa.select(
            _INVOICE.payer,
            _INVOICE.patient_id,
            sa.func.count().label("invoices"),
            sa.func.min(_INVOICE.issued_at).label("oldest"),
            sa.func.sum(_DUE).label("due"),
            *(_aged(now, *age) for age in AGES),
        )
        .where(_OPEN, _INVOICE.credits.is_(None))
        .group_by(_INVOICE.payer, _INVOICE.patient_id)
        .order_by(_INVOICE.payer, _INVOICE.patient_id)
        .limit(limit)
    )
    if payer is not None:
        query = query.where(_INVOICE.payer == payer)
    if facility is not None:
        query = query.where(_INVOICE.facility == facility)
    if after is not None:
        query = query.where(sa.tuple_(_INVOICE.payer, _INVOICE.patient_id) > sa.tuple_(*after))
    return (await connection.execute(query)).all()


def _aged(now: datetime, name: str, more_than: int, up_to: int | None) -> sa.Label[Any]:
    mine = [] if more_than == 0 else [_INVOICE.issued_at < now - timedelta(days=more_than)]
    if up_to is not None:
        mine.append(_INVOICE.issued_at >= now - timedelta(days=up_to))
    return sa.func.coalesce(sa.func.sum(_DUE).filter(*mine), 0).label(name)
