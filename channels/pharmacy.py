"""Namespace ``/pharmacy``: the live queue of each dispensary, and what is done there all day."""

from hms_rt.departments.pharmacy import views
from hms_rt.departments.pharmacy.schemas.prescriptions import (
    HoldCommand,
    PrescriptionOut,
    ResumeCommand,
    StopCommand,
    When,
    Why,
)
from hms_rt.departments.pharmacy.service import PharmacyService
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.realtime.rooms import RoomKind, StreamKind, everything
from hms_rt.realtime.wire import SocketCommand
from hms_rt.security.permissions import Permission
from hms_rt.services import Services

NAMESPACE = "/pharmacy"


def rooms(services: Services) -> list[RoomKind]:
    """``dispensary:<code>``, for a pick-up screen numbers only, and ``stock:<code>`` of each store, a ward's
    nurses those of its cupboards."""
    pharmacy = services.pharmacy
    return [
        RoomKind(
            namespace=NAMESPACE,
            name="dispensary",
            streams=StreamKind("pharmacy/dispensary", pharmacy.dispensary_state),
            audience=pharmacy.dispensary_audience,
            views={Audience.STAFF: views.staff, Audience.DISPLAY: views.pick_up},
            revision=3,
            hides=True,
        ),
        RoomKind(
            namespace=NAMESPACE,
            name="stock",
            streams=StreamKind("pharmacy/stock", pharmacy.stock_state),
            audience=pharmacy.stock_audience,
            learn=pharmacy.learn_store,
            views={Audience.STAFF: everything},
        ),
    ]


def commands(services: Services) -> dict[str, SocketCommand]:
    """The same as by REST."""
    pharmacy: PharmacyService = services.pharmacy

    async def hold(principal: Principal, command: Command, body: HoldCommand) -> PrescriptionOut:
        why = Why(reason=body.reason, occurred_at=body.occurred_at)
        return await pharmacy.hold(principal, command, body.prescription_id, why)

    async def resume(principal: Principal, command: Command, body: ResumeCommand) -> PrescriptionOut:
        return await pharmacy.resume(
            principal, command, body.prescription_id, When(occurred_at=body.occurred_at)
        )

    async def stop(principal: Principal, command: Command, body: StopCommand) -> PrescriptionOut:
        why = Why(reason=body.reason, occurred_at=body.occurred_at)
        return await pharmacy.stop(principal, command, body.prescription_id, why)

    return {
        "hold": SocketCommand(
            "pharmacy.hold", HoldCommand, hold, "Put a prescription on hold", Permission.PRESCRIPTION_HOLD
        ),
        "resume": SocketCommand(
            "pharmacy.resume", ResumeCommand, resume, "End a hold", Permission.PRESCRIPTION_HOLD
        ),
        "stop": SocketCommand(
            "pharmacy.stop", StopCommand, stop, "Stop a prescription", Permission.PRESCRIPTION_STOP
        ),
    }
