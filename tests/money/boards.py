"""What boards show: the changes that were published, one after the other, lead to what the tables say now."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.app import Hospital
from hms_rt.realtime.rooms import RoomKind

NAMESPACES = {"/pharmacy", "/billing", "/beds", "/ipd"}
HEADS = "SELECT stream, version FROM stream_head"
CHANGES = "SELECT stream, version, ops FROM change_log ORDER BY stream, version"
PLACES = """
    SELECT 'stock' AS room, code FROM pharmacy_store UNION ALL SELECT 'dispensary', code FROM pharmacy_store
    UNION ALL SELECT 'cashier', code FROM billing_cashier UNION ALL SELECT 'ward', code FROM beds_ward
    UNION ALL SELECT 'cleaning', code FROM beds_ward
"""
State = dict[str, Mapping[str, Any]]


async def strange(connection: AsyncConnection, hospital: Hospital) -> list[str]:
    """Rooms whose changes lead elsewhere than to their tables, for any audience; streams with a gap.

    ``connection`` sees one snapshot.
    """
    shown, versions = await _replayed(connection)
    heads = {row.stream: row.version for row in await connection.execute(text(HEADS))}
    wrong = [
        f"{stream}: versions {versions.get(stream)}, head {head}"
        for stream, head in heads.items()
        if versions.get(stream) != list(range(1, head + 1))
    ]
    for place in (await connection.execute(text(PLACES))).all():
        for kind in hospital.rooms.kinds.values():
            if kind.namespace in NAMESPACES and kind.name == place.room:
                fresh = await kind.streams.read(connection, place.code)
                board = shown[kind.streams.stream(place.code)]
                wrong += _differing(kind, place.code, board, dict(fresh or {}))
    return wrong


async def _replayed(connection: AsyncConnection) -> tuple[dict[str, State], dict[str, list[int]]]:
    shown: dict[str, State] = defaultdict(dict)
    versions: dict[str, list[int]] = defaultdict(list)
    for row in await connection.execute(text(CHANGES)):
        versions[row.stream].append(row.version)
        for op in row.ops:
            if op["op"] == "put":
                shown[row.stream][op["key"]] = op["value"]
            else:
                shown[row.stream].pop(op["key"], None)
    return shown, versions


def _differing(kind: RoomKind, code: str, board: State, fresh: State) -> list[str]:
    """For each audience by itself: a view may hide what differs from one of them only."""
    wrong = []
    for audience, view in kind.views.items():
        seen, said = ({key: view(key, value) for key, value in state.items()} for state in (board, fresh))
        for key in seen.keys() | said.keys():
            if _plain(seen.get(key)) != _plain(said.get(key)):
                name = f"{kind.namespace} {kind.name}:{code} as {audience}, {key}"
                wrong.append(f"{name}: shown {seen.get(key)}, stored {said.get(key)}")
    return wrong


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value, default=str))
