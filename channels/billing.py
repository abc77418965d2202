"""Namespace ``/billing``: what is to be paid at a counter, its shift, and what a cashier does all day."""

from hms_rt.departments.billing import views
from hms_rt.departments.billing.schemas.accounts import PaymentIn, PaymentOut, ShiftOut
from hms_rt.departments.billing.schemas.commands import CloseShiftCommand, OpenShiftCommand, PaymentCommand
from hms_rt.departments.billing.service import BillingService
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.realtime.rooms import RoomKind, StreamKind, everything
from hms_rt.realtime.wire import SocketCommand
from hms_rt.security.permissions import Permission
from hms_rt.services import Services

NAMESPACE = "/billing"


def rooms(services: Services) -> list[RoomKind]:
    """``cashier:<code>``: all for who takes money there, the drawer for a seller, numbers for a screen."""
    billing = services.billing
    return [
        RoomKind(
            namespace=NAMESPACE,
            name="cashier",
            streams=StreamKind("billing/cashier", billing.cashier_state),
            audience=billing.cashier_audience,
            views={Audience.STAFF: everything, Audience.SELLER: views.drawer, Audience.DISPLAY: views.called},
            hides=True,
        ),
    ]


def commands(services: Services) -> dict[str, SocketCommand]:
    """The same as by REST; a receipt's number is in the answer, and the receipt itself is fetched by REST."""
    return {**_of_payments(services.billing), **_of_shifts(services.billing)}


def _of_payments(billing: BillingService) -> dict[str, SocketCommand]:
    async def capture(principal: Principal, command: Command, body: PaymentCommand) -> PaymentOut:
        return await billing.capture_payment(principal, command, body.payment_id)

    async def fail(principal: Principal, command: Command, body: PaymentCommand) -> PaymentOut:
        return await billing.fail_payment(principal, command, body.payment_id)

    return {
        "take_payment": SocketCommand(
            "billing.take_payment", PaymentIn, billing.take_payment, "Take money", Permission.PAYMENT_TAKE
        ),
        "capture_payment": SocketCommand(
            "billing.capture_payment",
            PaymentCommand,
            capture,
            "Announced money came",
            Permission.PAYMENT_TAKE,
        ),
        "fail_payment": SocketCommand(
            "billing.fail_payment",
            PaymentCommand,
            fail,
            "Announced money will not come",
            Permission.PAYMENT_TAKE,
        ),
    }


def _of_shifts(billing: BillingService) -> dict[str, SocketCommand]:
    async def open_shift(principal: Principal, command: Command, body: OpenShiftCommand) -> ShiftOut:
        return await billing.open_cashier_shift(principal, command, body.counter, body)

    async def close_shift(principal: Principal, command: Command, body: CloseShiftCommand) -> ShiftOut:
        return await billing.close_cashier_shift(principal, command, body.shift_id, body)

    return {
        "open_shift": SocketCommand(
            "billing.open_cashier_shift", OpenShiftCommand, open_shift, "Open a shift", Permission.SHIFT_WORK
        ),
        "close_shift": SocketCommand(
            "billing.close_cashier_shift",
            CloseShiftCommand,
            close_shift,
            "Close a shift",
            Permission.SHIFT_WORK,
        ),
    }
