"""Shapes of appointments on the wire."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import StringConstraints

from hms_rt.departments.opd.model.appointment import AppointmentState
from hms_rt.departments.opd.model.token import Priority
from hms_rt.departments.opd.schemas.queue import Late, Letter, TokenOut
from hms_rt.departments.opd.schemas.scheduling import Day
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema, Text

Note = Annotated[Text, StringConstraints(max_length=200)]
"""What reception should know, at most 200 characters; the clinical record is elsewhere."""


class AppointmentIn(Late):
    """An appointment to book."""

    slot_id: uuid.UUID
    patient_id: uuid.UUID
    category: Letter | None = None
    """The letter of the token that the patient will get; the clinic's first unless told."""
    note: Note = ""
    overbook: bool = False
    """Squeeze the patient into a full slot: a doctor of the clinic or an administrator may."""


class RescheduleIn(Late):
    """Another time for the same appointment."""

    slot_id: uuid.UUID
    reason: Reason
    overbook: bool = False


class AppointmentCancel(Late):
    """Why nobody will come."""

    reason: Reason


class ArriveIn(Late):
    """A patient with an appointment is here."""

    priority: Priority = Priority.ROUTINE


class AppointmentOut(Schema):
    """An appointment."""

    id: uuid.UUID
    slot_id: uuid.UUID
    clinic: str
    doctor_id: uuid.UUID
    day: date
    starts_at: Moment
    ends_at: Moment
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    restricted: bool
    """Those who do not treat in the clinic get no name, MRN and note."""
    category: str
    note: str
    state: AppointmentState
    overbooked: bool
    rescheduled_from: uuid.UUID | None
    token_id: uuid.UUID | None
    arrived_at: Moment | None
    finished_at: Moment | None
    reason: str | None
    version: int


class Arrived(AppointmentOut):
    """An appointment whose patient is here, and the number that the patient was given."""

    token: TokenOut


class AppointmentQuery(PageQuery):
    """Which appointments to list, by time: of a patient, a clinic, a doctor, or all in reach; of today and
    later unless a day is told."""

    clinic: PlaceCode | None = None
    doctor: uuid.UUID | None = None
    patient: uuid.UUID | None = None
    first_day: Day | None = None
    last_day: Day | None = None
    state: AppointmentState | None = None
    to_move: bool | None = None
    """True: only those booked into a slot that is blocked now."""


class AppointmentCursor(Schema):
    """Sort key of appointments."""

    starts_at: Moment
    id: uuid.UUID


class AppointmentStep(Schema):
    """One change of state of an appointment."""

    appointment_id: uuid.UUID
    """The appointment that it happened to: a rescheduled one goes on under another id."""
    move: str
    before: AppointmentState | None
    after: AppointmentState
    occurred_at: Moment
    recorded_at: Moment
    principal_id: uuid.UUID
    reason: str | None


class AppointmentHistory(Schema):
    """How an appointment came to its time and state, oldest first."""

    items: list[AppointmentStep]


class BookCommand(AppointmentIn):
    """Book an appointment; over a socket."""


class ArriveCommand(ArriveIn):
    """The patient of this appointment is here."""

    appointment_id: uuid.UUID


class AppointmentCommand(Late):
    """A move that needs nothing but the appointment."""

    appointment_id: uuid.UUID


class AppointmentCancelCommand(AppointmentCancel):
    """Cancel this appointment."""

    appointment_id: uuid.UUID


class RescheduleCommand(RescheduleIn):
    """Give this appointment another time."""

    appointment_id: uuid.UUID
