"""What every response carries, what the log says, and how many requests are too many."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from hms_rt.web.security_headers import content_security_policy
from hms_rt.web.settings import LOOPBACK
from tests.web.conftest import Client, MakeClient
from tests.web.reading import problem
from tests.web.tiny import BED, NURSE, SETTINGS


@pytest.mark.parametrize("path", [BED, "/api/v1/nothing", "/api/v1/broken", "/healthz", "/docs"])
async def test_every_response_carries_the_security_headers(client: Client, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert f"wss://{client.server.host}:{client.server.port}" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Permissions-Policy" in headers
    assert "Server" not in headers
    assert "Strict-Transport-Security" not in headers
    if path.startswith("/api"):
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ["x; script-src *", "a b", "é", "[::1", ""])
def test_a_forged_host_does_not_reach_the_policy(host: str) -> None:
    assert content_security_policy(host).endswith("; connect-src 'self'")


async def test_a_sane_request_id_is_kept_and_another_one_replaced(client: Client) -> None:
    kept = await client.get(BED, headers={"X-Request-Id": "caller-0001"})
    assert kept.headers["X-Request-Id"] == "caller-0001"
    made = await client.get(BED, headers={"X-Request-Id": "<script>"})
    assert made.headers["X-Request-Id"] != "<script>"


async def logged(client: Client, method: str, path: str, **options: Any) -> list[Any]:
    with capture_logs() as entries:
        await client.request(method, path, **options)
    return list(entries)


async def test_the_log_names_route_and_principal_but_no_patient(client: Client) -> None:
    (entry,) = await logged(client, "GET", BED + "?name=Lovelace")
    assert entry["route"] == "/api/v1/beds/{id}"
    assert (entry["method"], entry["status"], entry["principal"]) == ("GET", 422, str(NURSE.id))
    assert entry["ms"] >= 0
    assert "Lovelace" not in str(entry)
    assert BED not in str(entry)


async def test_a_failure_is_logged_with_its_stack(client: Client) -> None:
    failure, entry = await logged(client, "GET", "/api/v1/broken")
    assert failure["event"] == "request_failed"
    assert isinstance(failure["exc_info"], RuntimeError)
    assert entry["status"] == 500


async def test_an_unknown_path_and_method_are_logged_as_such(client: Client) -> None:
    (entry,) = await logged(client, "PROPFIND", "/patients/Ada-Lovelace")
    assert (entry["method"], entry["route"]) == ("(other)", "(none)")


async def test_one_address_cannot_ask_without_end(make_client: MakeClient) -> None:
    client = await make_client(replace(SETTINGS, rate_limit=5, rate_exempt=()))
    for _ in range(5):
        assert (await client.get(BED)).status == 200
    refused = await client.get(BED)
    found = await problem(refused, 429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 120
    assert found["retry_after_ms"] > 0
    assert (await client.get("/healthz")).status == 200


@pytest.mark.parametrize("settings", [replace(SETTINGS, rate_limit=0), replace(SETTINGS, rate_limit=1)])
async def test_no_limit_when_off_or_on_the_servers_own_machine(
    make_client: MakeClient, settings: Any
) -> None:
    assert settings.rate_exempt == LOOPBACK
    client = await make_client(settings)
    for _ in range(5):
        assert (await client.get(BED)).status == 200
