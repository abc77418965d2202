"""Namespace ``/pharmacy`` over real sockets: the queue, who may see what of it, commands."""

from typing import Any

from aiohttp.test_utils import TestClient

from hms_rt.departments.identity.schemas import DeviceNew
from hms_rt.departments.pharmacy.schemas.prescriptions import Why
from hms_rt.kernel.principal import SYSTEM, Role
from tests.beds.test_channel import Heard
from tests.conftest import ClientFactory, SocketFactory, command
from tests.pharmacy.conftest import Pharmacy
from tests.pharmacy.shelves import prepare, receive

PHARMACY = "/pharmacy"


async def test_the_queue_is_live_and_a_screen_sees_numbers_only(
    pharmacy: Pharmacy, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    clerk = await client_as(Role.PHARMACY)
    desk = await socket_of(clerk, PHARMACY)
    heard = Heard(desk, PHARMACY)
    joined = await desk.call("subscribe", {"room": "dispensary:MAIN"}, namespace=PHARMACY)
    assert (joined["ok"], joined["audience"], joined["state"]) == (True, "staff", {})
    wall = await client_as()
    link = await pharmacy.services.identity.create_device(
        SYSTEM, command(), DeviceNew(name="Pick-up", rooms=["/pharmacy dispensary:MAIN"])
    )
    assert (await wall.get(link.path, allow_redirects=False)).status == 303
    screen = await socket_of(wall, PHARMACY)
    shown = Heard(screen, PHARMACY)
    joined = await screen.call("subscribe", {"room": "dispensary:MAIN"}, namespace=PHARMACY)
    assert (joined["ok"], joined["audience"]) == (True, "display")

    active = await pharmacy.active()
    (op,) = (await heard.next("change"))["ops"]
    assert (op["value"]["patient_name"], op["value"]["lines"][0]["quantity"]) == ("Curie", "15")
    (op,) = (await shown.next("change"))["ops"]
    assert op["value"] == {"number": active.number, "state": "active", "ready": False}

    service, clerk_at_desk = pharmacy.services.pharmacy, pharmacy.pharmacist
    await receive(pharmacy, "L1", 30, "20")
    made = await prepare(pharmacy, active, "2")
    for hears, flags in ((heard, "staff"), (shown, "display")):
        (op,) = (await hears.next("change"))["ops"]
        assert op["value"]["ready"] is True, flags
    await service.cancel_dispense(clerk_at_desk, command(), made.id, Why(reason="changed"))
    for hears in (heard, shown):
        assert (await hears.next("change"))["ops"][0]["value"]["ready"] is False

    doctor = await socket_of(await client_as(Role.DOCTOR, clinic="GEN"), PHARMACY)
    body = {"prescription_id": str(active.id), "reason": "allergy found"}
    held = await desk.call("hold", {"id": "k1", **body}, namespace=PHARMACY)
    assert (held["ok"], held["result"]["state"]) == (True, "on_hold")
    denied = await desk.call("stop", {"id": "k2", **body}, namespace=PHARMACY)
    assert denied["error"]["code"] == "forbidden"
    refused = await doctor.call("stop", {"id": "k3", **body}, namespace=PHARMACY)
    assert (refused["error"]["code"], refused["error"]["legal"]) == ("illegal_move", ["resume"])
    resume = {"id": "k4", "prescription_id": str(active.id)}
    assert (await doctor.call("resume", resume, namespace=PHARMACY))["ok"]
    assert (await doctor.call("stop", {"id": "k5", **body}, namespace=PHARMACY))["ok"]
    seen = [(await shown.next("change"))["ops"][0]["op"] for _ in range(3)]
    assert seen == ["put", "put", "remove"]


async def test_medicines_are_dispensed_and_taken_over_a_socket_once_and_of_the_version_that_was_seen(
    pharmacy: Pharmacy, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    await receive(pharmacy, "L1", 30, "20")
    await receive(pharmacy, "L2", 30, "20", store="ICU-CUP")
    desk = await socket_of(await client_as(Role.PHARMACY), PHARMACY)
    active = await pharmacy.active()
    rx, line_id = str(active.id), str(active.lines[0].id)

    async def tell(name: str, key: str, **said: Any) -> dict[str, Any]:
        answer = await desk.call(name, {"id": key, **said}, namespace=PHARMACY)
        return dict(answer["result"] if answer["ok"] else answer["error"])

    wanted = {"prescription_id": rx, "lines": [{"line_id": line_id, "quantity": "4"}]}
    made = await tell("prepare", "p1", **wanted)
    assert made["state"] == "prepared"
    assert await tell("prepare", "p1", **wanted) == made
    assert (await tell("prepare", "p1", **{**wanted, "store": "MAIN"}))["code"] == "idempotency_mismatch"
    one = {"dispense_id": made["id"]}
    assert (await tell("hand_over", "h1", **one, expected_version=7))["code"] == "stale_version"
    given = await tell("hand_over", "h2", **one, expected_version=made["version"])
    assert given["state"] == "handed_over"
    assert (await tell("cancel_dispense", "c1", **one, reason="changed"))["code"] == "illegal_move"
    other = await tell("prepare", "p2", **wanted)
    back = await tell("cancel_dispense", "c2", dispense_id=other["id"], reason="changed")
    assert back["state"] == "cancelled"
    rest = await tell("not_dispensed", "n1", prescription_id=rx, line_id=line_id, reason="out of stock")
    assert rest["lines"][0]["not_dispensed"] is not None
    assert (await tell("take", "t1", store="ICU-CUP", **wanted))["code"] == "conflict"
    assert (await tell("take", "t2", **wanted))["code"] == "invalid"


async def test_rooms_are_for_those_who_work_there(
    pharmacy: Pharmacy, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    async def joins(role: Role, room: str) -> str:
        socket = await socket_of(await client_as(role, ward="ICU"), PHARMACY)
        answer = await socket.call("subscribe", {"room": room}, namespace=PHARMACY)
        return str(answer.get("audience") or answer["error"]["code"])

    assert await joins(Role.PHARMACY, "dispensary:MAIN") == "staff"
    assert await joins(Role.PHARMACY, "dispensary:ICU-CUP") == "unknown_room"
    assert await joins(Role.PHARMACY, "dispensary") == "unknown_room"
    assert await joins(Role.DOCTOR, "dispensary:MAIN") == "forbidden"
    assert await joins(Role.NURSE, "dispensary:MAIN") == "forbidden"


async def test_a_nurse_looks_into_the_cupboard_of_the_own_ward_and_into_no_other_store(
    pharmacy: Pharmacy, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    await receive(pharmacy, "L1", 30, "20", store="ICU-CUP")
    await receive(pharmacy, "L2", 30, "20")
    here, away = await client_as(Role.NURSE, ward="ICU"), await client_as(Role.NURSE, ward="MED")

    async def joins(client: TestClient[Any, Any], room: str) -> list[str]:
        socket = await socket_of(client, PHARMACY)
        answer = await socket.call("subscribe", {"room": room}, namespace=PHARMACY)
        state = answer["state"] if answer["ok"] else {}
        return sorted(one["lot"] for key, one in state.items() if key.startswith("lot:"))

    async def listed(client: TestClient[Any, Any], path: str) -> set[str]:
        answer = await client.get(f"/api/v1/pharmacy/{path}")
        assert answer.status == 200, await answer.text()
        return {str(one["store"]) for one in (await answer.json())["items"]}

    assert await joins(here, "stock:ICU-CUP") == ["L1"]
    for client, room in ((away, "stock:ICU-CUP"), (here, "stock:MAIN"), (here, "stock:NOWHERE")):
        assert await joins(client, room) == []
    for path in ("stock", "levels"):
        assert await listed(here, path) == {"ICU-CUP"}
        assert await listed(here, f"{path}?store=MAIN") == set()
        assert await listed(away, path) == set()
    for path in ("ledger?lot_id=01900000-0000-7000-8000-000000000000", "write-offs"):
        assert (await here.get(f"/api/v1/pharmacy/{path}")).status == 403
