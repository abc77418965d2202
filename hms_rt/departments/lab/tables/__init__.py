"""Tables of the laboratory. The SQL that makes them is in the migrations ``0007_lab``,
``0015_lab_ranges`` and ``0016_lab_loops``."""

from hms_rt.departments.lab.tables.definitions import (
    catalogue,
    catalogue_version,
    panel,
    panel_version,
    range_set,
    reference_range,
)
from hms_rt.departments.lab.tables.loops import (
    alert_event,
    alert_recipient,
    correction_notice,
    critical_alert,
    result_read,
    test_event,
)
from hms_rt.departments.lab.tables.orders import (
    lab_order,
    lab_test,
    order_context,
    order_panel,
    ordered_test,
    result_version,
    specimen,
)

__all__ = [
    "alert_event",
    "alert_recipient",
    "catalogue",
    "catalogue_version",
    "correction_notice",
    "critical_alert",
    "lab_order",
    "lab_test",
    "order_context",
    "order_panel",
    "ordered_test",
    "panel",
    "panel_version",
    "range_set",
    "reference_range",
    "result_read",
    "result_version",
    "specimen",
    "test_event",
]
