"""Results and critical alerts on the wire."""

import uuid
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from hms_rt.departments.lab.model.alert import AlertState
from hms_rt.departments.lab.model.catalogue import MAX_TEXT, Flag
from hms_rt.departments.lab.model.order import ResultStatus
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
    comment: Text | None = None


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


class AlertNote(When):
    """A note on what is done about a critical value."""

    note: Text | None = None


class AcknowledgeCommand(AlertNote):
    """Acknowledge a critical value, over a socket."""

    alert_id: uuid.UUID


class AlertOut(Schema):
    """A critical value and who knows of it."""

    id: uuid.UUID
    test_id: uuid.UUID
    order_id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    test: str
    test_name: str
    location: str
    ordered_by: uuid.UUID
    result_version: int
    flag: Flag
    state: AlertState
    raised_at: Moment
    escalate_at: Moment | None
    """When more people are told, unless a doctor acknowledges before."""
    relayed_by: uuid.UUID | None
    relayed_at: Moment | None
    read_back_by: uuid.UUID | None
    read_back_at: Moment | None
    acknowledged_by: uuid.UUID | None
    acknowledged_at: Moment | None
    note: str | None
    closed_by: uuid.UUID | None
    closed_at: Moment | None
    version: int


class AlertQuery(PageQuery):
    """Which alerts to list: those that wait for a doctor, unless a state is asked for."""

    state: AlertState | None = None
