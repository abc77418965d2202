"""Arbitrary bytes, wherever a client can put them, never cost more than a refusal."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from hms_rt.web.server import build_web
from tests.web import tiny
from tests.web.conftest import Client
from tests.web.reading import by_hand

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
segments = st.binary(min_size=1, max_size=24).filter(lambda raw: not set(raw) & set(b" \r\n\t\x0b\x0c"))


def with_client(scenario: Callable[[Client], Awaitable[int]]) -> int:
    async def run() -> int:
        app = build_web(
            [tiny.routes, tiny.logins],
            services=cast("Any", tiny.FakeServices()),
            settings=tiny.SETTINGS,
            authenticate=tiny.authenticate,
            ready_checks={},
        )
        client: Client = TestClient(TestServer(app), headers=tiny.SIGNED_IN)
        async with client:
            return await scenario(client)

    return asyncio.run(run())


@settings(max_examples=60, deadline=None)
@given(body=json_values)
def test_any_json_as_a_body(body: object) -> None:
    async def scenario(client: Client) -> int:
        response = await client.post("/api/v1/beds", json=body)
        return response.status

    assert with_client(scenario) in {201, 400, 422}


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=200))
def test_any_bytes_as_a_body(body: bytes) -> None:
    async def scenario(client: Client) -> int:
        headers = {"Content-Type": "application/json"}
        return (await client.post("/api/v1/beds", data=body, headers=headers)).status

    assert with_client(scenario) in {201, 400, 422}


@settings(max_examples=80, deadline=None)
@given(segment=segments)
def test_any_bytes_in_a_path_or_query(segment: bytes) -> None:
    async def scenario(client: Client) -> int:
        in_query, _, _ = await by_hand(client, b"GET /api/v1/beds?ward=" + segment + b" HTTP/1.1")
        in_path, _, _ = await by_hand(client, b"GET /api/v1/beds/" + segment + b" HTTP/1.1")
        return max(in_query, in_path)

    assert with_client(scenario) < 500
