"""What a client can make grow has a limit, an answer beyond it, and a line in the AsyncAPI page."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError
from aiohttp.test_utils import TestServer

from hms_rt.app import Hospital
from hms_rt.config import Settings
from hms_rt.kernel.principal import Role
from hms_rt.realtime import namespace, subscriber, subscriptions
from tests.conftest import ClientFactory, WardFactory
from tests.realtime.conftest import Client, RawFactory, address, cookie_of
from tests.realtime.raw import PATH, Raw, until
from tests.realtime.test_handshake import handshake

PER_PRINCIPAL, PER_ADDRESS = 2, 4


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"sockets_per_principal": PER_PRINCIPAL, "sockets_per_address": PER_ADDRESS}
    )


async def answers_to(raw: Raw, events: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """Send all without waiting; what was answered, in the order of the answers."""
    answers: list[Any] = []
    for event, body in events:
        await raw.ask("/beds", answers.append, event, body)
    await until(lambda: len(answers) == len(events), 20)
    return answers


async def test_events_beyond_the_rate_are_refused_and_the_connection_goes_on(
    client_as: ClientFactory, dial: RawFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "EVENTS_PER_SECOND", 0.0)
    raw = await dial(await client_as(Role.NURSE), "/beds")
    answers = await answers_to(raw, [("unsubscribe", {"room": "ward:ICU"})] * 180)
    refused = [answer["error"] for answer in answers if not answer["ok"]]
    assert [answer["ok"] for answer in answers] == [True] * 100 + [False] * 80
    assert {error["code"] for error in refused} == {"rate_limited"}
    assert all(error["retry_after_ms"] > 0 for error in refused)
    monkeypatch.undo()
    async with asyncio.timeout(10):
        while not (await raw.call("/beds", "unsubscribe", {"room": "ward:ICU"}))["ok"]:
            await asyncio.sleep(0.02)
    assert not raw.closed.is_set()


async def test_rooms_are_counted_over_all_namespaces_of_a_connection(
    client_as: ClientFactory, dial: RawFactory, ward: WardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "MAX_ROOMS", 2)
    for code in ("ICU", "MED"):
        await ward(code, beds=1)
    raw = await dial(await client_as(Role.RECEPTION), "/beds", "/notifications")

    async def join(room: str, where: str = "/beds") -> Any:
        answer = await raw.call(where, "subscribe", {"room": room})
        return answer["ok"] or answer["error"]["code"]

    assert await join("me", "/notifications") is True
    assert await join("ward:ICU") is True
    assert await join("ward:MED") == "too_many_rooms"
    assert await join("ward:ICU") is True, "it is joined already"
    assert (await raw.call("/beds", "unsubscribe", {"room": "ward:ICU"}))["ok"]
    assert await join("ward:MED") is True


async def test_connections_are_counted_by_person_and_by_address(
    server: TestServer, client_as: ClientFactory, dial: RawFactory
) -> None:
    people = [await client_as(Role.NURSE) for _ in range(3)]
    held = [await dial(person, "/beds") for person in people[:2] for _ in range(PER_PRINCIPAL)]
    await _refused(server, people[0], "of one person")
    await _refused(server, people[2], "from one address")
    await held[0].close()
    again = await taken(server, people[0])
    await _refused(server, people[0], "as many as before")
    await again.close()


async def taken(server: TestServer, client: Client) -> Raw:
    """A connection that must be had, soon: the server may still be busy with one that was hung up."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await Raw.dial(address(server), cookie_of(client))
            except WSServerHandshakeError as refusal:
                if refusal.status != 429:
                    raise
                await asyncio.sleep(0.02)


async def _refused(server: TestServer, client: Client, why: str) -> None:
    status, kind, problem = await handshake(server, cookie_of(client))
    assert (status, kind, problem["code"]) == (429, "application/problem+json", "rate_limited"), why
    answer = await client.session.get(
        address(server) + PATH, headers={"Connection": "Upgrade", "Upgrade": "websocket"}
    )
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_client_has_one_event_under_way_and_the_rest_in_order(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way: list[int] = []
    dispatch = namespace.DepartmentNamespace._dispatch

    async def watched(self: Any, *args: Any) -> Any:
        under_way.append(hospital.realtime.busy)
        return await dispatch(self, *args)

    monkeypatch.setattr(namespace.DepartmentNamespace, "_dispatch", watched)
    raw = await dial(await client_as(Role.RECEPTION), "/beds")
    events = [("subscribe", {"room": f"ward:{number}"}) for number in range(40)]
    events[20] = ("unsubscribe", {"room": "ward:20"})
    answers = await answers_to(raw, events)
    assert [answer["ok"] for answer in answers].index(True) == 20
    assert set(under_way) == {1}


async def test_a_process_handles_so_many_events_at_once_and_no_more(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = await dial(await client_as(Role.RECEPTION), "/beds")
    monkeypatch.setattr(namespace, "MAX_BUSY", 0)
    error = (await raw.call("/beds", "unsubscribe", {"room": "ward:ICU"}))["error"]
    assert (error["code"], error["retry_after_ms"] > 0) == ("unavailable", True)
    monkeypatch.undo()
    assert (await raw.call("/beds", "unsubscribe", {"room": "ward:ICU"}))["ok"]
    assert hospital.realtime.busy == 0


async def test_every_limit_is_told_with_what_lies_beyond(
    server: TestServer, client_as: ClientFactory
) -> None:
    nurse = await client_as(Role.NURSE)
    document = json.loads(await (await nurse.get("/asyncapi.json")).text())
    limits, beyond = document["x-limits"], document["x-beyond-limits"]
    assert list(limits) == list(beyond)
    wanted = {
        "message_bytes",
        "binary_messages",
        "events_per_second",
        "rooms_per_connection",
        "connections_per_principal",
        "connections_per_address",
        "connect_s",
        "pending_events_per_connection",
        "pending_events_per_process",
    }
    assert wanted <= set(limits)
    codes = {
        code for code in document["x-close-codes"] if any(f"code {code}" in told for told in beyond.values())
    }
    assert codes == {"1003", "1006", "1008", "1009"}
