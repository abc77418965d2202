"""Which gaps of a rota those in charge are told of, and which again. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

AGAIN_WITHIN = timedelta(hours=24)
"""A gap that begins so soon is told once more."""


@dataclass(frozen=True, slots=True)
class GapTold:
    """A gap that was told; ``told_again``: also when it was near."""

    starts_at: datetime
    ends_at: datetime
    told_again: bool


def warn(
    open_: Iterable[tuple[datetime, datetime]], known: Sequence[GapTold], now: datetime
) -> tuple[list[GapTold], list[GapTold]]:
    """What is told now of the gaps that are ``open_``, and what is known afterwards.

    A gap is told once when it comes into sight and once more when it begins within a day; one that comes into
    sight so late, once. What touches a gap that is known is the same gap, grown: as the days go by, a rota
    that ends shows a longer gap, and nobody is told of that every hour. A gap that was closed is forgotten,
    so that it is told anew if it opens again.
    """
    told: list[GapTold] = []
    kept: list[GapTold] = []
    for starts_at, ends_at in open_:
        same = [one for one in known if one.starts_at <= ends_at and starts_at <= one.ends_at]
        near = starts_at <= now + AGAIN_WITHIN
        gap = GapTold(starts_at, ends_at, any(one.told_again for one in same))
        if not same or (near and not gap.told_again):
            gap = replace(gap, told_again=near)
            told.append(gap)
        kept.append(gap)
    return told, kept
