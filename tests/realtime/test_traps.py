"""One regression test for every trap of python-socketio and engineio that the design names (§5).

Those of the handshake are in ``test_handshake``.
"""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import WSMsgType
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.kernel.principal import Role
from hms_rt.realtime.connections import Connection
from hms_rt.realtime.pace import FLOOD, MESSAGE_BURST
from tests.conftest import ClientFactory, WardFactory
from tests.realtime.conftest import RawFactory
from tests.realtime.raw import Raw, until

# --- nothing before the namespace


async def test_nothing_reaches_a_socket_before_it_entered_a_namespace(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory, ward: WardFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    outside = await dial(nurse)
    inside = await dial(nurse, "/beds")
    await outside.send('42/beds,1["subscribe",{"room":"ward:ICU"}]')
    await inside.call("/beds", "subscribe", {"room": "ward:ICU"})
    await inside.call("/beds", "change_bed", {"id": "1", "bed_id": str(bed.id), "status": "cleaning"})
    await until(lambda: len(inside.events("change")) == 1)
    for subscriber in hospital.realtime.pulse.everyone():
        subscriber.send("change", {"to": "everybody"})
    await until(lambda: len(inside.events("change")) == 2)
    assert [frame[0] for frame in outside.frames] == ["0"]


async def test_a_connect_that_still_waits_hears_nothing(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket is in the namespace's own room already: so nothing may ever be emitted to that room."""
    nurse = await client_as(Role.NURSE, ward="ICU")
    inside, outside = await dial(nurse, "/beds"), await dial(nurse)
    release = asyncio.Event()
    accept = hospital.realtime.accept

    async def slow(namespace: str, sid: str, connection: Connection) -> None:
        await release.wait()
        await accept(namespace, sid, connection)

    monkeypatch.setattr(hospital.realtime, "accept", slow)
    await outside.send("40/beds,")
    await outside.send('42/beds,1["subscribe",{"room":"ward:ICU"}]')
    for subscriber in hospital.realtime.pulse.everyone():
        subscriber.send("heartbeat", {})
    await until(lambda: bool(inside.events("heartbeat")))
    assert [frame[0] for frame in outside.frames] == ["0"]
    release.set()
    await until(lambda: len(outside.frames) >= 3)  # a heartbeat may come along
    assert outside.frames[1].startswith('40/beds,{"sid"')


async def test_an_exception_in_connect_refuses(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = await dial(await client_as(Role.NURSE, ward="ICU"))

    def fail(*args: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(hospital.realtime, "accept", fail)
    assert await raw.enter("/beds") == {"refused": {"message": "internal"}}
    assert hospital.realtime.pulse.everyone() == []
    await raw.send('42/beds,1["subscribe",{"room":"ward:ICU"}]')
    await asyncio.sleep(0.1)
    assert len(raw.frames) == 2


async def test_a_namespace_is_one_of_ours_and_entered_once(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory
) -> None:
    raw = await dial(await client_as(Role.NURSE), "/beds")
    for namespace in ("/", "/nothing", "/*", "/admin"):
        assert "refused" in await raw.enter(namespace), namespace
    assert "refused" in await raw.enter("/beds")
    assert len(hospital.realtime.pulse.everyone()) == 1
    await raw.close()
    await until(lambda: hospital.realtime.pulse.everyone() == [])
    await until(lambda: hospital.realtime.sio.known() == 0)


# --- what may be called from outside

FORGED: list[list[Any]] = [
    [],
    [{}],
    [{"aiohttp.request": {}}],
    ["forged", {"REMOTE_ADDR": "10.0.0.1"}],
    [{"aiohttp.request": {"principal": "admin"}}, None],
]


async def test_events_named_connect_and_disconnect_are_harmless(
    client_as: ClientFactory, dial: RawFactory, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    raw = await dial(await client_as(Role.NURSE, ward="ICU"), "/beds")
    for arguments in FORGED:
        for event in ("connect", "disconnect"):
            answer = await raw.call("/beds", event, *arguments)
            assert answer["ok"] is False
            assert answer["error"]["code"] in {"unknown_command", "malformed"}
        assert (await raw.call("/beds", "subscribe", {"room": "ward:ICU"}))["ok"]


NO_COMMANDS: list[object] = [
    *("nothing", "trigger_event", "on_connect", "_connect", "emit", "__init__", "*", ""),
    *(7, None, True, 1.5),
]


async def test_an_unknown_event_is_refused_and_never_acknowledged_as_done(
    client_as: ClientFactory, dial: RawFactory
) -> None:
    raw = await dial(await client_as(Role.NURSE), "/beds")
    for event in NO_COMMANDS:
        answer = await raw.call("/beds", event, {"room": "ward:ICU"})
        assert answer["ok"] is False, event
        assert answer["error"]["code"] == "unknown_command", event
        assert "subscribe" in answer["error"]["commands"]


async def test_an_event_carries_exactly_one_object(client_as: ClientFactory, dial: RawFactory) -> None:
    raw = await dial(await client_as(Role.NURSE), "/beds")
    room = {"room": "ward:ICU"}
    bodies: list[list[Any]] = [[], [None], ["text"], [1], [[]], [{}, {}], [room, "more"], [True]]
    for body in bodies:
        answer = await raw.call("/beds", "subscribe", *body)
        assert answer["error"]["code"] == "malformed", body
    answer = await raw.call("/beds", "subscribe", {**room, "audience": "clinical"})
    assert answer["error"]["code"] == "invalid"


BAD_PACKETS = (
    *("4", "4x", "49/beds,", "42/beds,1{}", "42/beds,1[", "42/beds,1[]", "42", '42["subscribe",{}]'),
    '42/beds,1["subscribe",NaN]',
    '42/beds,1["subscribe",{"room":"a","room":"b"}]',
    '42/beds,1[["subscribe"],{}]',
    '42/beds,1[{"subscribe":1},{}]',
    "42/beds,1" + "[" * 3000 + "]" * 3000,
    "42/beds," + "9" * 5000 + "[]",
    '43/beds,1["forged acknowledgement"]',
    '44/beds,{"message":"x"}',
    "41/lab,",
    '42/lab,1["subscribe",{"room":"worklist"}]',
)


async def test_a_bad_packet_costs_its_sender_at_most_the_connection(
    client_as: ClientFactory, dial: RawFactory
) -> None:
    nurse = await client_as(Role.NURSE)
    neighbour = await dial(nurse, "/beds")
    for packet in BAD_PACKETS:
        bad = await dial(nurse, "/beds")
        await bad.send(packet)
        await neighbour.call("/beds", "unsubscribe", {"room": "x"})
        await asyncio.sleep(0.02)
        if not bad.closed.is_set():
            assert (await bad.call("/beds", "unsubscribe", {"room": "x"}))["ok"], packet
        await bad.close()
    assert not neighbour.closed.is_set()


# --- binary and size


async def test_binary_is_refused(client_as: ClientFactory, dial: RawFactory) -> None:
    nurse = await client_as(Role.NURSE)
    for packet in ('451-/beds,["subscribe",{"_placeholder":true,"num":0}]', "461-/beds,1[{}]", "b4AAAA"):
        raw = await dial(nurse, "/beds")
        await raw.send(packet)
        await raw.hung_up()
    raw = await dial(nurse, "/beds")
    await raw.ws.send_bytes(b"\x04attachment")
    await raw.hung_up()


@pytest.mark.parametrize("kind", ["\u0665", "\u0666", "5", "4", "7"])
async def test_a_kind_of_packet_that_only_looks_like_another_hoards_nothing(
    kind: str, client_as: ClientFactory, dial: RawFactory, hospital: Hospital
) -> None:
    """The library reads the digits of every script, and keeps what follows as attachments."""
    raw = await dial(await client_as(Role.NURSE), "/beds")
    await raw.send(f'4{kind}9999999999-/beds,["subscribe",{{}}]')
    await raw.hung_up()
    server: Any = getattr(hospital.realtime.sio, "sio", hospital.realtime.sio)
    assert server._binary_packet == {}


async def test_over_64_kib_is_refused(client_as: ClientFactory, dial: RawFactory) -> None:
    nurse = await client_as(Role.NURSE)
    fits = await dial(nurse, "/beds")
    answer = await fits.call("/beds", "nothing", {"x": "y" * 60_000})
    assert answer["error"]["code"] == "unknown_command"
    for fragment in (True, False):
        raw = await dial(nurse, "/beds")
        await oversize(raw, fragmented=fragment)
        await raw.hung_up()


def _frame(first: int, payload: bytes) -> bytes:
    """A masked WebSocket frame of 126 to 65,535 bytes; the mask is zero."""
    return bytes((first, 0x80 | 126)) + len(payload).to_bytes(2, "big") + bytes(4) + payload


async def oversize(raw: Raw, *, fragmented: bool) -> None:
    text = ('42/beds,1["nothing",{"x":"' + "y" * 70_000 + '"}]').encode()
    if fragmented:
        raw.write(_frame(0x01, text[:40_000]) + _frame(0x80, text[40_000:]))
    else:
        await raw.ws.send_frame(text, WSMsgType.TEXT)


async def test_a_client_that_floods_is_thrown_out(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory
) -> None:
    """Packets that are no events cost as much and are refused by nobody."""
    raw = await dial(await client_as(Role.NURSE), "/beds")
    with suppress(ConnectionError):
        for _ in range(4 * (FLOOD + int(MESSAGE_BURST))):
            await raw.send("43/beds,1[]")
    await raw.hung_up()
    await until(lambda: hospital.realtime.sio.known() == 0)


# --- leaving


async def test_a_refused_session_closes_the_transport_too(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory
) -> None:
    raw = await dial(await client_as(Role.NURSE), "/beds")
    (subscriber,) = hospital.realtime.pulse.everyone()
    await subscriber.outlet.close()
    await raw.hung_up(3)
    await until(lambda: hospital.realtime.pulse.everyone() == [])
    await until(lambda: hospital.realtime.sio.known() == 0)


async def test_a_client_that_leaves_its_last_namespace_is_hung_up(
    client_as: ClientFactory, dial: RawFactory
) -> None:
    raw = await dial(await client_as(Role.NURSE), "/beds", "/lab")
    await raw.send("41/lab,")
    assert (await raw.call("/beds", "unsubscribe", {"room": "x"}))["ok"]
    await raw.send("41/beds,")
    await raw.hung_up(3)


async def test_a_socket_that_enters_no_namespace_is_dropped(
    client_as: ClientFactory, dial: RawFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hms_rt.realtime.server.CONNECT_S", 0.2)
    raw = await dial(await client_as(Role.NURSE))
    await raw.hung_up(3)


# --- who and from where


async def test_the_address_is_the_requests(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory, ward: WardFactory
) -> None:
    """Engine.IO would say 127.0.0.1 of everybody; behind a proxy that is not listed it stays the peer's."""
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    raw = await dial(nurse, "/beds", headers={"X-Forwarded-For": "198.51.100.7"})
    assert [subscriber.address for subscriber in hospital.realtime.pulse.everyone()] == ["127.0.0.1"]
    change = {"id": "1", "bed_id": str(bed.id), "status": "cleaning"}
    assert (await raw.call("/beds", "change_bed", change))["ok"]
    async with hospital.engine.connect() as connection:
        found = await connection.execute(text("SELECT address FROM audit_log WHERE action = 'bed.change'"))
        assert [str(address) for address in found.scalars()] == ["127.0.0.1"]
