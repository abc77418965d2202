"""Shapes of announcements, and of promised waits against what then happened."""

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from hms_rt.departments.opd.schemas.scheduling import Day
from hms_rt.kernel.schema import Schema, Text

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
"""A language as BCP 47 writes it, such as ``de`` or ``pt-BR``."""


class AnnouncementIn(Schema):
    """What is said in one language when somebody is called."""

    language: Language
    text: Annotated[Text, StringConstraints(min_length=1, max_length=200)] | None = None
    """With ``{label}`` and ``{counter}``; without one, ours in that language."""


class AnnouncementsIn(Schema):
    """What is said, language by language in this order; nothing: each screen uses its own language."""

    items: Annotated[tuple[AnnouncementIn, ...], Field(max_length=6)]

    @field_validator("items")
    @classmethod
    def _each_once(cls, items: tuple[AnnouncementIn, ...]) -> tuple[AnnouncementIn, ...]:
        if len({item.language for item in items}) != len(items):
            raise ValueError("each language once")
        return items


class AnnouncementOut(Schema):
    """What is said in one language."""

    language: str
    text: str


class AnnouncementsOut(Schema):
    """What is said in a clinic when somebody is called."""

    clinic: str
    items: list[AnnouncementOut]
    version: int
    """Of the clinic."""


class WaitsQuery(Schema):
    """Of which days; of the clinic's day unless told."""

    first_day: Day | None = None
    last_day: Day | None = None


class WaitErrors(Schema):
    """Promises against what then happened; null where nothing can be compared. Seconds."""

    compared: int
    """Tokens with a promise that were called."""
    not_called: int
    not_promised: int
    """Joined while no counter was open, or before there were services to judge by."""
    mean_wait_s: float | None
    mean_error_s: float | None
    """The wait less the promised median: above zero, patients waited longer than they were told."""
    mean_absolute_error_s: float | None
    within_p50: float | None
    """Share called within the promised median; half, if promises are good."""
    within_p90: float | None
    """Share called within the promised 90th percentile; nine in ten, if promises are good."""


class WaitsOut(Schema):
    """How good the promises of a queue were."""

    clinic: str
    first_day: date
    last_day: date
    walk_ins: WaitErrors
    appointments: WaitErrors
