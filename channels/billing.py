"""Namespace ``/billing``: what is to be paid at each counter, and the shift there. Money is taken by REST."""

from hms_rt.departments.billing import views
from hms_rt.kernel.audiences import Audience
from hms_rt.realtime.rooms import RoomKind, StreamKind, everything
from hms_rt.realtime.wire import SocketCommand
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
    """None: a payment wants a receipt, and so an answer that is kept."""
    return {}
