"""The service of the laboratory."""

from hms_rt.departments.lab.model.alert import Limits
from hms_rt.departments.lab.model.night import Night
from hms_rt.departments.lab.service.catalogue import Catalogue
from hms_rt.departments.lab.service.labels import Labels
from hms_rt.departments.lab.service.ordering import Ordering
from hms_rt.departments.lab.service.panels import Panels
from hms_rt.departments.lab.service.ranges import Ranges
from hms_rt.departments.lab.service.reading import Reading
from hms_rt.departments.lab.service.results import Results
from hms_rt.departments.lab.service.rooms import Rooms
from hms_rt.departments.lab.service.specimens import Specimens

__all__ = ["LabService", "Limits", "Night"]


class LabService(Catalogue, Panels, Ranges, Ordering, Specimens, Labels, Results, Reading, Rooms):
    """From the order to the released result, and the loops around it: critical values, corrections, reviews.

    Whatever changes a test locks its order first, then the test, and records ``LabTestsChanged``; whatever
    changes an alert records ``AlertChanged``. The projector turns both into changes of ``lab/worklist``,
    ``lab/alerts``, ``lab/ward:<code>`` and ``lab/clinic:<code>``.
    """
