"""Finds fractions in base two, and amounts that are numbers: in documents, answers, events, stored JSON."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

MONEY = re.compile(
    r"amount|price|total|gross|\bnet\b|^net$|^tax$|tax_rate|paid|credited|refunded|allocated|deposit"
    r"|cash\b|counted|difference|balance|_part$|^due$|payer_share|unbilled|discount$|owed|given_back"
    r"|^fee|^cost|^rate$|^share$"
)
"""How a column or field of money is called."""
COUNTS = frozenset({"outstanding", "total", "due", "rooms_total", "slow_total"})
"""What also counts beds, doses, rooms and clients. An invoice's ``total`` is held to its schema."""
MEASURED = frozenset(
    {
        *("sweep_lag_s", "loop_lag_ms", "memory_mib", "frames_per_s", "changes_per_s", "bytes_per_s"),
        *("stuck_s", "lag_s"),
        *("mean_wait_s", "mean_error_s", "mean_absolute_error_s", "within_p50", "within_p90"),
    }
)
"""Fields that hold statistics of the server and of waits: all that may be a fraction on the wire."""
_SAID = 5


def inexact(value: Any, name: str = "") -> Iterator[str]:
    """What in a JSON ``value`` is a fraction, or an amount that is a number: its name and what it is."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from inexact(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from inexact(each, name)
    elif isinstance(value, float) and name not in MEASURED:
        yield f"{name} is the fraction {value}"
    elif isinstance(value, int) and not isinstance(value, bool) and MONEY.search(name) and name not in COUNTS:
        yield f"{name} is the number {value}"


def complaint(value: Any) -> str | None:
    """The first few of them in one line; None if everything is exact."""
    found = [said for said, _ in zip(inexact(value), range(_SAID), strict=False)]
    return "; ".join(found) or None


_JSON_COLUMNS = sa.text(
    """
    SELECT quote_ident(c.table_name) AS relation, quote_ident(c.column_name) AS field
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND c.data_type IN ('json', 'jsonb') AND t.table_type = 'BASE TABLE'
      AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.table_name::regclass)
    ORDER BY 1, 2
    """
)


async def json_columns(connection: AsyncConnection) -> Sequence[tuple[str, str]]:
    """Every column that holds JSON, by its table."""
    return [(row.relation, row.field) for row in await connection.execute(_JSON_COLUMNS)]


async def stored(connection: AsyncConnection) -> list[str]:
    """What stands in a column of JSON and is not exact: changes, answers, frozen papers, the audit trail."""
    found = set()
    for relation, field in await json_columns(connection):
        rows = await connection.execute(
            sa.text(f"SELECT {field}::text FROM {relation} WHERE {field} IS NOT NULL")
        )
        for (text,) in rows:
            if said := complaint(json.loads(text)):
                found.add(f"{relation}.{field}: {said}")
    return sorted(found)
