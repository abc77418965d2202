"""Lists of orders, by who may see them."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.model.order import LabOrder, OrderState
from hms_rt.departments.lab.repository import rows
from hms_rt.departments.lab.repository.labtests import UNFINISHED

_ORDER = tables.lab_order.c
_TEST = tables.lab_test.c
_OF_ORDER = sa.select(_TEST.id).where(_TEST.order_id == _ORDER.id).correlate(tables.lab_order)
_OPEN = _OF_ORDER.where(UNFINISHED).exists()
_RELEASED = _OF_ORDER.where(_TEST.state == LabState.RELEASED.value).exists()

_IN_STATE = {
    OrderState.OPEN: _OPEN,
    OrderState.COMPLETED: sa.and_(~_OPEN, _RELEASED),
    OrderState.CANCELLED: sa.and_(~_OPEN, ~_RELEASED),
}


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose orders may be seen: those in these places (None: everywhere), and those ordered by ``own``."""

    wards: Collection[str] | None
    clinics: Collection[str] | None
    own: uuid.UUID

    def condition(self) -> sa.ColumnElement[bool]:
        """The same, on the columns of an order."""
        if self.wards is None or self.clinics is None:
            return sa.true()
        return sa.or_(
            _ORDER.ward.in_(self.wards), _ORDER.clinic.in_(self.clinics), _ORDER.ordered_by == self.own
        )


async def page(
    connection: AsyncConnection,
    reach: Reach,
    *,
    patient_id: uuid.UUID | None,
    state: OrderState | None,
    before: uuid.UUID | None,
    limit: int,
) -> list[LabOrder]:
    """At most ``limit`` orders within reach, newest first."""
    query = sa.select(tables.lab_order).where(reach.condition()).order_by(_ORDER.id.desc()).limit(limit)
    if patient_id is not None:
        query = query.where(_ORDER.patient_id == patient_id)
    if state is not None:
        query = query.where(_IN_STATE[state])
    if before is not None:
        query = query.where(_ORDER.id < before)
    return [rows.order(row, prefix="") for row in await connection.execute(query)]
