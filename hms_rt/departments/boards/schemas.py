"""Shapes of printed pages on the wire."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import Field

from hms_rt.departments.beds.model import Isolation
from hms_rt.kernel.schema import Moment, Schema


class CensusVitals(Schema):
    """The last readings that early warning scores are made of, all of one moment."""

    at: Moment
    readings: dict[str, str]
    """Such as `respiratory_rate`, `spo2_percent`, `systolic`; only those that were taken."""


class CensusPatient(Schema):
    """Who lies in a bed, as a nurse needs it on paper."""

    patient_id: uuid.UUID
    name: str
    """Of a restricted patient no name: paper lies about. Bed and record number say who it is."""
    mrn: str
    restricted: bool
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
    vitals: CensusVitals | None
    """Null where none were taken, and where ``vitals_known`` is false."""


class CensusBed(Schema):
    """A bed of the ward."""

    code: str
    room: str
    status: str
    isolation: bool
    isolation_kind: Isolation | None
    """Of the patient in it, else what the room is kept for."""
    beside: str | None
    """Of a cot: the mother's bed."""
    patient: CensusPatient | None


class CensusOut(Schema):
    """Every bed of a ward at one moment, for paper."""

    ward: str
    name: str
    at: Moment
    """The moment whose state this is; printed large."""
    occupied: int
    total: int
    vitals_known: bool
    """False while the store of documents is away: the census is made all the same."""
    beds: list[CensusBed]
