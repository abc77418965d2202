"""Times of wards that a written stay touched: joined where they meet, and shared out in bounded pieces."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Touched:
    """Full hours of a ward that are to be looked at again, from ``since`` to before ``until``."""

    ward: str
    since: datetime
    until: datetime


def full(at: datetime) -> datetime:
    """The full hour before; full hours are those of UTC, so that no zone's clock change doubles one."""
    return at.replace(minute=0, second=0, microsecond=0)


def joined(times: Iterable[Touched], finished: datetime) -> list[Touched]:
    """Each hour that these touch once, up to ``finished`` (what comes later is yet to be computed anyway).

    A stay that begins at a full hour belongs to the hour before, too (who comes at 10:00:00 came in the
    hour from 9).
    """
    found: list[Touched] = []
    for one in sorted(times, key=lambda each: (each.ward, each.since)):
        begins = full(one.since - timedelta(microseconds=1))
        ends = min(full(min(one.until, finished) + HOUR - timedelta(microseconds=1)), finished)
        if begins >= ends:
            continue
        if found and found[-1].ward == one.ward and begins <= found[-1].until:
            found[-1] = replace(found[-1], until=max(found[-1].until, ends))
        else:
            found.append(Touched(one.ward, begins, ends))
    return found


def shared(times: Iterable[Touched], hours: int) -> tuple[list[Touched], list[Touched]]:
    """The newest pieces of at most ``hours`` hours together, and what is left for later."""
    now: list[Touched] = []
    later: list[Touched] = []
    for one in sorted(times, key=lambda each: each.until, reverse=True):
        wanted = (one.until - one.since) // HOUR
        if hours >= wanted:
            now.append(one)
        elif hours == 0:
            later.append(one)
        else:
            cut = one.until - hours * HOUR
            now.append(replace(one, since=cut))
            later.append(replace(one, until=cut))
        hours -= min(hours, wanted)
    return now, later
