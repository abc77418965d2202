"""The service of outpatients."""

from hms_rt.departments.opd.repository import tokens
from hms_rt.departments.opd.service.absences import Absences
from hms_rt.departments.opd.service.appointments import Appointments
from hms_rt.departments.opd.service.calling import Calling
from hms_rt.departments.opd.service.clinics import Clinics
from hms_rt.departments.opd.service.day_end import DayEnd
from hms_rt.departments.opd.service.doctors import Doctors
from hms_rt.departments.opd.service.moving import Moving
from hms_rt.departments.opd.service.queue import Queue
from hms_rt.departments.opd.service.scheduling import Scheduling
from hms_rt.departments.opd.service.visit_reading import VisitReading, open_visit, patient_of_visit
from hms_rt.departments.opd.service.visits import Visits
from hms_rt.departments.opd.service.waits import Waits

__all__ = ["OpdService", "open_visit", "patient_of_visit"]


class OpdService(
    Clinics,
    Scheduling,
    Absences,
    Appointments,
    Calling,
    Moving,
    DayEnd,
    Queue,
    Waits,
    Visits,
    VisitReading,
    Doctors,
):
    """Everything that happens to clinics, schedules, appointments, queues, tokens and visits.

    Everything that moves a token locks it first and records ``TokenIssued`` or ``TokenMoved``, then
    ``QueueChanged``; the projector turns them into changes of ``opd/clinic:<code>``. What happens to an
    appointment is recorded as ``AppointmentChanged`` and shown on ``opd/day:<code>``. What is a
    doctor's is shown on ``opd/doctor:<user id>``, too.
    """

    clinics_of_patient = staticmethod(tokens.clinics_of_patient)
    """For the care relation: clinics where the patient has an unfinished token, or one of today, an
    appointment today, or an open visit."""
