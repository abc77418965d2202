"""Namespace ``/lab`` over real sockets: rooms, who may join, commands."""

from typing import Any

from hms_rt.kernel.principal import Role
from tests.beds.test_channel import Heard
from tests.conftest import ClientFactory, SocketFactory
from tests.lab.conftest import Lab

LAB = "/lab"


async def test_a_test_goes_its_way_over_sockets_and_the_ward_watches(
    lab: Lab, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    order = await lab.order("LAC")
    test_id = str(order.tests[0].id)
    nurse = await socket_of(await client_as(Role.NURSE, ward="ICU"), LAB)
    anne, otto = [await socket_of(await client_as(Role.LAB), LAB) for _ in range(2)]
    doctor = await socket_of(await client_as(Role.DOCTOR, ward="ICU"), LAB)
    heard, work = Heard(doctor, LAB), Heard(anne, LAB)
    joined = await doctor.call("subscribe", {"room": "ward:ICU"}, namespace=LAB)
    assert (joined["ok"], joined["audience"], list(joined["state"])) == (
        True,
        "clinical",
        [f"test:{test_id}"],
    )
    joined = await anne.call("subscribe", {"room": "worklist"}, namespace=LAB)
    assert (joined["ok"], joined["audience"], list(joined["state"])) == (True, "staff", [f"test:{test_id}"])

    async def do(socket: Any, name: str, **body: Any) -> Any:
        answer = await socket.call(name, {"id": f"{name}-1", **body}, namespace=LAB)
        assert answer["ok"], answer
        return answer["result"]

    specimen = await do(nurse, "collect", order_id=str(order.id), kind="blood")
    await do(anne, "receive", specimen_id=specimen["id"])
    await do(anne, "enter_result", test_id=test_id, value="2.4")
    await do(otto, "verify", test_id=test_id)
    await do(otto, "release", test_id=test_id)

    seen: list[Any] = []
    done: list[Any] = []
    while not seen or seen[-1]["value"]["state"] != "released":
        seen += (await heard.next("change"))["ops"]
    while not done or done[-1]["op"] != "remove":
        done += (await work.next("change"))["ops"]
    assert [(op["cause"], op["value"]["flag"]) for op in seen] == [
        ("collected", None),
        ("received", None),
        ("resulted", None),
        ("verified", None),
        ("released", "high"),
    ]
    assert [(op["cause"], op.get("value", {}).get("flag")) for op in done] == [
        ("collected", None),
        ("received", None),
        ("resulted", "high"),
        ("verified", "high"),
        ("released", None),
    ]
    assert "2.4" not in str(seen) + str(done)


async def test_a_critical_value_is_relayed_read_back_acknowledged_and_closed_over_sockets(
    lab: Lab, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    order = await lab.order("LAC")
    await lab.received(order)
    client = await client_as(Role.DOCTOR, ward="ICU")
    socket = await socket_of(client, LAB)
    heard = Heard(socket, LAB)
    await socket.call("subscribe", {"room": "ward:ICU"}, namespace=LAB)
    await lab.enter(order.tests[0].id, "4.4")
    ops = {op["key"].split(":")[0]: op["value"] for op in (await heard.next("change"))["ops"]}
    assert (ops["test"]["state"], ops["test"]["flag"]) == ("resulted", "critical_high")
    assert (ops["alert"]["alert"], ops["alert"]["step"], ops["alert"]["red"]) == ("notified", "doctor", False)
    (alert,) = (await (await client.get("/api/v1/lab/alerts")).json())["items"]
    body = {"id": "a1", "alert_id": alert["id"], "note": "seen"}
    told = {
        "relay": await socket_of(await client_as(Role.NURSE, ward="ICU"), LAB),
        "read_back": await socket_of(await client_as(Role.LAB), LAB),
    }
    for name, other in told.items():
        assert (await other.call("acknowledge", body, namespace=LAB))["error"]["code"] == "forbidden"
        said = (await other.call(name, body, namespace=LAB))["result"]
        assert (said["state"], said[f"{name.replace('relay', 'relayed')}_by"] is None) == ("notified", False)
    for name, state in (("acknowledge", "acknowledged"), ("close_alert", "closed")):
        press = {**body, "id": name}
        answer = await socket.call(name, press, namespace=LAB)
        assert (answer["ok"], answer["result"]["state"]) == (True, state)
        assert await socket.call(name, press, namespace=LAB) == answer


async def test_rooms_are_for_those_who_work_there(
    lab: Lab, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    async def joins(*roles: Role, room: str, **places: str) -> str:
        socket = await socket_of(await client_as(*roles, **places), LAB)
        answer = await socket.call("subscribe", {"room": room}, namespace=LAB)
        return str(answer.get("audience") or answer["error"]["code"])

    assert await joins(Role.LAB, room="worklist") == "staff"
    assert await joins(Role.DOCTOR, room="worklist", ward="ICU") == "forbidden"
    assert await joins(Role.DOCTOR, room="clinic:GEN", clinic="GEN") == "clinical"
    assert await joins(Role.DOCTOR, room="clinic:GEN", ward="GEN") == "forbidden"
    assert await joins(Role.NURSE, room="ward:ICU", ward="MED") == "forbidden"
    assert await joins(Role.RECEPTION, room="ward:ICU") == "forbidden"
    assert await joins(Role.LAB, room="ward:ICU") == "staff"
    assert await joins(Role.LAB, room="ward") == "unknown_room"


async def test_a_refused_command_says_why(
    lab: Lab, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    order = await lab.order("LAC")
    socket = await socket_of(await client_as(Role.LAB), LAB)
    body = {"id": "k1", "test_id": str(order.tests[0].id), "value": "1.2"}
    answer = await socket.call("enter_result", body, namespace=LAB)
    assert (answer["error"]["code"], answer["error"]["state"]) == ("illegal_move", "ordered")
    answer = await socket.call("enter_result", body | {"value": 1.2}, namespace=LAB)
    assert answer["error"]["code"] == "invalid"
