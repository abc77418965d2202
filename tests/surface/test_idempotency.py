"""A command that is sent again happens once, at both doors, for every declared command."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from hms_rt.web.endpoints import Endpoint
from hms_rt.web.headers import REPLAYED_HEADER
from tests.surface.asks import ENDPOINTS, RECIPES, Ask, ask, label
from tests.surface.replies import Reply, send
from tests.surface.sockets import COMMAND_IDS, SOCKET_COMMANDS, payload
from tests.surface.things import OTHER_WARD
from tests.surface.world import Client, World

COMMANDS = [endpoint for endpoint in ENDPOINTS if not endpoint.safe and not endpoint.public]
AT_ONCE = 10
OTHERWISE = (OTHER_WARD, "R8", "available", str(uuid.UUID(int=7)), "CULT", "urine", "transferred_out", "2.50")


async def asker(world: World, endpoint: Endpoint) -> Client:
    """One for all, except where the command changes who may ask."""
    if endpoint.path.startswith("/auth/") or not world.clients:
        return await world.everybody()
    return world.clients[0]


def otherwise(schema: type[BaseModel], body: Any) -> Iterator[dict[str, Any]]:
    """Bodies that say something else than ``body`` and are as valid."""
    tried = [{**body, "occurred_at": "2026-01-02T03:04:05Z"}]
    for name, value in body.items():
        others: list[Any] = [
            f"{value}x",
            *OTHERWISE,
            [*OTHERWISE[3:4]],
            {"text": "slept badly"},
            [OTHERWISE[4]],
            [],
            2,
            ["suction"],
            "2026-01-02T03:04:05Z",
            [*value, *value] if isinstance(value, list) else value,
        ]
        tried += [{**body, name: other} for other in others if other != value]
    for other in tried:
        try:
            schema.model_validate(other)
        except ValidationError:
            continue
        yield other


def another(endpoint: Endpoint, asked: Ask) -> Ask:
    """The same command with another body; about another thing where there is none."""
    if endpoint.body is not None:
        return Ask(asked.path, asked.query, next(otherwise(endpoint.body, asked.body)), asked.version)
    path = {name: str(uuid.uuid4()) if name == "id" else "OTHER" for name in asked.path}
    return Ask(path, asked.query, None, asked.version)


BEGUN_BY_THE_FIRST = {"stream_head", "billing_shift_means"}
"""Sums that the first change of a stream, or the first payment of a means in a shift, begins."""
_DONE = "SELECT action, count(*) FROM audit_log WHERE outcome = 'allowed' GROUP BY action"


async def effects(world: World) -> Counter[str]:
    """Rows of every table, and what was done according to the audit trail."""
    done = await world.query(_DONE)
    rows = [(row.name, row.count) for row in await world.census() if row.name not in BEGUN_BY_THE_FIRST]
    return Counter(dict([*rows, *((f"audit {row.action}", row.count) for row in done)]))


@pytest.mark.parametrize("endpoint", COMMANDS, ids=label)
def test_every_command_has_a_recipe(endpoint: Endpoint) -> None:
    assert label(endpoint) in RECIPES, "say in tests/surface/asks.py how it is asked with success"


@pytest.mark.parametrize("endpoint", COMMANDS, ids=label)
async def test_a_retry_answers_the_same_and_changes_nothing(endpoint: Endpoint, world: World) -> None:
    who, asked, key = await asker(world, endpoint), await ask(world, endpoint), str(uuid.uuid4())

    first = await send(who, endpoint, asked, key)
    assert first.status < 300, first.text
    assert REPLAYED_HEADER not in first.headers
    after = await world.census()

    again = await send(who, endpoint, asked, key)
    assert (again.status, again.text) == (first.status, first.text)
    assert again.headers.get("ETag") == first.headers.get("ETag")
    assert again.headers.get("Location") == first.headers.get("Location")
    assert again.headers[REPLAYED_HEADER] == "true"
    assert await world.census() == after

    if endpoint.body is None and not asked.path:
        return
    refused = await send(who, endpoint, another(endpoint, asked), key)
    assert (refused.status, refused.code) == (422, "idempotency_mismatch"), refused.text
    assert await world.census() == after


@pytest.mark.parametrize("endpoint", COMMANDS, ids=label)
async def test_many_at_once_with_one_key_are_one(endpoint: Endpoint, world: World) -> None:
    who = await asker(world, endpoint)
    single = await ask(world, endpoint)
    before = await effects(world)
    assert (await send(who, endpoint, single)).status < 300
    once = await effects(world) - before

    who = await asker(world, endpoint)
    asked, key = await ask(world, endpoint), str(uuid.uuid4())
    before = await effects(world)
    replies = await asyncio.gather(*(send(who, endpoint, asked, key) for _ in range(AT_ONCE)))

    assert await effects(world) - before == once
    done = [reply for reply in replies if reply.status < 300]
    assert done, replies[0].text
    assert {reply.text for reply in done} == {done[0].text}
    patience = {"idempotency_running"} | ({"rate_limited"} if endpoint.path == "/auth/password" else set())
    assert {reply.code for reply in replies if reply not in done} <= patience
    settled: Reply = await send(who, endpoint, asked, key)
    assert (settled.status, settled.text) == (done[0].status, done[0].text)


@pytest.mark.parametrize(("namespace", "name"), SOCKET_COMMANDS, ids=COMMAND_IDS)
async def test_a_socket_command_sent_again_happens_once(namespace: str, name: str, world: World) -> None:
    who = world.clients[0] if world.clients else await world.everybody()  # whom notifications are made for
    socket = await world.socket(who, namespace)
    said = {"id": str(uuid.uuid4()), **await payload(world, namespace, name)}

    acks = await asyncio.gather(*(socket.call(name, said, namespace=namespace) for _ in range(AT_ONCE)))
    done = [ack for ack in acks if ack["ok"]]
    assert done, acks[0]
    assert all(ack == done[0] for ack in done)
    assert {ack["error"]["code"] for ack in acks if not ack["ok"]} <= {"idempotency_running"}

    after = await world.census()
    assert await socket.call(name, said, namespace=namespace) == done[0]
    assert await world.census() == after
    other = await socket.call(name, {**said, "expected_version": 1 << 40}, namespace=namespace)
    assert other["error"]["code"] == "idempotency_mismatch", other
    assert await world.census() == after
