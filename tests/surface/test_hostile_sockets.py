"""Bad input over a socket: every command, every room, and frames that are no packets at all."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from channels import CHANNELS
from hms_rt.kernel.errors import Code
from tests.realtime.raw import Raw
from tests.surface.hostile import Plan, plans, resolved, spoil
from tests.surface.hostile_values import FRAMES, VALUES
from tests.surface.samples import fields
from tests.surface.sockets import COMMAND_IDS, DECLARED, SOCKET_COMMANDS, payload
from tests.surface.test_hostile_input import EXAMPLES, TOO_MUCH, Attacker
from tests.surface.world import World

NAMESPACES = [channel.NAMESPACE for channel in CHANNELS]
ENVELOPE = ["id", "expected_version"]
NO_ROOMS = (
    "ward:",
    ":",
    "ward",
    "hospital:x",
    "me:x",
    "worklist:x",
    "alerts:x",
    "w" * 64,
    "ward:" + "W" * 41,
)
NO_COMMANDS: tuple[Any, ...] = (
    "",
    "nothing",
    "connect",
    "disconnect",
    "__class__",
    "trigger_event",
    "é",
    None,
    1,
    [],
    {},
)
HUNG_UP = {"hung up": True}


class Line:
    """A connection that is dialled anew when the server hung up."""

    def __init__(self, world: World, cookie: str) -> None:
        self._url = str(world.server.make_url("")).rstrip("/")
        self._cookie = cookie
        self._raw: Raw | None = None

    async def raw(self, namespace: str | None = None) -> Raw:
        if self._raw is None or self._raw.closed.is_set():
            await self.close()
            self._raw = await Raw.dial(self._url, self._cookie)
        if namespace is not None and namespace not in self._raw.heard:
            assert "sid" in await self._raw.enter(namespace)
            self._raw.heard[namespace] = lambda event, body: None
        return self._raw

    async def call(self, namespace: str, event: object, *said: Any) -> dict[str, Any]:
        """The acknowledgement; ``HUNG_UP`` for a packet that the server takes for an attack."""
        raw = await self.raw(namespace)
        answer = asyncio.ensure_future(raw.call(namespace, event, *said))
        gone = asyncio.ensure_future(raw.hung_up())
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not answer.done():
            answer.cancel()
            return HUNG_UP
        told: dict[str, Any] = answer.result()
        return told

    async def close(self) -> None:
        if self._raw is not None:
            await self._raw.close()
        self._raw = None


@pytest_asyncio.fixture(scope="module")
async def attacker(world: World) -> Attacker:
    made = Attacker(world, [await world.everybody()], await world.client())
    await made.prepare()
    return made


@pytest_asyncio.fixture(scope="module")
async def line(world: World) -> AsyncIterator[Line]:
    """Signed in as somebody with every permission."""
    made = Line(world, world.cookies(await world.everybody()))
    yield made
    await made.close()


def check(told: dict[str, Any]) -> None:
    """What every acknowledgement is like."""
    if told is HUNG_UP or told["ok"] is True:
        return
    assert set(told) == {"ok", "error"}
    assert told["error"]["code"] in set(Code) - {Code.INTERNAL, Code.INTEGRITY, Code.UNAVAILABLE}, told
    assert told["error"]["message"]
    assert not TOO_MUCH.search(json.dumps(told)), told


@pytest.mark.parametrize(("namespace", "name"), SOCKET_COMMANDS, ids=COMMAND_IDS)
@EXAMPLES
@given(data=st.data())
async def test_bad_commands_are_refused_with_a_reason(
    namespace: str, name: str, world: World, attacker: Attacker, line: Line, data: st.DataObject
) -> None:
    names = [*fields(DECLARED[namespace, name].schema), *ENVELOPE]
    plan: Plan = data.draw(plans(len(names), 0))
    said = {
        "id": str(uuid.uuid4()),
        **await attacker.remembered(f"{namespace} {name}", payload(world, namespace, name)),
    }
    sent = resolved(spoil(said, names, plan), attacker.kin)

    before = await world.census()
    told = await line.call(namespace, name, sent)
    check(told)
    if told.get("ok") is True:
        attacker.forget(f"{namespace} {name}")
    else:
        assert await world.census() == before


@pytest.mark.parametrize("namespace", NAMESPACES)
async def test_bad_subscriptions_are_refused_with_a_reason(
    namespace: str, world: World, attacker: Attacker, line: Line
) -> None:
    before = await world.census()
    epoch = {"epoch": "x", "version": 1 << 61}
    for value in resolved(list(VALUES), attacker.kin):
        for said in ({"room": value}, {"room": "ward:ICU", "since": value}, value):
            told = await line.call(namespace, "subscribe", said)
            check(told)
    for room in NO_ROOMS:
        told = await line.call(namespace, "subscribe", {"room": room, "since": epoch})
        assert told["ok"] is False, (room, told)
        check(told)
    for event in NO_COMMANDS:
        check(await line.call(namespace, event, {}))
        check(await line.call(namespace, event))
        check(await line.call(namespace, event, {}, {}))
    assert await world.census() == before


async def test_frames_that_are_no_packets_harm_nobody(world: World, line: Line) -> None:
    bystander = await world.socket(await world.everybody(), "/beds")
    lost: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: lost.append(context))
    before = await world.census()
    try:
        with capture_logs() as logged:
            for frame in FRAMES:
                for namespace in (None, "/beds"):
                    await (await line.raw(namespace)).send(frame)
                    await line.close()
            for octets in (b"\x00" * 64, b"\xff" * 64, b"\x81\x04\xff\xfe\xfd\xfc", b"\x82\x05hello"):
                (await line.raw("/beds")).write(octets)
                await line.close()
    finally:
        loop.set_exception_handler(None)
    assert lost == []
    assert [line for line in logged if line["log_level"] in {"error", "critical"}] == []
    assert await world.census() == before
    assert (await bystander.call("subscribe", {"room": "hospital"}, namespace="/beds"))["ok"]
