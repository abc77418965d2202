"""Namespace ``/opd`` over real sockets: the queue's screen, audiences, commands."""

from typing import Any

from aiohttp.test_utils import TestClient

from hms_rt.kernel.principal import Role
from tests.beds.test_channel import Heard
from tests.conftest import ClientFactory, SocketFactory
from tests.opd.conftest import Opd

OPD = "/opd"
ROOM = {"room": "clinic:GEN"}


async def screen(client_as: ClientFactory, room: str) -> TestClient[Any, Any]:
    """An unattended screen, enrolled by the link that an administrator made."""
    admin, device = await client_as(Role.ADMIN), await client_as()
    answer = await admin.post("/api/v1/devices", json={"name": "Waiting room", "rooms": [room]})
    assert answer.status == 201, await answer.text()
    enrolled = await device.get((await answer.json())["path"], allow_redirects=False)
    assert enrolled.status == 303
    return device


async def test_a_call_reaches_the_screen_in_the_waiting_room_without_a_name(
    opd: Opd, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    token = await opd.issue(patient_id=await opd.patient("Sklodowska"))
    watching = await socket_of(await screen(client_as, "/opd clinic:GEN"), OPD)
    heard = Heard(watching, OPD)
    joined = await watching.call("subscribe", ROOM, namespace=OPD)
    assert (joined["ok"], joined["audience"], joined["mode"]) == (True, "display", "snapshot")
    key = f"token:{token.id}"
    assert set(joined["state"][key]) == {"label", "order", "state", "counter", "called_at", "due_at"}

    nurse = await socket_of(await client_as(Role.NURSE, clinic="GEN", counter="G1"), OPD)
    body = {"id": "press-1", "clinic": "GEN", "counter": "G1"}
    called = await nurse.call("call_next", body, namespace=OPD)
    assert (called["ok"], called["result"]["patient_name"]) == (True, "Sklodowska")
    assert await nurse.call("call_next", body, namespace=OPD) == called

    change = await heard.next("change")
    assert (change["from"], change["to"]) == (joined["version"], joined["version"] + 1)
    ops = {op["key"]: op for op in change["ops"]}
    assert (ops[key]["cause"], ops[key]["value"]["state"], ops[key]["value"]["counter"]) == (
        "called",
        "called",
        "G1",
    )
    assert (ops["summary"]["value"]["called"], ops["summary"]["value"]["waiting"]) == (1, 0)
    assert "Sklodowska" not in str(joined) + str(change)
    for command in ("call_next", "issue", "serve"):
        refused = await watching.call(command, {"id": "x", **body}, namespace=OPD)
        assert refused["ok"] is False, command


async def test_every_command_of_the_namespace_does_what_rest_does(
    opd: Opd, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    nurse = await socket_of(await client_as(Role.NURSE, clinic="GEN", counter="G1"), OPD)
    presses = iter(range(1000))

    async def do(name: str, **body: Any) -> Any:
        answer = await nurse.call(name, {"id": f"press-{next(presses)}", **body}, namespace=OPD)
        assert answer["ok"], (name, answer)
        return answer["result"]

    token = (await do("issue", clinic="GEN", priority="urgent"))["id"]
    assert (await do("close_counter", counter="G1"))["open"] is False
    assert (await do("open_counter", counter="G1"))["open"] is True
    states = [(await do("call", token_id=token, counter="G1"))["state"]]
    states += [(await do(name, token_id=token))["state"] for name in ("recall", "hold", "resume")]
    states.append((await do("call_next", clinic="GEN", counter="G1"))["state"])
    states += [(await do(name, token_id=token))["state"] for name in ("no_show", "requeue")]
    await do("call", token_id=token, counter="G1")
    states.append((await do("serve", token_id=token))["state"])
    onward = await do("transfer", token_id=token, clinic="EYE")
    assert (onward["clinic"], onward["label"]) == ("EYE", "A-001")
    assert states == ["called", "waiting", "on_hold", "waiting", "called", "no_show", "waiting", "serving"]
    other = (await do("issue", clinic="GEN"))["id"]
    assert (await do("cancel", token_id=other, reason="went home"))["state"] == "cancelled"
    await do("issue", clinic="GEN")
    third = (await do("call_next", clinic="GEN", counter="G1"))["id"]
    await do("serve", token_id=third)
    assert (await do("done", token_id=third))["state"] == "done"


async def test_a_visit_goes_its_way_over_sockets_and_a_repeated_press_does_it_once(
    opd: Opd, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    nurse = await socket_of(await client_as(Role.NURSE, clinic="GEN", counter="G1"), OPD)
    doctor = await socket_of(await client_as(Role.DOCTOR, clinic="GEN", counter="G1"), OPD)
    presses = iter(range(1000))

    async def do(socket: Any, name: str, **body: Any) -> Any:
        press = {"id": f"press-{next(presses)}", **body}
        answer = await socket.call(name, press, namespace=OPD)
        assert answer["ok"], (name, answer)
        assert await socket.call(name, press, namespace=OPD) == answer
        return answer["result"]

    curie, hahn = str(await opd.patient("Curie")), str(await opd.patient("Hahn"))
    token = await do(nurse, "issue", clinic="GEN", patient_id=curie)
    visit = await do(nurse, "open_visit", clinic="GEN", patient_id=curie)
    assert (visit["state"], visit["token_id"]) == ("arrived", token["id"])
    early = {"id": "early", "visit_id": visit["id"], "expected_version": visit["version"]}
    refused = await doctor.call("consult", early, namespace=OPD)
    assert (refused["error"]["code"], "call it first" in refused["error"]["message"]) == ("conflict", True)
    await do(doctor, "call_next", clinic="GEN", counter="G1")
    seen = await do(doctor, "consult", visit_id=visit["id"], expected_version=visit["version"])
    stale = {"id": "stale", "visit_id": visit["id"], "expected_version": visit["version"]}
    refused = await doctor.call("close_visit", {**stale, "disposition": "home"}, namespace=OPD)
    assert refused["error"]["code"] == "stale_version"
    closed = await do(doctor, "close_visit", visit_id=seen["id"], disposition="home")
    assert (closed["state"], closed["disposition"], closed["version"]) == ("closed", "home", 3)
    for name, state in (("leave", "left"), ("cancel_visit", "cancelled")):
        other = await do(nurse, "open_visit", clinic="GEN", patient_id=hahn)
        refused = await nurse.call("consult", {"id": name, "visit_id": other["id"]}, namespace=OPD)
        assert refused["error"]["code"] == "forbidden"
        assert (await do(nurse, name, visit_id=other["id"], reason="went home"))["state"] == state


async def test_a_refused_command_says_why(
    opd: Opd, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    token = await opd.issue()
    nurse = await socket_of(await client_as(Role.NURSE, clinic="GEN", counter="G1"), OPD)
    body = {"id": "k1", "token_id": str(token.id)}
    refused = (await nurse.call("serve", body, namespace=OPD))["error"]
    assert (refused["code"], refused["state"]) == ("illegal_move", "waiting")
    assert refused["legal"] == ["call", "cancel", "day_end", "hold"]
    stale = {**body, "id": "k2", "expected_version": 7}
    assert (await nurse.call("hold", stale, namespace=OPD))["error"]["code"] == "stale_version"
    bad: list[Any] = [{**body, "token_id": 7}, {**body, "surprise": 1}, {"id": "k3"}, [], "x", None]
    for wrong in bad:
        assert (await nurse.call("hold", wrong, namespace=OPD))["ok"] is False, wrong
    unknown = await nurse.call("_move", body, namespace=OPD)
    assert unknown["error"]["code"] == "unknown_command"


async def test_rooms_are_for_those_who_work_there(
    opd: Opd, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    async def joins(client: TestClient[Any, Any], room: str = "clinic:GEN") -> str:
        socket = await socket_of(client, OPD)
        answer = await socket.call("subscribe", {"room": room}, namespace=OPD)
        return str(answer.get("audience") or answer["error"]["code"])

    assert await joins(await client_as(Role.DOCTOR, clinic="GEN")) == "clinical"
    assert await joins(await client_as(Role.RECEPTION)) == "staff"
    assert await joins(await client_as(Role.NURSE, clinic="EYE")) == "forbidden"
    assert await joins(await screen(client_as, "/opd clinic:EYE")) == "forbidden"
    assert await joins(await client_as(Role.RECEPTION), "clinic:NONE") == "unknown_room"
