"""Shapes of clinics, queues and tokens on the wire."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from hms_rt.departments.opd.model.line import AT_MOST
from hms_rt.departments.opd.model.token import Priority, TokenState
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Name, PlaceCode, Reason, Schema

Letter = Annotated[str, StringConstraints(pattern=r"^[A-Z]$")]
"""The letter that a token's label begins with."""


class CategoryIn(Schema):
    """A kind of visit with its own letter; numbers run through all categories of a clinic."""

    letter: Letter
    name: Name


class ClinicIn(Schema):
    """A clinic to define. Tokens are of its first category (by letter) unless told."""

    code: PlaceCode
    name: Name
    facility: PlaceCode = "MAIN"
    categories: Annotated[tuple[CategoryIn, ...], Field(min_length=1, max_length=26)] = (
        CategoryIn(letter="A", name="General"),
    )
    appointments_in_row: Annotated[int, Field(ge=1, le=20)] = AT_MOST
    """So many patients with an appointment are called one after the other while a walk-in waits."""

    @field_validator("categories")
    @classmethod
    def _each_letter_once(cls, categories: tuple[CategoryIn, ...]) -> tuple[CategoryIn, ...]:
        if len({category.letter for category in categories}) != len(categories):
            raise ValueError("each letter belongs to one category")
        return categories


class CounterIn(Schema):
    """A counter to define. Its code is unique in the whole hospital: people are assigned to it by code."""

    code: PlaceCode
    name: Name
    open: bool = True


class CounterOut(Schema):
    """A counter: where patients are called to while it is open."""

    code: str
    name: str
    clinic: str
    open: bool
    version: int


class CategoryOut(Schema):
    """A kind of visit."""

    letter: str
    name: str


class ClinicOut(Schema):
    """A clinic; ``day`` is the day that its queue is in."""

    code: str
    name: str
    facility: str
    day: date
    categories: list[CategoryOut]
    counters: list[CounterOut]
    version: int


class Late(Schema):
    """A command that may be entered after the fact."""

    occurred_at: Moment | None = None
    """When it happened; now unless told."""


class TokenIn(Late):
    """A token to issue. It belongs to the hospital's day of ``occurred_at``."""

    patient_id: uuid.UUID | None = None
    """Whom it is for; a number alone is fine."""
    category: Letter | None = None
    priority: Priority = Priority.ROUTINE
    doctor_id: uuid.UUID | None = None
    """The doctor whom the patient waits for; whoever calls next unless told."""


class NextIn(Late):
    """Who calls whom next."""

    counter: PlaceCode
    doctor: uuid.UUID | None = None
    """Only who waits for this doctor or for nobody in particular; everybody unless told."""
    day: date | None = None
    """The day of the queue; the hospital's day of ``occurred_at`` unless told."""


class CallIn(Late):
    """Where a patient is called to."""

    counter: PlaceCode


class TransferIn(Late):
    """Where the patient goes next."""

    clinic: PlaceCode


class CancelIn(Late):
    """Why a token is not needed any more."""

    reason: Reason


class DayEndIn(Late):
    """Closes what is left of a queue."""

    reason: Reason
    day: date | None = None
    """Only this day; unless told every day up to the one of ``occurred_at``."""


class DayEndOut(Schema):
    """How many tokens the end of the day closed, and to how many appointments nobody came."""

    clinic: str
    closed: int
    missed: int


class TokenOut(Schema):
    """A token. ``origin`` is the clinic that gave the number, ``clinic`` the one whose queue it is in."""

    id: uuid.UUID
    clinic: str
    origin: str
    day: date
    number: int
    label: str
    category: str
    priority: Priority
    state: TokenState
    counter: str | None
    patient_id: uuid.UUID | None
    patient_name: str | None
    mrn: str | None
    restricted: bool
    """Those who do not treat in the clinic get no name and no MRN."""
    issued_at: Moment
    queued_at: Moment
    due_at: Moment | None
    """The time of the appointment that it was issued for; null for a walk-in."""
    doctor_id: uuid.UUID | None
    """Whom the patient waits for, or who sees them; null: whoever calls next."""
    called_at: Moment | None
    serving_at: Moment | None
    finished_at: Moment | None
    transferred_from: uuid.UUID | None
    reason: str | None
    version: int


class WaitOut(Schema):
    """How long a waiting token still waits: half wait at most ``p50_s`` seconds, nine in ten ``p90_s``."""

    ahead: int
    """Tokens that are called before."""
    p50_s: int | None
    """Null while the clinic has no open counter, or too few services to judge by."""
    p90_s: int | None
    promised_p50_s: int | None
    """What was promised when it joined the queue."""
    promised_p90_s: int | None


class TokenWithWait(TokenOut):
    """A token; ``wait`` is null unless it waits."""

    wait: WaitOut | None


class StepOut(Schema):
    """One change of state of a token."""

    token_id: uuid.UUID
    clinic: str
    move: str
    before: TokenState | None
    after: TokenState
    counter: str | None
    occurred_at: Moment
    recorded_at: Moment
    principal_id: uuid.UUID
    reason: str | None


class HistoryOut(Schema):
    """The way of a number through all the queues that it was in, oldest first."""

    items: list[StepOut]


class Counts(Schema):
    """Tokens by state, and the last number given."""

    waiting: int
    called: int
    serving: int
    on_hold: int
    no_show: int
    done: int
    cancelled: int
    last_number: int


class SummaryOut(Counts):
    """Sums of a clinic: unfinished tokens of whatever day, finished ones of the clinic's day, seconds of
    its last services, and the estimated wait of a routine token issued now."""

    active_counters: int
    service_p50_s: int | None
    service_p90_s: int | None
    wait_p50_s: int | None
    wait_p90_s: int | None


class QueueQuery(Schema):
    """Which part of a queue."""

    day: date | None = None
    doctor: uuid.UUID | None = None
    """Only those who wait for this doctor, or are with them."""


class QueueOut(Schema):
    """A clinic's queue as its room shows it: tokens in the order of being called."""

    clinic: str
    day: date
    summary: SummaryOut
    counters: list[CounterOut]
    tokens: list[TokenOut]


class DayOut(Counts):
    """The queue of one day in sum."""

    clinic: str
    day: date
    transferred: int
    closed: int


class TokenQuery(PageQuery):
    """Which tokens of a clinic to list; of the clinic's day unless told."""

    day: date | None = None
    state: TokenState | None = None


class TokenCursor(Schema):
    """Sort key of the list of tokens."""

    number: int
    id: uuid.UUID
