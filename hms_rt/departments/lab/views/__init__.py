"""The values of the laboratory's streams, and what each audience sees of them (allow-lists).

Which tests a room shows depends on rows alone, never on the clock, so that an old snapshot and the changes
since equal a fresh snapshot:

- ``worklist``: tests that are neither released nor cancelled.
- ``ward:<code>``, ``clinic:<code>``: tests whose row names the room as its ``board``. A test is put there
  when it is ordered, follows the patient to another ward, and leaves when it is cancelled, when it is
  released and the patient departs, or when ``BOARD_LIMIT`` tests of the room were released after it.
  A correction puts it there again.
- ``alerts``, and the rooms of wards and clinics beside their tests: critical values that no clinician has
  acknowledged, where the patient is now.
"""

from collections.abc import Mapping
from typing import Any

from hms_rt.departments.lab.model.alert import Alert, Step
from hms_rt.departments.lab.model.catalogue import Flag
from hms_rt.departments.lab.model.labtest import LabState, LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.kernel.audiences import masked
from hms_rt.kernel.clock import rfc3339

WORKLIST_STREAM = "lab/worklist"
ALERTS_STREAM = "lab/alerts"
BOARD_LIMIT = 200
"""Released tests that the room of a ward or clinic shows; the older ones are found by REST."""

_ALWAYS_SHOWN = frozenset({Flag.CRITICAL_LOW.value, Flag.CRITICAL_HIGH.value})


def board_stream(board: str) -> str:
    """The stream of ``ward:<code>`` or ``clinic:<code>``."""
    return f"lab/{board}"


def key(test_id: object) -> str:
    """The key of a test on every stream."""
    return f"test:{test_id}"


def value(order: LabOrder, test: LabTest) -> dict[str, Any]:
    """A test as the streams hold it: reference, state, flag and version of the result, never what it says."""
    return {
        "id": str(test.id),
        "order_id": str(order.id),
        "patient_id": str(order.patient_id),
        "patient_name": order.patient_name,
        "mrn": order.mrn,
        "restricted": order.restricted,
        "test": test.code,
        "test_name": test.name,
        "specimen_kind": test.specimen_kind.value,
        "state": test.state.value,
        "priority": order.priority.value,
        "specimen_id": str(test.specimen_id) if test.specimen_id is not None else None,
        "specimen_barcode": test.specimen_barcode,
        "location": order.location,
        "ordered_at": rfc3339(order.ordered_at),
        "resulted_at": rfc3339(test.resulted_at) if test.resulted_at is not None else None,
        "released_at": rfc3339(test.released_at) if test.released_at is not None else None,
        "result_version": test.result_version,
        "flag": test.flag.value if test.flag is not None else None,
        "review_due": test.review_due,
        "panel": test.panel,
        "recollect": test.recollect_of is not None,
        "delta": test.delta,
        "corrected": test.corrected_at is not None,
        "version": test.version,
    }


def alert_key(alert_id: object) -> str:
    """The key of an alert on every stream."""
    return f"alert:{alert_id}"


def alert_value(order: LabOrder, test: LabTest, alert: Alert) -> dict[str, Any]:
    """A critical alert as the streams hold it; ``red`` if a step found nobody, or nobody has answered any."""
    return {
        "id": str(alert.id),
        "test_id": str(test.id),
        "order_id": str(order.id),
        "patient_id": str(order.patient_id),
        "patient_name": order.patient_name,
        "mrn": order.mrn,
        "restricted": order.restricted,
        "test": test.code,
        "test_name": test.name,
        "location": alert.place,
        "flag": alert.flag.value,
        "alert": alert.state.value,
        "step": alert.step.value,
        "raised_at": rfc3339(alert.raised_at),
        "escalate_at": rfc3339(alert.escalate_at) if alert.escalate_at is not None else None,
        "nobody_on_call": alert.nobody_on_call,
        "relayed": alert.relayed_at is not None,
        "read_back": alert.read_back_at is not None,
        "red": alert.nobody_on_call or alert.step is Step.EVERYBODY,
        "version": alert.version,
    }


def staff(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The laboratory: a restricted patient's tube has its barcode and MRN, and that is what it needs."""
    return masked(value, mrn=True)


def staff_at_place(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The laboratory, looking into the room of a ward or clinic: as there, but no restricted name."""
    return masked(clinical(key, value), mrn=True)


def clinical(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those who treat the patient: before the release no flag, unless it is critical. Alerts are theirs."""
    if key.startswith("alert:"):
        return value
    if value["state"] == LabState.RELEASED.value or value["flag"] in _ALWAYS_SHOWN:
        return value
    return {**value, "flag": None, "delta": False}
