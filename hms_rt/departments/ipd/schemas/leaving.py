"""Shapes of what comes with a patient's leaving, and of rounds."""

import uuid
from typing import Annotated

from pydantic import Field

from hms_rt.departments.ipd.schemas.commands import Timed
from hms_rt.kernel.outstanding import OutstandingKind
from hms_rt.kernel.schema import Moment, Reason, Schema, Text

Written = Annotated[Text, Field(min_length=1)]


class OutstandingOut(Schema):
    """What a department has open."""

    department: str
    kind: OutstandingKind
    count: int
    what: list[str]
    """The first few; for those who treat the patient, else empty."""


class ChecklistOut(Schema):
    """What is to be done before the patient leaves; nothing, when ``items`` is empty."""

    admission_id: uuid.UUID
    items: list[OutstandingOut]


class RoundIn(Timed):
    """What was seen and decided at the bedside. Of a patient who has left: with ``occurred_at``."""

    text: Written
    plan: Text | None = None


class RoundOut(Schema):
    """A visit at the bedside; what was written is the entry of the record."""

    id: uuid.UUID
    admission_id: uuid.UUID
    entry_id: uuid.UUID
    occurred_at: Moment
    recorded_by: uuid.UUID
    recorded_by_name: str


class RoundPatient(Schema):
    """A patient of the ward, and when somebody last made a round to them."""

    admission_id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    bed: str
    bed_id: uuid.UUID
    since: Moment
    last_round: RoundOut | None


class RoundList(Schema):
    """The patients of a ward by bed."""

    ward: str
    patients: list[RoundPatient]


class SummaryIn(Schema):
    """A discharge summary. Writing another supersedes the one before."""

    diagnoses: Written
    course: Written
    procedures: Text | None = None
    medication: Text | None = None
    """What to take at home."""
    follow_up: Text | None = None
    amended_because: Reason | None = None
    """Why another is written; needed once the patient has left."""


class SummaryQuery(Schema):
    """Which version to print."""

    number: Annotated[int, Field(ge=1, le=9999)] | None = None
    """The last one, unless told."""


class SummaryOut(Schema):
    """A discharge summary; what it says is the entry of the record, and the PDF."""

    admission_id: uuid.UUID
    entry_id: uuid.UUID
    number: int
    """1 for the first, one more for every one that superseded it."""
    written_at: Moment
    written_by: uuid.UUID
    amended_because: str | None


class SummaryList(Schema):
    """Every version of a discharge summary, oldest first; the last one holds."""

    summaries: list[SummaryOut]
