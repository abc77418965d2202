"""Shapes of printed pages on the wire."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import Field

from hms_rt.kernel.schema import Moment, Schema


class CensusPatient(Schema):
    """Who lies in a bed, as a nurse needs it on paper."""

    patient_id: uuid.UUID
    name: str
    mrn: str
    birth_date: date | None
    age: Annotated[int, Field(ge=0)] | None
    """Years completed at the time of the census."""
    sex: str
    since: Moment
    doctor: str | None
    """Who asked for the admission."""
    leaving: bool
    """A doctor ordered the discharge."""
    allergies: list[str]
    """Substances, the gravest first; empty also where nobody asked: see `allergies_asked`."""
    allergies_asked: bool
    """False where the record says nothing at all about allergies."""
    outstanding: list[str]
    """What departments have open for the patient, with counts."""


class CensusBed(Schema):
    """A bed of the ward."""

    code: str
    room: str
    status: str
    isolation: bool
    patient: CensusPatient | None


class CensusOut(Schema):
    """Every bed of a ward at one moment, for paper."""

    ward: str
    name: str
    at: Moment
    """The moment whose state this is; printed large."""
    occupied: int
    total: int
    beds: list[CensusBed]
