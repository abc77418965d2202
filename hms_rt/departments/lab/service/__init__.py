"""The service of the laboratory."""

from hms_rt.departments.lab.model.night import Night
from hms_rt.departments.lab.service.alerts import Alerts
from hms_rt.departments.lab.service.catalogue import Catalogue
from hms_rt.departments.lab.service.ordering import Ordering
from hms_rt.departments.lab.service.reading import Reading
from hms_rt.departments.lab.service.releasing import Releasing
from hms_rt.departments.lab.service.results import Results
from hms_rt.departments.lab.service.rooms import Rooms
from hms_rt.departments.lab.service.specimens import Specimens

__all__ = ["LabService", "Night"]


class LabService(Catalogue, Ordering, Specimens, Results, Releasing, Reading, Alerts, Rooms):
    """From the order to the released result, and the alerts on the way.

    Whatever changes a test locks its order first, then the test, and records ``LabTestsChanged``, which the
    projector turns into changes of ``lab/worklist``, ``lab/ward:<code>`` and ``lab/clinic:<code>``.
    """
