"""Facts that the laboratory records."""

import uuid
from dataclasses import dataclass

from hms_rt.departments.lab.model.alert import Alert
from hms_rt.departments.lab.model.catalogue import Flag
from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.kernel.changes import Cause, Event


@dataclass(frozen=True, slots=True)
class LabChange:
    """One test's part in a change, with its order as it is now; ``before`` is None for a new test.

    Recorded while order and test are locked, with what was written: a projector need not read them again.
    """

    order: LabOrder
    before: LabTest | None
    after: LabTest


@dataclass(frozen=True, slots=True)
class LabOrdered(Event):
    """A doctor ordered tests."""

    order_id: uuid.UUID
    patient_id: uuid.UUID
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabTestsChanged(Event):
    """Tests changed together: the specimen of three is received in one event."""

    changes: tuple[LabChange, ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class BoardTrimmed(Event):
    """These released tests gave way to newer ones on a board."""

    board: str
    test_ids: tuple[uuid.UUID, ...]


@dataclass(frozen=True, slots=True)
class ResultReleased(Event):
    """Those who treat the patient may read the result."""

    test_id: uuid.UUID
    order_id: uuid.UUID
    patient_id: uuid.UUID
    result_version: int


@dataclass(frozen=True, slots=True)
class ResultCorrected(Event):
    """A released result has a new version."""

    test_id: uuid.UUID
    order_id: uuid.UUID
    patient_id: uuid.UUID
    result_version: int


@dataclass(frozen=True, slots=True)
class CriticalRaised(Event):
    """A critical value was entered, or a result was corrected to one."""

    alert_id: uuid.UUID
    test_id: uuid.UUID
    patient_id: uuid.UUID
    flag: Flag


@dataclass(frozen=True, slots=True)
class AlertChanged(Event):
    """A critical alert as it is now, with its order and test; ``left``: the place whose room showed it
    before, if the patient has moved. Recorded while the alert is locked."""

    order: LabOrder
    test: LabTest
    alert: Alert
    cause: Cause
    left: str | None = None


@dataclass(frozen=True, slots=True)
class CriticalSuperseded(Event):
    """A newer version of the result made an alert moot."""

    alert_id: uuid.UUID
    test_id: uuid.UUID
    patient_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class CriticalAcknowledged(Event):
    """A doctor took a critical value over."""

    alert_id: uuid.UUID
    test_id: uuid.UUID
    patient_id: uuid.UUID
