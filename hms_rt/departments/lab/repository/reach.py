"""Whose orders somebody may see, and how lists within that reach are read without sorting the rest."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose orders may be seen: those in these places (None: everywhere), and those ordered by ``own``."""

    wards: Collection[str] | None
    clinics: Collection[str] | None
    own: uuid.UUID

    @property
    def places(self) -> list[str] | None:
        """``ward:<code>`` and ``clinic:<code>`` within reach; None: all."""
        if self.wards is None or self.clinics is None:
            return None
        return sorted(
            [*(f"ward:{code}" for code in self.wards), *(f"clinic:{code}" for code in self.clinics)]
        )

    def each(
        self, page: sa.Select[Any], place: sa.ColumnElement[Any], ordered_by: sa.ColumnElement[Any]
    ) -> list[sa.Select[Any]]:
        """``page``, which is sorted and cut, by itself for each way to see a row.

        One index range per place, each cut, however many rows there are: an OR over places would make
        PostgreSQL read or sort them all.
        """
        if self.places is None:
            return [page]
        return [*(page.where(place == one) for one in self.places), page.where(ordered_by == self.own)]

    def newest(
        self,
        key: sa.ColumnElement[Any],
        place: sa.ColumnElement[Any],
        ordered_by: sa.ColumnElement[Any],
        conditions: Sequence[sa.ColumnElement[bool]],
        limit: int,
    ) -> sa.Select[Any]:
        """The ids (``key``) of at most ``limit`` rows per place within reach, newest first."""
        page = sa.select(key.label("id")).where(*conditions).order_by(key.desc()).limit(limit)
        parts = self.each(page, place, ordered_by)
        either = sa.union_all(*(sa.select(part.subquery().c.id) for part in parts)).subquery()
        return sa.select(either.c.id)
