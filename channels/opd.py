"""Namespace ``/opd``: queues of clinics, and the commands of those who call patients."""

import uuid
from collections.abc import Awaitable, Callable

from hms_rt.departments.opd import views
from hms_rt.departments.opd.schemas.appointments import (
    AppointmentCancel,
    AppointmentCancelCommand,
    AppointmentCommand,
    AppointmentOut,
    ArriveCommand,
    Arrived,
    ArriveIn,
    BookCommand,
    RescheduleCommand,
    RescheduleIn,
)
from hms_rt.departments.opd.schemas.commands import (
    CallCommand,
    CancelCommand,
    CounterCommand,
    IssueCommand,
    NextCommand,
    TokenCommand,
    TransferCommand,
)
from hms_rt.departments.opd.schemas.queue import (
    CallIn,
    CancelIn,
    CounterOut,
    Late,
    NextIn,
    TokenIn,
    TokenOut,
    TransferIn,
)
from hms_rt.departments.opd.schemas.visits import (
    ConsultCommand,
    VisitClose,
    VisitCloseCommand,
    VisitEnd,
    VisitEndCommand,
    VisitIn,
    VisitOut,
)
from hms_rt.departments.opd.service import OpdService
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.realtime.rooms import RoomKind, StreamKind, everything
from hms_rt.realtime.wire import SocketCommand
from hms_rt.security.permissions import Permission
from hms_rt.services import Services

NAMESPACE = "/opd"

Run = Callable[[Principal, Command, TokenCommand], Awaitable[TokenOut]]
MoveMethod = Callable[[Principal, Command, uuid.UUID, Late], Awaitable[TokenOut]]


def rooms(services: Services) -> list[RoomKind]:
    """``clinic:<code>``, the queue; ``day:<code>``, the appointments of the day that the clinic is in;
    ``doctor:<user id>``, numbers and appointments of one doctor in every clinic."""
    opd = services.opd
    return [
        RoomKind(
            namespace=NAMESPACE,
            name="clinic",
            streams=StreamKind("opd/clinic", opd.clinic_state),
            audience=opd.audience,
            views={
                Audience.CLINICAL: everything,
                Audience.STAFF: views.staff,
                Audience.DISPLAY: views.display,
            },
            revision=3,
        ),
        RoomKind(
            namespace=NAMESPACE,
            name="doctor",
            streams=StreamKind("opd/doctor", opd.doctor_state),
            audience=opd.doctor_audience,
            views={Audience.OWN: everything, Audience.STAFF: views.doctor_staff},
        ),
        RoomKind(
            namespace=NAMESPACE,
            name="day",
            streams=StreamKind("opd/day", opd.day_state),
            audience=opd.day_audience,
            views={Audience.CLINICAL: everything, Audience.STAFF: views.day_staff},
            revision=2,
        ),
    ]


def commands(services: Services) -> dict[str, SocketCommand]:
    """The same commands as on REST."""
    opd = services.opd
    return {
        **_queue_commands(opd),
        **_targeted_moves(opd),
        **_plain_moves(opd),
        **_appointment_commands(opd),
        **_visit_commands(opd),
    }


def _queue_commands(opd: OpdService) -> dict[str, SocketCommand]:
    async def issue(principal: Principal, command: Command, body: IssueCommand) -> TokenOut:
        wanted = TokenIn(**body.model_dump(exclude={"clinic"}))
        return await opd.issue(principal, command, body.clinic, wanted)

    async def call_next(principal: Principal, command: Command, body: NextCommand) -> TokenOut:
        wanted = NextIn(**body.model_dump(exclude={"clinic"}))
        return await opd.call_next(principal, command, body.clinic, wanted)

    async def open_counter(principal: Principal, command: Command, body: CounterCommand) -> CounterOut:
        return await opd.open_counter(principal, command, body.counter)

    async def close_counter(principal: Principal, command: Command, body: CounterCommand) -> CounterOut:
        return await opd.close_counter(principal, command, body.counter)

    return {
        "issue": SocketCommand("opd.issue", IssueCommand, issue, "Issue a token", Permission.TOKEN_ISSUE),
        "call_next": SocketCommand(
            "opd.call_next", NextCommand, call_next, "Call the next patient", Permission.TOKEN_CALL
        ),
        "open_counter": SocketCommand(
            "opd.open_counter", CounterCommand, open_counter, "Open a counter", Permission.TOKEN_CALL
        ),
        "close_counter": SocketCommand(
            "opd.close_counter", CounterCommand, close_counter, "Close a counter", Permission.TOKEN_CALL
        ),
    }


