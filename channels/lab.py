"""Namespace ``/lab``: the laboratory's worklist, and the results' states for wards and clinics."""

from hms_rt.departments.lab import views
from hms_rt.departments.lab.schemas.alerts import (
    AcknowledgeCommand,
    AlertNote,
    AlertOut,
    CloseAlertCommand,
    ReadBackCommand,
    RelayCommand,
)
from hms_rt.departments.lab.schemas.ordering import (
    CollectCommand,
    LabTestOut,
    ReceiveCommand,
    SpecimenIn,
    SpecimenOut,
    When,
)
from hms_rt.departments.lab.schemas.results import (
    EnterCommand,
    ReleaseCommand,
    ReleaseIn,
    ResultIn,
    VerifyCommand,
)
from hms_rt.departments.lab.service import LabService
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.realtime.rooms import RoomKind, StreamKind
from hms_rt.realtime.wire import SocketCommand
from hms_rt.security.permissions import Permission
from hms_rt.services import Services

NAMESPACE = "/lab"


def rooms(services: Services) -> list[RoomKind]:
    """``worklist``, ``alerts``, ``ward:<code>`` and ``clinic:<code>``."""
    lab = services.lab
    return [
        RoomKind(
            namespace=NAMESPACE,
            name="worklist",
            streams=StreamKind(views.WORKLIST_STREAM, lab.worklist_state),
            audience=lab.worklist_audience,
            views={Audience.STAFF: views.staff},
            revision=2,
            takes_argument=False,
        ),
        RoomKind(
            namespace=NAMESPACE,
            name="alerts",
            streams=StreamKind(views.ALERTS_STREAM, lab.alerts_state),
            audience=lab.alerts_audience,
            views={Audience.STAFF: views.staff},
            revision=2,
            takes_argument=False,
        ),
        RoomKind(
            namespace=NAMESPACE,
            name="ward",
            streams=StreamKind("lab/ward", lab.ward_state),
            audience=lab.ward_audience,
            views={Audience.CLINICAL: views.clinical, Audience.STAFF: views.staff_at_place},
            revision=2,
        ),
        RoomKind(
            namespace=NAMESPACE,
            name="clinic",
            streams=StreamKind("lab/clinic", lab.clinic_state),
            audience=lab.clinic_audience,
            views={Audience.CLINICAL: views.clinical, Audience.STAFF: views.staff_at_place},
            revision=2,
        ),
    ]


def commands(services: Services) -> dict[str, SocketCommand]:
    """What a ward and the laboratory do all day, the same as by REST."""
    lab: LabService = services.lab

    async def collect(principal: Principal, command: Command, body: CollectCommand) -> SpecimenOut:
        taken = SpecimenIn(**body.model_dump(exclude={"order_id"}))
        return await lab.collect(principal, command, body.order_id, taken)

    async def receive(principal: Principal, command: Command, body: ReceiveCommand) -> SpecimenOut:
        return await lab.receive(principal, command, body.specimen_id, When(occurred_at=body.occurred_at))

    async def enter_result(principal: Principal, command: Command, body: EnterCommand) -> LabTestOut:
        measured = ResultIn(**body.model_dump(exclude={"test_id"}))
        return await lab.enter_result(principal, command, body.test_id, measured)

    async def verify(principal: Principal, command: Command, body: VerifyCommand) -> LabTestOut:
        return await lab.verify(principal, command, body.test_id, When(occurred_at=body.occurred_at))

    async def release(principal: Principal, command: Command, body: ReleaseCommand) -> LabTestOut:
        how = ReleaseIn(**body.model_dump(exclude={"test_id"}))
        return await lab.release(principal, command, body.test_id, how)

    return {
        "collect": SocketCommand(
            "lab.collect", CollectCommand, collect, "A specimen was taken", Permission.SPECIMEN_COLLECT
        ),
        "receive": SocketCommand(
            "lab.receive",
            ReceiveCommand,
            receive,
            "A specimen reached the laboratory",
            Permission.SPECIMEN_RECEIVE,
        ),
        "enter_result": SocketCommand(
            "lab.enter_result", EnterCommand, enter_result, "Enter a result", Permission.RESULT_ENTER
        ),
        "verify": SocketCommand(
            "lab.verify", VerifyCommand, verify, "Vouch for somebody else's result", Permission.RESULT_VERIFY
        ),
        "release": SocketCommand(
            "lab.release", ReleaseCommand, release, "Release a result", Permission.RESULT_RELEASE
        ),
        **_alert_commands(lab),
    }


def _alert_commands(lab: LabService) -> dict[str, SocketCommand]:
    """What becomes of a critical value, by those who were told."""

    async def acknowledge(principal: Principal, command: Command, body: AcknowledgeCommand) -> AlertOut:
        return await lab.acknowledge(principal, command, body.alert_id, _note(body))

    async def relay(principal: Principal, command: Command, body: RelayCommand) -> AlertOut:
        return await lab.relay(principal, command, body.alert_id, _note(body))

    async def read_back(principal: Principal, command: Command, body: ReadBackCommand) -> AlertOut:
        return await lab.read_back(principal, command, body.alert_id, _note(body))

    async def close_alert(principal: Principal, command: Command, body: CloseAlertCommand) -> AlertOut:
        return await lab.close_alert(principal, command, body.alert_id, _note(body))

    return {
        "acknowledge": SocketCommand(
            "lab.acknowledge",
            AcknowledgeCommand,
            acknowledge,
            "A doctor takes a critical value over",
            Permission.CRITICAL_ACKNOWLEDGE,
        ),
        "relay": SocketCommand(
            "lab.relay", RelayCommand, relay, "A nurse told a doctor", Permission.CRITICAL_RELAY
        ),
        "read_back": SocketCommand(
            "lab.read_back",
            ReadBackCommand,
            read_back,
            "The value was read back on the telephone",
            Permission.CRITICAL_READ_BACK,
        ),
        "close_alert": SocketCommand(
            "lab.close_alert",
            CloseAlertCommand,
            close_alert,
            "What the value asked for was done",
            Permission.CRITICAL_ACKNOWLEDGE,
        ),
    }


def _note(body: AlertNote) -> AlertNote:
    return AlertNote(note=body.note, occurred_at=body.occurred_at)
