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

    def newest(
        self,
        key: sa.ColumnElement[Any],
        place: sa.ColumnElement[Any],
        ordered_by: sa.ColumnElement[Any],
        conditions: Sequence[sa.ColumnElement[bool]],
        limit: int,
        *,
        oldest: bool = False,
    ) -> sa.Select[Any]:
        """The ids (``key``) of at most ``limit`` rows per place within reach, newest first (or oldest).

        One index range per place, each cut at ``limit``, however many rows there are: an OR over places would
        make PostgreSQL read or sort them all.
        """
        order = key.asc() if oldest else key.desc()
        base = sa.select(key.label("id")).where(*conditions)
        if self.places is None:
            return base.order_by(order).limit(limit)
        parts = [base.where(place == one).order_by(order).limit(limit) for one in self.places]
        parts.append(base.where(ordered_by == self.own).order_by(order).limit(limit))
        either = sa.union_all(*(sa.select(part.subquery().c.id) for part in parts)).subquery()
        return sa.select(either.c.id)
