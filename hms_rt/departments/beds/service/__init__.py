"""The service of rooms and beds: definition, state, cleaning, boards; and what stays ask of a bed."""

from hms_rt.departments.beds.service.cleaning import Cleanings
from hms_rt.departments.beds.service.definition import Definition
from hms_rt.departments.beds.service.for_stays import ForStays, Lodger
from hms_rt.departments.beds.service.queries import Queries
from hms_rt.departments.beds.service.rooms import Rooms
from hms_rt.departments.beds.service.states import States

__all__ = ["BedsService", "Lodger"]


class BedsService(Definition, States, Rooms, Cleanings, Queries, ForStays):
    """Owns the location tree, the beds and the requests to housekeeping.

    ``occupied`` follows the patient's stay: what :class:`ForStays` offers is for the department of stays,
    inside its unit of work. Everything that changes a bed locks it first and records ``BedsChanged``, which
    its projector turns into changes of ``beds/ward:<code>`` and ``beds/hospital``; a bed that waits to be
    cleaned has a request on ``beds/cleaning:<ward>``.
    """
