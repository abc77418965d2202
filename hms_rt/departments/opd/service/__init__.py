"""The service of outpatients."""

from hms_rt.departments.opd.repository import tokens
from hms_rt.departments.opd.service.calling import Calling
from hms_rt.departments.opd.service.clinics import Clinics
from hms_rt.departments.opd.service.day_end import DayEnd
from hms_rt.departments.opd.service.issuing import Issuing
from hms_rt.departments.opd.service.moving import Moving
from hms_rt.departments.opd.service.queue import Queue

__all__ = ["OpdService"]


class OpdService(Clinics, Issuing, Calling, Moving, DayEnd, Queue):
    """Everything that happens to clinics, queues and tokens.

    Everything that moves a token locks it first and records ``TokenIssued`` or ``TokenMoved``, then
    ``QueueChanged``; the projector turns them into changes of ``opd/clinic:<code>``.
    """

    clinics_of_patient = staticmethod(tokens.clinics_of_patient)
    """For the care relation: clinics where the patient has an unfinished token, or one of today."""
