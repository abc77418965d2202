"""Who is called next when some have an appointment and some have not. Pure.

1. Emergencies, then urgent patients, each by when they joined.
2. Patients whose appointment is due, by its time; but at most ``at_most`` of them (2 unless the clinic says
   otherwise) one after the other while a walk-in waits: then the walk-in who waits longest.
3. Patients who are too early for their appointment, when nobody else waits.

Who comes more than 15 minutes late to an appointment waits as a walk-in, from when they came.

So with nobody urgent, who is the i-th of those due is called after i - 1 others due and at most
(i - 1) / at_most + 1 walk-ins; the j-th walk-in after j - 1 walk-ins and at most j * at_most appointments,
whatever the length of the other queue: neither starves. Why two classes served in turn, and not one list by
time: in one list a backlog of walk-ins makes every appointment late by as much, and with appointments always
first a full schedule lets no walk-in through. This is weighted round robin with packets of one size, whose
bound on the service each class gets is M. Shreedhar and G. Varghese, "Efficient fair queueing using deficit
round robin", IEEE/ACM Transactions on Networking 4 (1996) 375-385; that appointments are to be seen at their
time and walk-ins to fill what is left is the usual policy of clinics with both: T. Cayirli and E. Veral,
"Outpatient scheduling in health care: a review of literature", Production and Operations Management 12 (2003)
519-549.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from hms_rt.departments.opd.model.token import Priority, Token

AT_MOST = 2
"""So many appointments in a row, while a walk-in waits."""

LATE = timedelta(minutes=15)
"""Who comes later than this after the time of the appointment has lost it, in the order of being called."""


class Lane(StrEnum):
    """The parts of a line."""

    URGENT = "urgent"
    DUE = "due"
    WALK_IN = "walk_in"
    EARLY = "early"


def lane_of(token: Token, now: datetime) -> Lane:
    """Where a waiting token stands."""
    if token.priority is not Priority.ROUTINE:
        return Lane.URGENT
    if token.due_at is None or token.queued_at > token.due_at + LATE:
        return Lane.WALK_IN
    return Lane.DUE if token.due_at <= now else Lane.EARLY


def lanes(in_row: int, at_most: int) -> tuple[Lane, ...]:
    """From which lane the next one comes: the first that has somebody. ``in_row`` appointments were called
    one after the other."""
    if in_row < at_most:
        return (Lane.URGENT, Lane.DUE, Lane.WALK_IN, Lane.EARLY)
    return (Lane.URGENT, Lane.WALK_IN, Lane.DUE, Lane.EARLY)


def called(lane: Lane, in_row: int, at_most: int) -> int:
    """How many appointments in a row it is, after one of ``lane`` was called."""
    if lane is Lane.DUE:
        return min(in_row + 1, at_most)
    return 0 if lane is Lane.WALK_IN else in_row


def in_order(waiting: Iterable[Token], now: datetime, in_row: int, at_most: int) -> list[Token]:
    """The waiting tokens of one day in the order in which they would be called from now on."""
    standing: dict[Lane, deque[Token]] = {lane: deque() for lane in Lane}
    for token in sorted(waiting, key=_place):
        standing[lane_of(token, now)].append(token)
    ordered = []
    while any(standing.values()):
        lane = next(lane for lane in lanes(in_row, at_most) if standing[lane])
        ordered.append(standing[lane].popleft())
        in_row = called(lane, in_row, at_most)
    return ordered


def _place(token: Token) -> tuple[int, datetime, datetime, int]:
    """Within a lane; a walk-in's time is when it joined, an appointment's is its own."""
    time = token.due_at
    if time is None or token.queued_at > time + LATE or token.priority is not Priority.ROUTINE:
        time = token.queued_at
    return token.priority.rank, time, token.queued_at, token.number
