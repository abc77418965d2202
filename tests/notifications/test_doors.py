"""REST and the socket namespace of notifications, end to end."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory, SocketFactory
from tests.notifications.conftest import Tell


async def test_a_connected_user_is_told_at_once_and_acknowledges_over_the_socket(
    client_as: ClientFactory, socket_of: SocketFactory, tell: Tell
) -> None:
    client = await client_as(Role.DOCTOR)
    me = uuid.UUID((await (await client.get("/api/v1/auth/me")).json())["id"])
    (waiting,) = await tell(me)

    socket = await socket_of(client, "/notifications")
    changes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    socket.on("change", changes.put, namespace="/notifications")
    opened = await socket.call("subscribe", {"room": "me"}, namespace="/notifications", timeout=30)
    assert (opened["audience"], list(opened["state"])) == ("own", [str(waiting)])

    (urgent,) = await tell(me)
    put = await asyncio.wait_for(changes.get(), 5)
    assert [(op["op"], op["key"], op["cause"]) for op in put["ops"]] == [("put", str(urgent), "notified")]

    receipt = {"id": "r1", "ids": [str(urgent)]}
    for _ in range(2):
        acked = await socket.call("seen", receipt, namespace="/notifications", timeout=30)
        assert acked == {"ok": True, "result": {"unseen": 1}}
    removed = await asyncio.wait_for(changes.get(), 5)
    assert [(op["op"], op["key"]) for op in removed["ops"]] == [("remove", str(urgent))]

    (wanted,) = await tell(me, acknowledge_within=timedelta(hours=1))
    await asyncio.wait_for(changes.get(), 5)
    press = {"id": "r2", "notification_id": str(wanted)}
    for _ in range(2):
        acked = await socket.call("acknowledge", press, namespace="/notifications", timeout=30)
        assert (acked["ok"], acked["result"]["acknowledged_at"] is None) == (True, False)
    removed = await asyncio.wait_for(changes.get(), 5)
    assert [(op["op"], op["key"]) for op in removed["ops"]] == [("remove", str(wanted))]
    other = await socket_of(await client_as(Role.NURSE), "/notifications")
    refused = await other.call("acknowledge", press, namespace="/notifications", timeout=30)
    assert refused["error"]["code"] == "not_found"


async def test_rest_lists_and_marks_the_callers_own(client_as: ClientFactory, tell: Tell) -> None:
    client = await client_as(Role.NURSE)
    me = uuid.UUID((await (await client.get("/api/v1/auth/me")).json())["id"])
    (told,) = await tell(me)
    listed = await (await client.get("/api/v1/notifications?unseen=true")).json()
    assert [item["id"] for item in listed["items"]] == [str(told)]
    answer = await client.post("/api/v1/notifications/seen", json={"ids": [str(told)]})
    assert (answer.status, await answer.json()) == (200, {"unseen": 0})
    again = await (await client.get("/api/v1/notifications?unseen=true")).json()
    assert again == {"items": [], "next_cursor": None}
