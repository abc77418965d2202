"""Alive, ready, measured."""

import asyncio
from dataclasses import replace

from hms_rt.web.health import READINESS
from tests.web.conftest import Client, MakeClient
from tests.web.tiny import BED, SETTINGS


async def fine() -> None:
    """A dependency that answers."""


async def away() -> None:
    raise ConnectionRefusedError("postgresql://hms:secret@db/hms")


async def silent() -> None:
    await asyncio.sleep(30)


async def test_the_process_is_alive_whatever_its_stores_do(make_client: MakeClient) -> None:
    client = await make_client(checks={"postgres": away})
    response = await client.get("/healthz", headers={"Authorization": ""})
    assert (response.status, await response.json()) == (200, {"status": "alive"})


async def test_ready_when_every_dependency_answers(make_client: MakeClient) -> None:
    client = await make_client(checks={"postgres": fine, "redis": fine})
    response = await client.get("/readyz")
    found = await response.json()
    assert (response.status, found["status"]) == (200, "ready")
    assert found["checks"]["redis"]["ok"]


async def test_not_ready_names_the_dependency_and_no_secret(make_client: MakeClient) -> None:
    settings = replace(SETTINGS, check_seconds=0.05)
    client = await make_client(settings, {"postgres": away, "mongo": silent, "redis": fine})
    response = await client.get("/readyz")
    text = await response.text()
    checks = (await response.json())["checks"]
    assert response.status == 503
    assert checks["postgres"]["error"] == "ConnectionRefusedError"
    assert checks["mongo"]["error"] == "no answer within 0.05 s"
    assert checks["redis"]["ok"]
    assert "secret" not in text


async def test_a_process_that_is_about_to_stop_is_not_ready_whatever_its_stores_do(
    make_client: MakeClient,
) -> None:
    client = await make_client(checks={"postgres": fine})
    assert await client.app[READINESS].ready()
    client.app[READINESS].draining = True
    response = await client.get("/readyz")
    assert (response.status, await response.json()) == (503, {"status": "draining"})
    assert not await client.app[READINESS].ready()
    assert (await client.get("/healthz")).status == 200


async def test_many_who_ask_cost_one_round_of_checks(make_client: MakeClient) -> None:
    asked = 0

    async def count() -> None:
        nonlocal asked
        asked += 1

    client = await make_client(replace(SETTINGS, ready_seconds=60), {"postgres": count})
    await asyncio.gather(*(client.get("/readyz") for _ in range(10)))
    assert asked == 1


async def test_requests_are_measured_by_route(client: Client) -> None:
    await client.get(BED)
    response = await client.get("/metrics")
    text = await response.text()
    assert response.status == 200
    assert 'hms_http_request_seconds_count{method="GET",route="/api/v1/beds/{id}",status="200"}' in text
    assert BED not in text
