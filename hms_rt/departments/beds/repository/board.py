"""SQL of what ward boards show: beds with who is in them, for whom they are held, and their cleaning."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import tables
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.model.cleaning import OPEN

Rows = Sequence[Any]
"""Rows whose columns the query above them names."""

_BED = tables.bed.c
_OCCUPANT = tables.occupant.c
_CLEANING = tables.cleaning.c
_HOLD = tables.hold.c
_MOTHERS = tables.bed.alias()
_NEEDS_CLEANING = sa.and_(_CLEANING.bed_id == _BED.id, _CLEANING.state.in_([state.value for state in OPEN]))

_BOARD = sa.select(
    tables.bed,
    _OCCUPANT.stay_id,
    _OCCUPANT.patient_id,
    _OCCUPANT.name.label("patient_name"),
    _OCCUPANT.mrn,
    _OCCUPANT.sex,
    _OCCUPANT.birth_date,
    _OCCUPANT.since.label("occupied_since"),
    _OCCUPANT.leaving_since,
    _OCCUPANT.outstanding,
    _MOTHERS.c.code.label("beside"),
    tables.room.c.isolation.label("room_isolation"),
    tables.room.c.organism.label("room_organism"),
    _HOLD.admission_id.label("hold_admission_id"),
    _HOLD.patient_id.label("hold_patient_id"),
    _HOLD.name.label("hold_name"),
    _HOLD.mrn.label("hold_mrn"),
    _HOLD.from_ward.label("hold_from_ward"),
    _HOLD.from_bed.label("hold_from_bed"),
    _CLEANING.id.label("cleaning_id"),
    _CLEANING.kind.label("cleaning_kind"),
    _CLEANING.state.label("cleaning_state"),
    _CLEANING.due_at.label("cleaning_due_at"),
).select_from(
    tables.bed.outerjoin(tables.occupant, _OCCUPANT.bed_id == _BED.id)
    .outerjoin(_MOTHERS, _MOTHERS.c.id == _OCCUPANT.beside)
    .join(
        tables.room, sa.and_(tables.room.c.ward_code == _BED.ward_code, tables.room.c.code == _BED.room_code)
    )
    .outerjoin(tables.hold, _HOLD.bed_id == _BED.id)
    .outerjoin(tables.cleaning, _NEEDS_CLEANING)
)


async def board_rows(
    connection: AsyncConnection,
    *,
    ward: str | None = None,
    ids: Collection[uuid.UUID] | None = None,
    status: BedStatus | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Rows:
    """Beds as boards show them, by code."""
    query = _BOARD.order_by(_BED.code)
    if ward is not None:
        query = query.where(_BED.ward_code == ward)
    if ids is not None:
        query = query.where(_BED.id.in_(ids))
    if status is not None:
        query = query.where(_BED.status == status.value)
    if after is not None:
        query = query.where(_BED.code > after)
    if limit is not None:
        query = query.limit(limit)
    return (await connection.execute(query)).all()
