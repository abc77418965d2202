"""The change log as one sequence that a reader can follow from anywhere and misses nothing.

Ids are not commit order: a transaction that took its id early may commit late. So a row stands in the feed
by its *position*: the highest transaction id among those that wrote this version of the stream and all
before it (``hms_number_changes`` gives it during COMMIT). From that follows:

- in the order of (era, position, stream, version) the versions of a stream ascend;
- once every transaction below some id has ended, all rows below that position are there, for ever: a
  snapshot's ``xmin`` is such an id. What is at or above it is shown later, to nobody earlier.

An open transaction anywhere in the cluster holds the feed back and loses nothing. Every page costs about the
same, however long the log: one range of one index.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.storage.change_log import LogEntry

LOOK_AT = 5_000
"""Rows of other streams that one look passes over at most, in search of those that are asked for."""

_BOUNDS = text(
    """
    SELECT epoch, era, clock_timestamp() AS now,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS settled,
        (SELECT min(CAST(substring(pg_get_expr(part.relpartbound, part.oid) FROM 'FROM \\(''([^'']+)''')
                         AS timestamptz))
         FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid
         WHERE inhparent = 'change_log'::regclass) AS kept_from
    FROM stream_epoch
    """
)
_AFTER = '(era, position, stream, version) > (:era, :position, CAST(:stream AS text) COLLATE "C", :version)'
_MINE = "(stream = ANY(CAST(:exact AS text[])) OR stream ^@ ANY(CAST(:prefixes AS text[])))"
_ORDER = "ORDER BY era, position, stream, version"
_NEXT = f"""
    SELECT era, position, stream, version, at FROM change_log
    WHERE {_AFTER} AND (era, position) < (:now_era, :settled)
    {_ORDER} LIMIT :most
"""  # noqa: S608 - of constants
# Stops at the last row that is wanted: only who wants little of what there is looks at all of ``most``.
_FOUND = text(
    f"""
    SELECT *, count(*) OVER () AS rows
    FROM (SELECT * FROM ({_NEXT}) looked WHERE {_MINE} LIMIT :limit) found
    ORDER BY era DESC, position DESC, stream DESC, version DESC LIMIT 1
    """  # noqa: S608 - of constants
)
_LOOKED = text(
    f"""
    SELECT *, count(*) OVER () AS rows FROM ({_NEXT}) looked
    ORDER BY era DESC, position DESC, stream DESC, version DESC LIMIT 1
    """  # noqa: S608 - of constants
)
# The keys come from the index alone, in its order; then each row is fetched by its key, from its own month.
_READ = text(
    f"""
    SELECT found.*, row.ops
    FROM (SELECT * FROM ({_NEXT}) looked WHERE {_MINE} LIMIT :limit) found
    CROSS JOIN LATERAL (
        SELECT ops FROM change_log
        WHERE change_log.stream = found.stream AND change_log.version = found.version
          AND change_log.at = found.at
    ) row
    ORDER BY found.era, found.position, found.stream, found.version
    """  # noqa: S608 - of constants
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a row stands in the feed; by itself: everything up to and with it."""

    era: int
    position: int
    stream: str
    version: int


BEGINNING = Place(-1, 0, "", 0)
"""Before everything."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is there to be read: all below ``settled`` in ``era``, and all of the eras before.

    ``kept_from`` is when the oldest partition begins that was not detached.
    """

    epoch: uuid.UUID
    era: int
    settled: int
    kept_from: datetime
    now: datetime

    @property
    def end(self) -> Place:
        """After everything that is settled."""
        return Place(self.era, self.settled, "", 0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Streams by name, and by how their names begin."""

    exact: Sequence[str]
    prefixes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the feed: ``found`` rows of the streams that are asked for, up to and with ``end``.

    ``at`` is when its last row was written; ``more`` says that further rows are settled already.
    """

    end: Place
    at: datetime
    found: int
    more: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """One version of one stream, and where it stands."""

    place: Place
    entry: LogEntry


async def bounds(connection: AsyncConnection) -> Bounds:
    """What is settled at this moment."""
    row = (await connection.execute(_BOUNDS)).one()
    return Bounds(row.epoch, row.era, row.settled, row.kept_from, row.now)


async def look(
    connection: AsyncConnection, after: Place, known: Bounds, wanted: Wanted, limit: int
) -> Stretch:
    """How far the next ``limit`` rows of ``wanted`` reach, without reading what they say.

    ``known`` must have been read before: what it calls settled is then complete here.
    """
    values = {**_after(after), "now_era": known.era, "settled": known.settled, "most": LOOK_AT}
    asked = {**values, **_wanted(wanted), "limit": limit}
    found = (await connection.execute(_FOUND, asked)).one_or_none()
    if found is not None and found.rows == limit:
        return Stretch(_place(found), found.at, limit, more=True)
    count = found.rows if found is not None else 0
    looked = (await connection.execute(_LOOKED, values)).one_or_none()
    if looked is None or looked.rows < LOOK_AT:
        return Stretch(max(after, known.end), known.now, count, more=False)
    return Stretch(_place(looked), looked.at, count, more=True)


async def read(
    connection: AsyncConnection, after: Place, until: Place, wanted: Wanted, most: int
) -> list[Placed]:
    """The next rows of ``wanted``, ``most`` at most, up to and with ``until``, which was looked up before."""
    values = {
        **_after(after),
        **_wanted(wanted),
        "now_era": until.era,
        "settled": until.position + 1,
        "most": LOOK_AT,
        "limit": most,
    }
    rows = (await connection.execute(_READ, values)).all()
    placed = [Placed(_place(row), LogEntry(row.stream, row.version, row.at, row.ops)) for row in rows]
    return [one for one in placed if one.place <= until]


def _place(row: Row[Any]) -> Place:
    return Place(row.era, row.position, row.stream, row.version)


def _after(place: Place) -> dict[str, Any]:
    return {
        "era": place.era,
        "position": place.position,
        "stream": place.stream,
        "version": place.version,
    }


def _wanted(wanted: Wanted) -> dict[str, Any]:
    return {"exact": list(wanted.exact), "prefixes": list(wanted.prefixes)}