def _appointment_commands(opd: OpdService) -> dict[str, SocketCommand]:
    async def book(principal: Principal, command: Command, body: BookCommand) -> AppointmentOut:
        return await opd.book(principal, command, body)

    async def arrive(principal: Principal, command: Command, body: ArriveCommand) -> Arrived:
        wanted = ArriveIn(**body.model_dump(exclude={"appointment_id"}))
        return await opd.arrive(principal, command, body.appointment_id, wanted)

    async def reschedule(principal: Principal, command: Command, body: RescheduleCommand) -> AppointmentOut:
        wanted = RescheduleIn(**body.model_dump(exclude={"appointment_id"}))
        return await opd.reschedule(principal, command, body.appointment_id, wanted)

    async def cancel(
        principal: Principal, command: Command, body: AppointmentCancelCommand
    ) -> AppointmentOut:
        wanted = AppointmentCancel(**body.model_dump(exclude={"appointment_id"}))
        return await opd.cancel_appointment(principal, command, body.appointment_id, wanted)

    async def miss(principal: Principal, command: Command, body: AppointmentCommand) -> AppointmentOut:
        return await opd.miss(principal, command, body.appointment_id, Late(occurred_at=body.occurred_at))

    needs = Permission.APPOINTMENT_MANAGE
    return {
        "book": SocketCommand("opd.book", BookCommand, book, "Book an appointment", needs),
        "arrive": SocketCommand("opd.arrive", ArriveCommand, arrive, "The patient is here", needs),
        "reschedule": SocketCommand(
            "opd.reschedule", RescheduleCommand, reschedule, "Reschedule an appointment", needs
        ),
        "cancel_appointment": SocketCommand(
            "opd.cancel_appointment", AppointmentCancelCommand, cancel, "Cancel an appointment", needs
        ),
        "miss_appointment": SocketCommand(
            "opd.miss_appointment", AppointmentCommand, miss, "Nobody came to an appointment", needs
        ),
    }


def _visit_commands(opd: OpdService) -> dict[str, SocketCommand]:
    async def open_visit(principal: Principal, command: Command, body: VisitIn) -> VisitOut:
        return await opd.open_visit(principal, command, body)

    async def consult(principal: Principal, command: Command, body: ConsultCommand) -> VisitOut:
        return await opd.consult(principal, command, body.visit_id, Late(occurred_at=body.occurred_at))

    async def close(principal: Principal, command: Command, body: VisitCloseCommand) -> VisitOut:
        wanted = VisitClose(**body.model_dump(exclude={"visit_id"}))
        return await opd.close_visit(principal, command, body.visit_id, wanted)

    async def leave(principal: Principal, command: Command, body: VisitEndCommand) -> VisitOut:
        why = VisitEnd(**body.model_dump(exclude={"visit_id"}))
        return await opd.leave(principal, command, body.visit_id, why)

    async def cancel(principal: Principal, command: Command, body: VisitEndCommand) -> VisitOut:
        why = VisitEnd(**body.model_dump(exclude={"visit_id"}))
        return await opd.cancel_visit(principal, command, body.visit_id, why)

    opens, sees = Permission.VISIT_OPEN, Permission.VISIT_CONSULT
    return {
        "open_visit": SocketCommand("opd.open_visit", VisitIn, open_visit, "Open a visit", opens),
        "consult": SocketCommand("opd.consult", ConsultCommand, consult, "Begin the consultation", sees),
        "close_visit": SocketCommand("opd.close_visit", VisitCloseCommand, close, "Close a visit", sees),
        "leave": SocketCommand(
            "opd.leave", VisitEndCommand, leave, "The patient left without being seen", opens
        ),
        "cancel_visit": SocketCommand(
            "opd.cancel_visit",
            VisitEndCommand,
            cancel,
            "Cancel a visit that was opened by mistake",
            opens,
        ),
    }


def _targeted_moves(opd: OpdService) -> dict[str, SocketCommand]:
    """Moves that say more than the token."""

    async def call(principal: Principal, command: Command, body: CallCommand) -> TokenOut:
        wanted = CallIn(**body.model_dump(exclude={"token_id"}))
        return await opd.call(principal, command, body.token_id, wanted)

    async def transfer(principal: Principal, command: Command, body: TransferCommand) -> TokenOut:
        wanted = TransferIn(**body.model_dump(exclude={"token_id"}))
        return await opd.transfer(principal, command, body.token_id, wanted)

    async def cancel(principal: Principal, command: Command, body: CancelCommand) -> TokenOut:
        wanted = CancelIn(**body.model_dump(exclude={"token_id"}))
        return await opd.cancel(principal, command, body.token_id, wanted)

    return {
        "call": SocketCommand("opd.call", CallCommand, call, "Call this token", Permission.TOKEN_CALL),
        "transfer": SocketCommand(
            "opd.transfer", TransferCommand, transfer, "Transfer a patient", Permission.TOKEN_TRANSFER
        ),
        "cancel": SocketCommand(
            "opd.cancel", CancelCommand, cancel, "Cancel a token", Permission.TOKEN_CANCEL
        ),
    }


def _plain_moves(opd: OpdService) -> dict[str, SocketCommand]:
    """Moves that need nothing but the token: ``{token_id, occurred_at?}``."""
    declared: list[tuple[str, MoveMethod, str, Permission]] = [
        ("recall", opd.recall, "Take a call back", Permission.TOKEN_CALL),
        ("serve", opd.serve, "Serve the called patient", Permission.TOKEN_SERVE),
        ("hold", opd.hold, "Put a token on hold", Permission.TOKEN_HOLD),
        ("resume", opd.resume, "Resume a token on hold", Permission.TOKEN_HOLD),
        ("no_show", opd.no_show, "The called patient did not come", Permission.TOKEN_NO_SHOW),
        ("requeue", opd.requeue, "Let a patient wait again", Permission.TOKEN_CALL),
        ("done", opd.done, "Finish a service", Permission.TOKEN_FINISH),
    ]
    return {
        name: SocketCommand(f"opd.{name}", TokenCommand, _plain(method), summary, permission)
        for name, method, summary, permission in declared
    }


def _plain(method: MoveMethod) -> Run:
    async def run(principal: Principal, command: Command, body: TokenCommand) -> TokenOut:
        return await method(principal, command, body.token_id, Late(occurred_at=body.occurred_at))

    return run
