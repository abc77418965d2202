"""Namespace ``/billing`` over real sockets: what is to be paid at a counter, and who sees what of it."""

from typing import Any

from hms_rt.departments.billing.schemas.accounts import CashierIn
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


async def test_a_cashier_takes_money_and_counts_the_drawer_over_a_socket(
    till: Till, desk: Counter1, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    clerk = await socket_of(await client_as(Role.RECEPTION), BILLING)
    await till.services.billing.define_cashier(SYSTEM, command(), CashierIn(code="C9", name="Till 9"))
    patient_id = str(await till.patient())

    async def tell(name: str, key: str, **said: Any) -> dict[str, Any]:
        answer = await clerk.call(name, {"id": key, **said}, namespace=BILLING)
        return dict(answer["result"] if answer["ok"] else answer["error"])

    shift = await tell("open_shift", "o1", counter="C9", opening_cash="20.00")
    assert shift["cash"] == "20.00"
    assert (await tell("open_shift", "o2", counter="C9", opening_cash="20.00"))["code"] == "conflict"
    money = {"patient_id": patient_id, "counter": "C9", "means": "cash", "amount": "5.00"}
    paid = await tell("take_payment", "p1", **money)
    assert paid["state"] == "captured"
    assert await tell("take_payment", "p1", **money) == paid
    assert (await tell("take_payment", "p1", **{**money, "amount": "6.00"}))["code"] == "idempotency_mismatch"
    announced = {**money, "means": "transfer", "pending": True}
    first, second = [await tell("take_payment", key, **announced) for key in ("p2", "p3")]
    one = {"payment_id": first["id"]}
    assert (await tell("capture_payment", "c1", **one, expected_version=9))["code"] == "stale_version"
    assert (await tell("capture_payment", "c2", **one, expected_version=1))["state"] == "captured"
    assert (await tell("fail_payment", "f1", **one))["code"] == "illegal_move"
    assert (await tell("fail_payment", "f2", payment_id=second["id"]))["state"] == "failed"
    closing = {"shift_id": shift["id"], "counted": "25.00"}
    assert (await tell("close_shift", "s1", **closing))["code"] == "conflict"
    means = [{"means": "transfer", "counted": "5.00"}]
    closed = await tell("close_shift", "s2", **closing, means=means)
    assert (closed["counted"], closed["difference"]) == ("25.00", "0.00")
