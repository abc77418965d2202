"""Namespace ``/billing`` over real sockets: what is to be paid at a counter, and who sees what of it."""

from typing import Any

from hms_rt.departments.identity.schemas import DeviceNew
from hms_rt.kernel.principal import SYSTEM, Role
from tests.beds.test_channel import Heard
from tests.billing.conftest import Till
from tests.billing.test_accounts import Counter1, desk
from tests.conftest import ClientFactory, SocketFactory, command

BILLING = "/billing"
ROOM = {"room": "cashier:C1"}
__all__ = ["desk"]


async def test_the_counter_is_live_and_a_screen_sees_numbers_only(
    till: Till, desk: Counter1, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    clerk = await socket_of(await client_as(Role.RECEPTION), BILLING)
    heard = Heard(clerk, BILLING)
    joined = await clerk.call("subscribe", ROOM, namespace=BILLING)
    assert (joined["audience"], joined["state"]["shift"]["cash"]) == ("staff", "50.00")
    wall = await client_as()
    new = DeviceNew(name="Till screen", rooms=["/billing cashier:C1"])
    link = await till.services.identity.create_device(SYSTEM, command(), new)
    assert (await wall.get(link.path, allow_redirects=False)).status == 303
    screen = await socket_of(wall, BILLING)
    shown = Heard(screen, BILLING)
    assert (await screen.call("subscribe", ROOM, namespace=BILLING))["state"] == {}

    async def told() -> dict[str, Any]:
        ops = (await heard.next("change"))["ops"]
        return {op["key"].partition(":")[0]: op.get("value") for op in ops}

    patient_id = await till.patient()
    await till.charge(patient_id)
    issued = await desk.invoice(patient_id)
    assert (await told())["invoice"]["due"] == "12.01"
    (op,) = (await shown.next("change"))["ops"]
    assert op["value"] == {"number": 1, "state": "issued"}
    await desk.pay(patient_id, "2.01", issued.id)
    both = await told()
    assert (both["invoice"]["due"], both["shift"]["cash"]) == ("10.00", "52.01")
    await desk.pay(patient_id, "10.00", issued.id, means="card")
    both = await told()
    assert (both["invoice"], both["shift"]["cash"], both["shift"]["version"]) == (None, "52.01", 3)
    again = await clerk.call("subscribe", ROOM, namespace=BILLING)
    assert list(again["state"]) == ["shift"]
    stranger = await socket_of(await client_as(Role.PHARMACY), BILLING)
    assert (await stranger.call("subscribe", ROOM, namespace=BILLING))["error"]["code"] == "forbidden"
