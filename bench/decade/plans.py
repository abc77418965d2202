"""What PostgreSQL does for one request: its statements are caught and explained, with what they read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

BIG = 10_000
"""Rows from which on a table must not be read whole."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with its parameters."""

    text: str
    parameters: Any


@dataclass(slots=True)
class Cost:
    """What a page costs: milliseconds and blocks of 8 KiB of its statements, and what was read whole."""

    ms: float = 0.0
    blocks: int = 0
    statements: int = 0
    scans: set[str] = field(default_factory=set)
    wasted: dict[str, int] = field(default_factory=dict)
    """Rows that an index gave and a filter threw away, by table."""


@contextmanager
def caught(engine: AsyncEngine) -> Iterator[list[Statement]]:
    """The reading statements of the engine meanwhile."""
    found: list[Statement] = []

    def before(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")) and "INSERT" not in statement.upper():
            found.append(Statement(statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", before)
    try:
        yield found
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", before)


async def explained(
    connection: AsyncConnection, statements: list[Statement], sizes: Mapping[str, int]
) -> Cost:
    """Run each statement twice and add up what the second run says (the first one warms the cache)."""
    cost = Cost()
    for one in statements:
        for _ in range(2):
            rows = await connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {one.text}", one.parameters
            )
            told = rows.scalar_one()
        (plan,) = orjson.loads(told) if isinstance(told, str | bytes) else told
        cost.ms += plan["Execution Time"]
        cost.statements += 1
        cost.blocks += plan["Plan"].get("Shared Hit Blocks", 0) + plan["Plan"].get("Shared Read Blocks", 0)
        for node in _nodes(plan["Plan"]):
            table = node.get("Relation Name", "")
            if node["Node Type"] == "Seq Scan" and sizes.get(table, 0) >= BIG and node["Actual Loops"]:
                cost.scans.add(table)
            thrown = node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
            if thrown >= BIG:
                cost.wasted[table or node["Node Type"]] = thrown
    return cost


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
