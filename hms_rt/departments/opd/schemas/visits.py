"""Shapes of visits on the wire."""

import uuid
from datetime import date
from typing import Any

from hms_rt.departments.opd.model.visit import Disposition, VisitState
from hms_rt.departments.opd.schemas.queue import Late
from hms_rt.departments.opd.schemas.scheduling import Day
from hms_rt.departments.patients.schemas.record import Kind
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema


class VisitIn(Late):
    """A visit to open."""

    clinic: PlaceCode
    patient_id: uuid.UUID
    token_id: uuid.UUID | None = None
    """The patient's number in the clinic's queue; found by itself if there is one."""


class VisitEntryIn(Late):
    """Vitals, a note or a diagnosis, for the clinical record."""

    kind: Kind
    body: dict[str, Any]
    """As in ``POST /patients/{id}/record``."""
    supersedes: uuid.UUID | None = None


class VisitClose(Late):
    """Where the patient goes."""

    disposition: Disposition


class VisitEnd(Late):
    """Why there is no consultation."""

    reason: Reason


class VisitOut(Schema):
    """A visit. What was written is in the record: ``GET /patients/{id}/record?context=<id of the visit>``."""

    id: uuid.UUID
    clinic: str
    day: date
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    state: VisitState
    token_id: uuid.UUID | None
    appointment_id: uuid.UUID | None
    doctor_id: uuid.UUID | None
    opened_at: Moment
    triaged_at: Moment | None
    consulted_at: Moment | None
    finished_at: Moment | None
    disposition: Disposition | None
    reason: str | None
    version: int


class VisitFull(VisitOut):
    """A visit with what was ordered."""

    lab_orders: list[uuid.UUID]
    """Orders of the clinic for this patient while the visit was open: ``GET /lab/orders/{id}``."""


class VisitQuery(PageQuery):
    """Which visits to list, newest first."""

    clinic: PlaceCode | None = None
    patient: uuid.UUID | None = None
    doctor: uuid.UUID | None = None
    day: Day | None = None
    state: VisitState | None = None


class VisitStep(Schema):
    """One change of state of a visit."""

    move: str
    before: VisitState | None
    after: VisitState
    occurred_at: Moment
    recorded_at: Moment
    principal_id: uuid.UUID
    reason: str | None


class VisitHistory(Schema):
    """How a visit came to its state, oldest first."""

    items: list[VisitStep]


class ConsultCommand(Late):
    """Begin the consultation of this visit, over a socket."""

    visit_id: uuid.UUID


class VisitCloseCommand(VisitClose):
    """Close this visit, over a socket."""

    visit_id: uuid.UUID


class VisitEndCommand(VisitEnd):
    """This visit ends without a consultation, over a socket."""

    visit_id: uuid.UUID
