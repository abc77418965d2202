"""Panels, and what of them an order was made of."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.panel import Panel

_PANEL = tables.panel.c


async def add(connection: AsyncConnection, panel: Panel) -> None:
    """Add a panel; a taken code violates ``lab_panel_pkey``, an unknown test ``lab_panel_tests_check``."""
    await connection.execute(tables.panel.insert().values(_values(panel)))


async def save(connection: AsyncConnection, panel: Panel) -> None:
    """Write a locked panel; the version before it stays readable."""
    await connection.execute(tables.panel.update().where(_PANEL.code == panel.code).values(_values(panel)))


async def lock(connection: AsyncConnection, code: str) -> Panel | None:
    """One panel, locked."""
    query = sa.select(tables.panel).where(_PANEL.code == code).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _panel(row) if row is not None else None


async def by_codes(connection: AsyncConnection, codes: Collection[str]) -> dict[str, Panel]:
    """The panels with these codes as they are defined now; unknown ones are left out."""
    query = sa.select(tables.panel).where(_PANEL.code.in_(list(codes)))
    return {row.code: _panel(row) for row in await connection.execute(query)}


async def page(connection: AsyncConnection, after: str | None, limit: int) -> list[Panel]:
    """At most ``limit`` panels after this code, by code."""
    query = sa.select(tables.panel).order_by(_PANEL.code).limit(limit)
    if after is not None:
        query = query.where(_PANEL.code > after)
    return [_panel(row) for row in await connection.execute(query)]


async def ordered(connection: AsyncConnection, order_id: uuid.UUID, panels: Sequence[Panel]) -> None:
    """Keep which versions of which panels an order was made of."""
    if panels:
        rows = [{"order_id": order_id, "panel": one.code, "version": one.version} for one in panels]
        await connection.execute(tables.order_panel.insert(), rows)


def _values(panel: Panel) -> dict[str, Any]:
    return {
        "code": panel.code,
        "name": panel.name,
        "tests": list(panel.tests),
        "active": panel.active,
        "version": panel.version,
    }


def _panel(row: Row[Any]) -> Panel:
    return Panel(row.code, row.name, tuple(row.tests), row.active, row.version)
