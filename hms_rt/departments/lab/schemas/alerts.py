"""Critical alerts on the wire."""

import uuid

from hms_rt.departments.lab.model.alert import AlertMove, AlertState, Step
from hms_rt.departments.lab.model.catalogue import Flag
from hms_rt.departments.lab.schemas.ordering import Location, When
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Schema, Text


class AlertNote(When):
    """A note: what is done about a critical value, or who was told."""

    note: Text | None = None


class AcknowledgeCommand(AlertNote):
    """Acknowledge a critical value, over a socket."""

    alert_id: uuid.UUID


class RelayCommand(AlertNote):
    """Record over a socket that a nurse told a doctor."""

    alert_id: uuid.UUID


class ReadBackCommand(AlertNote):
    """Record over a socket that a critical value was read back on the telephone."""

    alert_id: uuid.UUID


class CloseAlertCommand(AlertNote):
    """Close an acknowledged alert, over a socket."""

    alert_id: uuid.UUID


class AlertOut(Schema):
    """A critical value and who knows of it."""

    id: uuid.UUID
    test_id: uuid.UUID
    order_id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    restricted: bool
    """Those who do not treat get no name."""
    test: str
    test_name: str
    location: str
    ordered_by: uuid.UUID
    result_version: int
    flag: Flag
    state: AlertState
    raised_at: Moment
    escalate_at: Moment | None
    """When more people are told, unless a doctor acknowledges before."""
    relayed_by: uuid.UUID | None
    relayed_at: Moment | None
    read_back_by: uuid.UUID | None
    read_back_at: Moment | None
    acknowledged_by: uuid.UUID | None
    acknowledged_at: Moment | None
    note: str | None
    closed_by: uuid.UUID | None
    closed_at: Moment | None
    step: Step
    """Who was told last."""
    nobody_on_call: bool
    """Nobody was on call when it was their turn: it went on to everybody in charge."""
    superseded_by: int | None
    """The version of the result that made the alert moot."""
    version: int


class AlertEventOut(Schema):
    """One thing that happened with an alert."""

    move: AlertMove
    step: Step
    by: uuid.UUID
    by_name: str
    occurred_at: Moment
    recorded_at: Moment
    told: list[str]
    """The names of those who were notified then."""
    note: str | None


class AlertReceipt(Schema):
    """Somebody who was told of an alert, and whether they have seen it."""

    user_id: uuid.UUID
    name: str
    told_at: Moment
    seen_at: Moment | None


class AlertHistory(AlertOut):
    """An alert and all that happened with it, oldest first."""

    events: list[AlertEventOut]
    receipts: list[AlertReceipt]


class AlertQuery(PageQuery):
    """Which alerts to list: those that wait for a doctor, unless a state is asked for."""

    state: AlertState | None = None
    every: bool = False
    """Every state, closed ones too."""
    patient_id: uuid.UUID | None = None
    location: Location | None = None
    """Of one ward or clinic: ``ward:<code>`` or ``clinic:<code>``."""
