"""Results and critical alerts on the wire."""

import uuid
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from hms_rt.departments.lab.model.catalogue import MAX_TEXT, Flag
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.model.order import ResultStatus
from hms_rt.departments.lab.model.ranges import Assumed
from hms_rt.departments.lab.schemas.catalogue import Unit
from hms_rt.departments.lab.schemas.ordering import When
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Reason, Schema, Text


def _storable(text: str) -> str:
    if any((ord(c) < 32 and c not in "\t\n\r") or "\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("must not contain control characters or lone surrogates")
    return text


Measured = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_TEXT, strip_whitespace=True),
    AfterValidator(_storable),
]
"""A decimal written like ``4.2``, or text, as the test's definition asks."""


class ResultIn(When):
    """A measured value."""

    value: Measured
    unit: Unit | None = None
    """The unit it was measured in; another one than the test's is refused."""
    comment: Text | None = None
    implausible: bool = False
    """A value beyond what is plausible was checked and is so; it needs a comment."""


class CorrectionIn(ResultIn):
    """The right value of a result that was released wrong."""

    reason: Reason


class Disagreement(Schema):
    """Why the verifier does not believe a result."""

    reason: Reason


class ReleaseIn(When):
    """A release; ``reason`` is needed, and only heard, when one person releases alone at night."""

    reason: Reason | None = None


class ResultQuery(Schema):
    """Which version of a result; the newest, if left out."""

    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class ReferenceRange(Schema):
    """The bounds at the time of the result, as decimals."""

    low: str | None
    high: str | None
    critical_low: str | None
    critical_high: str | None
    assumed: list[Assumed] = Field(default_factory=list)
    """What was not known of the patient when the bounds were chosen."""


class DeltaOut(Schema):
    """How the value differs from the last verified one of the patient."""

    previous: str
    previous_at: Moment
    previous_test_id: uuid.UUID
    change: str
    percent: str | None
    """Null where the value before was zero."""
    exceeded: bool
    """More than the catalogue expects."""


class ResultOut(Schema):
    """One version of a result, as it was entered."""

    test_id: uuid.UUID
    order_id: uuid.UUID
    patient_id: uuid.UUID
    test: str
    test_name: str
    result_version: int
    latest_version: int
    status: ResultStatus
    value: str
    unit: str | None
    reference: ReferenceRange
    flag: Flag | None
    delta: DeltaOut | None
    """Null if there was nothing to compare with."""
    implausible: bool
    """Beyond what is plausible, and checked."""
    comment: str | None
    reason: str | None
    """Why it was corrected."""
    author: uuid.UUID
    author_name: str
    occurred_at: Moment
    recorded_at: Moment


class VerifyCommand(When):
    """Verify a result, over a socket."""

    test_id: uuid.UUID


class EnterCommand(ResultIn):
    """Enter a result, over a socket."""

    test_id: uuid.UUID


class ReleaseCommand(ReleaseIn):
    """Release a result, over a socket."""

    test_id: uuid.UUID


class TestEventOut(Schema):
    """One thing that happened with a test."""

    move: str
    state: LabState
    """The state it led to."""
    result_version: int | None
    by: uuid.UUID
    by_name: str
    occurred_at: Moment
    recorded_at: Moment
    reason: str | None


class TestHistory(Schema):
    """Everything that happened with a test, oldest first."""

    test_id: uuid.UUID
    events: list[TestEventOut]


class NoticeOut(Schema):
    """Somebody who read a result that was corrected afterwards, and must learn of it."""

    test_id: uuid.UUID
    test_name: str
    patient_id: uuid.UUID
    mrn: str
    result_version: int
    """The corrected version."""
    user_id: uuid.UUID
    user_name: str
    notified_at: Moment
    reminders: int
    remind_at: Moment | None
    """When the person is told again; null once the matter is settled."""
    seen_at: Moment | None
    """When the person read that version or a later one."""
    superseded_by: int | None
    """A later correction took the place of this one before it was seen."""


class NoticeQuery(PageQuery):
    """Which notices of corrections to list: those not seen, or all."""

    seen: bool = False
    """Also those that were seen or superseded."""
    test_id: uuid.UUID | None = None


class NoticeCursor(Schema):
    """Sort key of the notices."""

    test_id: uuid.UUID
    number: int
    user_id: uuid.UUID
