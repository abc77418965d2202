"""Versions of results: append-only rows, each with its document."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.catalogue import CatalogueEntry, Flag
from hms_rt.departments.lab.model.order import VersionKind
from hms_rt.departments.lab.repository import rows

_TEST = tables.lab_test.c
_VERSION = tables.result_version.c

# The first result turns the specimen that it was taken from into a processed one.
_ADD = sa.text(
    """
    WITH used AS (
        UPDATE lab_specimen SET state = 'processed', version = version + 1
        WHERE id = :specimen_id AND state = 'received'
    )
    INSERT INTO lab_result_version
        (test_id, number, kind, document_id, flag, author, occurred_at, recorded_at, delta, implausible)
    VALUES (:test_id, :number, :kind, :document_id, :flag, :author, :occurred_at, :recorded_at, :delta,
        :implausible)
    """
)


@dataclass(frozen=True, slots=True)
class ResultVersion:
    """One version of a result, as its row holds it."""

    test_id: uuid.UUID
    number: int
    kind: VersionKind
    document_id: uuid.UUID
    flag: Flag | None
    author: uuid.UUID
    occurred_at: datetime
    recorded_at: datetime
    delta: bool = False
    implausible: bool = False


async def add(connection: AsyncConnection, version: ResultVersion, specimen_id: uuid.UUID | None) -> None:
    """Append a version to the result of a locked test; ``specimen_id`` is where it was taken from."""
    await connection.execute(
        _ADD,
        {
            "specimen_id": specimen_id,
            "test_id": version.test_id,
            "number": version.number,
            "kind": version.kind.value,
            "document_id": version.document_id,
            "flag": version.flag.value if version.flag is not None else None,
            "author": version.author,
            "occurred_at": version.occurred_at,
            "recorded_at": version.recorded_at,
            "delta": version.delta,
            "implausible": version.implausible,
        },
    )


async def about_to_write(
    connection: AsyncConnection, test_id: uuid.UUID
) -> tuple[CatalogueEntry, Row[Any]] | None:
    """How the test is defined now, and its order's patient, newest version of a result and the moment its
    specimen was taken, unlocked."""
    query = (
        sa.select(
            tables.catalogue,
            _TEST.result_version,
            _TEST.order_id,
            tables.lab_order.c.patient_id,
            tables.specimen.c.collected_at,
        )
        .select_from(
            tables.lab_test.join(tables.catalogue, tables.catalogue.c.code == _TEST.code)
            .join(tables.lab_order, tables.lab_order.c.id == _TEST.order_id)
            .outerjoin(tables.specimen, tables.specimen.c.id == _TEST.specimen_id)
        )
        .where(_TEST.id == test_id)
    )
    row = (await connection.execute(query)).one_or_none()
    return (rows.entry(row), row) if row is not None else None


async def versions(connection: AsyncConnection, test_id: uuid.UUID) -> list[ResultVersion]:
    """Every version of the result of a test, oldest first."""
    query = sa.select(tables.result_version).where(_VERSION.test_id == test_id).order_by(_VERSION.number)
    return [
        ResultVersion(
            row.test_id,
            row.number,
            VersionKind(row.kind),
            row.document_id,
            rows.flag(row.flag),
            row.author,
            row.occurred_at,
            row.recorded_at,
            row.delta,
            row.implausible,
        )
        for row in await connection.execute(query)
    ]


async def last_verified(
    connection: AsyncConnection, patient_id: uuid.UUID, code: str, *, before: datetime, but: uuid.UUID
) -> tuple[uuid.UUID, uuid.UUID, datetime] | None:
    """Test, document and moment of the patient's last verified result of this kind; orders of records that
    were merged into the patient's are among them. Released alone counts only once it was reviewed."""
    vouched = sa.or_(
        _TEST.verified_by.is_not(None), sa.and_(_TEST.alone_reason.is_not(None), ~_TEST.review_due)
    )
    query = (
        sa.select(_TEST.id, _VERSION.document_id, _TEST.resulted_at)
        .select_from(
            tables.lab_order.join(tables.lab_test, _TEST.order_id == tables.lab_order.c.id).join(
                tables.result_version,
                sa.and_(_VERSION.test_id == _TEST.id, _VERSION.number == _TEST.result_version),
            )
        )
        .where(
            tables.lab_order.c.patient_id == patient_id,
            _TEST.code == code,
            _TEST.id != but,
            _TEST.state.in_(["verified", "released"]),
            vouched,
            _TEST.resulted_at <= before,
        )
        .order_by(_TEST.resulted_at.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return (row.id, row.document_id, row.resulted_at) if row is not None else None
