"""Commands of a counter over a socket: as by REST, and the body names what they are about."""

import uuid

from hms_rt.departments.billing.schemas.accounts import ShiftClose, ShiftIn
from hms_rt.kernel.schema import PlaceCode, Schema


class PaymentCommand(Schema):
    """Announced money came, or will not, over a socket."""

    payment_id: uuid.UUID


class OpenShiftCommand(ShiftIn):
    """Begin to take money, over a socket."""

    counter: PlaceCode


class CloseShiftCommand(ShiftClose):
    """Count the drawer and every other means that was used, and stop, over a socket."""

    shift_id: uuid.UUID
