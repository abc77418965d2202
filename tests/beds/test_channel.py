"""Ward boards over a real socket: audiences, commands, resuming."""

import asyncio
from typing import Any

from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory, SocketFactory, WardFactory


class Heard:
    """Collects events of one socket and waits for the next of a kind."""

    def __init__(self, socket: Any, namespace: str = "/beds") -> None:
        self._queues: dict[str, asyncio.Queue[Any]] = {}
        for event in ("change", "snapshot", "heartbeat", "revoked", "going_away"):
            self._queues[event] = asyncio.Queue()
            socket.on(event, self._queues[event].put_nowait, namespace=namespace)

    async def next(self, event: str, seconds: float = 30) -> Any:
        return await asyncio.wait_for(self._queues[event].get(), seconds)


async def test_a_nurse_sees_a_colleagues_change_on_the_board(
    client_as: ClientFactory, socket_of: SocketFactory, ward: WardFactory
) -> None:
    beds = await ward("ICU", beds=2)
    nurse = await client_as(Role.NURSE, ward="ICU")
    socket = await socket_of(nurse, "/beds")
    heard = Heard(socket)

    joined = await socket.call("subscribe", {"room": "ward:ICU"}, namespace="/beds")
    assert (joined["ok"], joined["mode"], joined["audience"]) == (True, "snapshot", "clinical")
    assert joined["state"]["occupancy"]["available"] == 2
    assert joined["version"] == 3

    answer = await nurse.patch(
        f"/api/v1/beds/{beds[0].id}", json={"status": "cleaning"}, headers={"If-Match": '"1"'}
    )
    assert answer.status == 200, await answer.text()

    change = await heard.next("change")
    assert (change["room"], change["from"], change["to"]) == ("ward:ICU", 3, 4)
    assert change["epoch"] == joined["epoch"]
    ops = {op["key"]: op for op in change["ops"]}
    assert ops[f"bed:{beds[0].id}"]["value"]["status"] == "cleaning"
    assert ops["occupancy"]["value"] == joined["state"]["occupancy"] | {"available": 1, "cleaning": 1}


async def test_a_command_over_the_socket_does_what_rest_does_and_once(
    client_as: ClientFactory, socket_of: SocketFactory, ward: WardFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    socket = await socket_of(await client_as(Role.NURSE, ward="ICU"), "/beds")
    body = {"id": "press-1", "bed_id": str(bed.id), "status": "cleaning"}

    first = await socket.call("change_bed", body, namespace="/beds")
    assert first["ok"], first
    assert first["result"]["status"] == "cleaning"
    assert await socket.call("change_bed", body, namespace="/beds") == first

    refused = await socket.call("change_bed", body | {"id": "press-2"}, namespace="/beds")
    assert refused["error"]["code"] == "illegal_move"
    assert refused["error"]["legal"] == ["available", "out_of_service"]


async def test_a_client_resumes_where_it_stopped(
    client_as: ClientFactory, socket_of: SocketFactory, ward: WardFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    socket = await socket_of(nurse, "/beds")
    joined = await socket.call("subscribe", {"room": "ward:ICU"}, namespace="/beds")
    await socket.call("unsubscribe", {"room": "ward:ICU"}, namespace="/beds")
    for number, status in enumerate(("cleaning", "available"), start=1):
        await socket.call(
            "change_bed", {"id": f"k{number}", "bed_id": str(bed.id), "status": status}, namespace="/beds"
        )

    since = {"epoch": joined["epoch"], "version": joined["version"]}
    resumed = await socket.call("subscribe", {"room": "ward:ICU", "since": since}, namespace="/beds")
    assert resumed["mode"] == "resume"
    (change,) = resumed["changes"]
    assert (change["from"], change["to"]) == (joined["version"], resumed["version"])
    assert {op["key"] for op in change["ops"]} == {f"bed:{bed.id}", "occupancy"}

    strange = await socket.call(
        "subscribe", {"room": "ward:ICU", "since": {"epoch": "another", "version": 1}}, namespace="/beds"
    )
    assert strange["mode"] == "snapshot"


async def test_reception_gets_the_board_without_patients_and_others_get_none(
    client_as: ClientFactory, socket_of: SocketFactory, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    reception = await socket_of(await client_as(Role.RECEPTION), "/beds")
    joined = await reception.call("subscribe", {"room": "ward:ICU"}, namespace="/beds")
    assert joined["audience"] == "staff"
    assert all("occupant" not in value for value in joined["state"].values())

    lab = await socket_of(await client_as(Role.LAB), "/beds")
    refused = await lab.call("subscribe", {"room": "ward:ICU"}, namespace="/beds")
    assert refused == {
        "ok": False,
        "error": {"code": "forbidden", "message": "your role or assignment does not allow this"},
    }


async def test_an_unknown_ward_is_no_room(client_as: ClientFactory, socket_of: SocketFactory) -> None:
    socket = await socket_of(await client_as(Role.RECEPTION), "/beds")
    for room in ("ward:NONE", "ward", "hospital:1", "nothing:1"):
        answer = await socket.call("subscribe", {"room": room}, namespace="/beds")
        assert answer["error"]["code"] == "unknown_room", room


async def test_heartbeats_tell_the_heads(
    client_as: ClientFactory, socket_of: SocketFactory, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    socket = await socket_of(await client_as(Role.NURSE, ward="ICU"), "/beds")
    heard = Heard(socket)
    joined = await socket.call("subscribe", {"room": "ward:ICU"}, namespace="/beds")
    beat = await heard.next("heartbeat", seconds=7)
    if not beat["heads"]:  # it was on its way before the room was joined
        beat = await heard.next("heartbeat", seconds=7)
    assert beat["heads"] == {"ward:ICU": [joined["epoch"], joined["version"]]}
