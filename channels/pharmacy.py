"""Namespace ``/pharmacy``: the live queue of each dispensary, and what is done there all day."""

from hms_rt.departments.pharmacy import views
from hms_rt.departments.pharmacy.schemas.commands import (
    CancelDispenseCommand,
    HandOverCommand,
    HoldCommand,
    NotDispensedCommand,
    PrepareCommand,
    ResumeCommand,
    StopCommand,
    TakeCommand,
)
from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut
from hms_rt.departments.pharmacy.schemas.stock import DispenseOut
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
    return {**_of_prescriptions(services.pharmacy), **_of_dispenses(services.pharmacy)}


def _of_prescriptions(pharmacy: PharmacyService) -> dict[str, SocketCommand]:
    async def hold(principal: Principal, command: Command, body: HoldCommand) -> PrescriptionOut:
        return await pharmacy.hold(principal, command, body.prescription_id, body)

    async def resume(principal: Principal, command: Command, body: ResumeCommand) -> PrescriptionOut:
        return await pharmacy.resume(principal, command, body.prescription_id, body)

    async def stop(principal: Principal, command: Command, body: StopCommand) -> PrescriptionOut:
        return await pharmacy.stop(principal, command, body.prescription_id, body)

    async def refuse(principal: Principal, command: Command, body: NotDispensedCommand) -> PrescriptionOut:
        return await pharmacy.not_dispensed(principal, command, body.prescription_id, body)

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
        "not_dispensed": SocketCommand(
            "pharmacy.not_dispensed",
            NotDispensedCommand,
            refuse,
            "The rest of a line is not dispensed",
            Permission.DISPENSE,
        ),
    }


def _of_dispenses(pharmacy: PharmacyService) -> dict[str, SocketCommand]:
    async def prepare(principal: Principal, command: Command, body: PrepareCommand) -> DispenseOut:
        return await pharmacy.prepare(principal, command, body.prescription_id, body)

    async def hand_over(principal: Principal, command: Command, body: HandOverCommand) -> DispenseOut:
        return await pharmacy.hand_over(principal, command, body.dispense_id, body)

    async def cancel(principal: Principal, command: Command, body: CancelDispenseCommand) -> DispenseOut:
        return await pharmacy.cancel_dispense(principal, command, body.dispense_id, body)

    async def take(principal: Principal, command: Command, body: TakeCommand) -> DispenseOut:
        return await pharmacy.take_from_cupboard(principal, command, body.store, body)

    return {
        "prepare": SocketCommand(
            "pharmacy.prepare", PrepareCommand, prepare, "Prepare a dispense", Permission.DISPENSE
        ),
        "hand_over": SocketCommand(
            "pharmacy.hand_over", HandOverCommand, hand_over, "Hand a dispense over", Permission.DISPENSE
        ),
        "cancel_dispense": SocketCommand(
            "pharmacy.cancel_dispense",
            CancelDispenseCommand,
            cancel,
            "Put what was prepared back",
            Permission.DISPENSE,
        ),
        "take": SocketCommand(
            "pharmacy.take_from_cupboard",
            TakeCommand,
            take,
            "Take from a ward's cupboard",
            Permission.STOCK_USE,
        ),
    }
