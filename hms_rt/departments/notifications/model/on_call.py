"""On-call duty: rotas in the hospital's own time, the shifts they make, covers, and gaps. Pure."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from hms_rt.kernel.errors import Code, HmsError

MOST_SHIFTS = 2000
"""Shifts that one rota makes at most: three a day for a year and a half."""

LONGEST_SHIFT = timedelta(days=31)
"""Of a single shift; also how far back is looked for whoever is on call."""


class PlaceKind(StrEnum):
    """What an on-call group is for."""

    WARD = "ward"
    CLINIC = "clinic"
    SPECIALITY = "speciality"
    HOSPITAL = "hospital"


@dataclass(frozen=True, slots=True)
class Cover:
    """Somebody stands in for whoever has a shift, for all or a part of it."""

    id: uuid.UUID
    user_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody's turn, with those who cover it, in order of time."""

    id: uuid.UUID
    number: int
    group: str
    user_id: uuid.UUID
    rota_id: uuid.UUID | None
    starts_at: datetime
    ends_at: datetime
    version: int
    covers: tuple[Cover, ...] = ()


@dataclass(frozen=True, slots=True)
class Duty:
    """Who really is on call, and for how long; ``instead_of`` is whose shift it is, if it is covered."""

    user_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    instead_of: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class RotaLine:
    """``begins`` to ``ends`` by the hospital's clocks, on some weekdays (1 is Monday) of one week of the
    cycle; where ``ends`` is not after ``begins``, it is on the next day."""

    user_id: uuid.UUID
    weekdays: frozenset[int]
    begins: time
    ends: time
    week: int = 1


@dataclass(frozen=True, slots=True)
class Turn:
    """A shift to be."""

    user_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime


def turns(
    lines: Iterable[RotaLine], *, weeks: int, valid_from: date, valid_until: date, zone: ZoneInfo
) -> list[Turn]:
    """The shifts of a rota for shifts that begin on its days, by time.

    Clocks on the wall count: a night from 20:00 to 08:00 lasts 11 or 13 hours when they are put forward or
    back, and the next shift begins when it ends. Week 1 of the cycle is the week of ``valid_from``.
    Raises ``invalid`` if there are too many.
    """
    lines = list(lines)
    monday = valid_from - timedelta(days=valid_from.weekday())
    made: list[Turn] = []
    for ordinal in range(valid_from.toordinal(), valid_until.toordinal() + 1):
        day = date.fromordinal(ordinal)
        week = (day - monday).days // 7 % weeks + 1
        made += [
            _turn(line, day, zone)
            for line in lines
            if line.week == week and day.isoweekday() in line.weekdays
        ]
        if len(made) > MOST_SHIFTS:
            raise HmsError(Code.INVALID, f"the rota makes over {MOST_SHIFTS} shifts: shorten its validity")
    return sorted(made, key=lambda turn: (turn.starts_at, turn.ends_at, turn.user_id))


def _turn(line: RotaLine, day: date, zone: ZoneInfo) -> Turn:
    last = day if line.ends > line.begins else day + timedelta(days=1)
    begins = datetime.combine(day, line.begins, zone).astimezone(UTC)
    return Turn(line.user_id, begins, datetime.combine(last, line.ends, zone).astimezone(UTC))


def duties(shift: Shift) -> Iterator[Duty]:
    """Who is on call during a shift, one after the other."""
    at = shift.starts_at
    for cover in sorted(shift.covers, key=lambda one: one.starts_at):
        if cover.starts_at > at:
            yield Duty(shift.user_id, at, cover.starts_at)
        yield Duty(cover.user_id, cover.starts_at, cover.ends_at, instead_of=shift.user_id)
        at = cover.ends_at
    if at < shift.ends_at:
        yield Duty(shift.user_id, at, shift.ends_at)


def gaps(found: Sequence[Duty], since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """The times between ``since`` and ``until`` when nobody is on call."""
    open_: list[tuple[datetime, datetime]] = []
    at = since
    for duty in sorted(found, key=lambda one: one.starts_at):
        if duty.starts_at > at:
            open_.append((at, min(duty.starts_at, until)))
        at = max(at, duty.ends_at)
        if at >= until:
            return open_
    return [*open_, (at, until)] if at < until else open_


def part_of(shift: Shift, since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """From when to when a cover of ``shift`` goes; raises ``invalid`` unless it lies within the shift."""
    begins, ends = since or shift.starts_at, until or shift.ends_at
    if not shift.starts_at <= begins < ends <= shift.ends_at:
        raise HmsError(Code.INVALID, "a cover lies within its shift, and ends after it begins")
    return begins, ends
