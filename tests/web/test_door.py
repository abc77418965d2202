"""What a declaration promises, the door keeps."""

import asyncio
import json
from dataclasses import replace

import pytest

from hms_rt.kernel.commands import Command
from tests.web.conftest import Client, MakeClient
from tests.web.reading import problem
from tests.web.tiny import BED, BED_ID, SETTINGS, FakeServices


async def test_a_read_answers_json_with_its_version_as_etag(client: Client) -> None:
    response = await client.get(BED)
    assert response.status == 200
    assert await response.json() == {"id": str(BED_ID), "label": "12", "version": 3}
    assert response.headers["ETag"] == '"3"'


@pytest.mark.parametrize("known", ['"3"', 'W/"3"', '"1", "3"', "*"])
async def test_a_client_that_has_the_version_is_told_so(client: Client, known: str) -> None:
    response = await client.get(BED, headers={"If-None-Match": known})
    assert response.status == 304
    assert response.headers["ETag"] == '"3"'
    assert await response.read() == b""


async def test_a_client_with_another_version_gets_the_new_one(client: Client) -> None:
    assert (await client.get(BED, headers={"If-None-Match": '"2"'})).status == 200


async def test_a_creation_says_where_it_is(client: Client) -> None:
    response = await client.post("/api/v1/beds", json={"label": "12"})
    assert response.status == 201
    assert response.headers["Location"] == BED


async def test_a_change_needs_the_version_that_was_read(client: Client, services: FakeServices) -> None:
    await problem(await client.patch(BED, json={"label": "x"}), 428, "version_required")
    await problem(await client.delete(BED), 428, "version_required")
    stale = await client.patch(BED, json={"label": "x"}, headers={"If-Match": '"2"'})
    assert (await problem(stale, 412, "stale_version"))["current_version"] == 3
    done = await client.patch(BED, json={"label": "x"}, headers={"If-Match": '"3"'})
    assert (done.status, done.headers["ETag"]) == (200, '"4"')
    assert [command.expected_version for command in services.commands] == [3]


async def test_a_handler_without_answer_gives_204(client: Client) -> None:
    response = await client.delete(BED, headers={"If-Match": '"3"'})
    assert response.status == 204
    assert await response.read() == b""


async def send(client: Client, services: FakeServices, body: str, key: str = "k") -> Command:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key, "X-Request-Id": "caller-id-1"}
    response = await client.post("/api/v1/beds", data=body, headers=headers)
    assert response.status == 201
    return services.commands[-1]


async def test_the_command_carries_key_address_request_id_and_fingerprint(
    client: Client, services: FakeServices
) -> None:
    command = await send(client, services, '{"label": "12", "beds": 2}')
    assert (command.name, command.key, command.address) == ("beds.define", "k", "127.0.0.1")
    assert command.request_id == "caller-id-1"
    reordered = await send(client, services, '{"beds":2,"label":"12"}')
    assert reordered.fingerprint == command.fingerprint
    other = await send(client, services, '{"beds":3,"label":"12"}')
    assert other.fingerprint != command.fingerprint


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 201, "é"])
async def test_a_bad_idempotency_key_is_refused(client: Client, key: str) -> None:
    response = await client.post("/api/v1/beds", json={"label": "x"}, headers={"Idempotency-Key": key})
    await problem(response, 422, "invalid")


async def test_a_stranger_is_refused_before_anything_is_read(client: Client) -> None:
    response = await client.post("/api/v1/beds", data=b"\x00", headers={"Authorization": ""})
    await problem(response, 401, "unauthenticated")


async def test_a_store_that_is_away_says_when_to_come_back(client: Client) -> None:
    response = await client.get(BED, headers={"Authorization": "store is away"})
    assert (await problem(response, 503, "unavailable"))["retry_after_ms"] == 1500
    assert response.headers["Retry-After"] == "2"


async def test_an_error_shows_its_fields_but_never_lets_them_replace_the_standard_ones(
    client: Client,
) -> None:
    found = await problem(await client.get("/api/v1/illegal"), 409, "illegal_move")
    assert found["state"] == "occupied"


async def test_the_unexpected_is_a_500_that_says_nothing(client: Client) -> None:
    response = await client.get("/api/v1/broken")
    found = await problem(response, 500, "internal")
    assert "Ada" not in json.dumps(found)
    assert "secret" not in json.dumps(found)


async def test_pages_follow_each_other_to_the_end(client: Client) -> None:
    labels: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = await (await client.get("/api/v1/beds", params=query)).json()
        labels += [bed["label"] for bed in page["items"]]
        cursor = page["next_cursor"]
    assert labels == [f"{n:03}" for n in range(1, 8)]
    assert cursor is None


async def test_path_parameters_have_types(client: Client) -> None:
    response = await client.get("/api/v1/wards/ICU/days/2025-02-28/4")
    assert (await response.json())["label"] == "ICU 2025-02-28 4"
    for path in ("icu/days/2025-02-28/4", "ICU/days/2025-02-30/4", "ICU/days/2025-02-28/four"):
        await problem(await client.get(f"/api/v1/wards/{path}"), 422, "invalid")


async def test_login_needs_no_principal_and_sets_strict_cookies(client: Client) -> None:
    response = await client.post(
        "/api/v1/auth/login", json={"username": "ada"}, headers={"Authorization": ""}
    )
    assert response.status == 200
    for morsel in response.cookies.values():
        assert morsel["httponly"]
        assert morsel["samesite"] == "Strict"
        assert not morsel["secure"]
    assert response.cookies["hms_old"]["max-age"] == "0"
    assert response.cookies["hms_old"]["path"] == "/api"


async def test_a_raw_handler_makes_its_own_response(client: Client) -> None:
    assert (await client.get("/api/v1/auth/picture")).content_type == "image/png"


async def test_unknown_paths_and_methods_are_problems_too(client: Client) -> None:
    await problem(await client.get("/api/v1/nothing"), 404, "not_found")
    response = await client.put(BED, json={})
    await problem(response, 405, "method_not_allowed")
    assert "PATCH" in response.headers["Allow"]


async def test_a_slow_body_is_given_up(make_client: MakeClient) -> None:
    client = await make_client(replace(SETTINGS, body_seconds=0.05))
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    writer.write(
        b"POST /api/v1/beds HTTP/1.1\r\nHost: x\r\nAuthorization: test\r\n"
        b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()
