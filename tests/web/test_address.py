"""Who is asking is read from the connection, and from listed proxies only."""

from dataclasses import replace

import pytest

from hms_rt.web.settings import networks
from tests.web.conftest import Client, MakeClient
from tests.web.tiny import BED, SETTINGS

BEHIND = replace(SETTINGS, trusted_proxies=networks(["127.0.0.1", "10.0.0.0/8"]))


async def seen(client: Client, headers: dict[str, str]) -> str:
    return (await client.post("/api/v1/auth/echo", headers=headers)).headers["X-Seen"]


async def test_without_listed_proxies_the_headers_are_noise(client: Client) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    assert await seen(client, headers) == "127.0.0.1 False"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the left one is what the client claims
        ("198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("198.51.100.1, nonsense", "127.0.0.1"),
        ("198.51.100.1, nonsense, 10.1.2.3", "10.1.2.3"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("", "127.0.0.1"),
    ],
)
async def test_the_nearest_hop_that_is_no_listed_proxy_is_the_client(
    make_client: MakeClient, forwarded: str, address: str
) -> None:
    client = await make_client(BEHIND)
    assert (await seen(client, {"X-Forwarded-For": forwarded})).split()[0] == address


async def test_tls_at_a_listed_proxy_makes_secure_cookies_and_hsts(make_client: MakeClient) -> None:
    client = await make_client(BEHIND)
    headers = {"X-Forwarded-Proto": "https"}
    response = await client.post("/api/v1/auth/login", json={"username": "ada"}, headers=headers)
    assert response.status == 200
    assert all(morsel["secure"] for morsel in response.cookies.values())
    assert response.headers["Strict-Transport-Security"].startswith("max-age=")


async def test_a_forged_protocol_to_the_left_does_not_count(make_client: MakeClient) -> None:
    client = await make_client(BEHIND)
    assert (await seen(client, {"X-Forwarded-Proto": "https, http"})).endswith("False")


async def test_own_pages_behind_tls_pass_the_origin_check(make_client: MakeClient) -> None:
    client = await make_client(BEHIND)
    host = f"{client.server.host}:{client.server.port}"
    headers = {"X-Forwarded-Proto": "https", "Origin": f"https://{host}", "If-Match": '"3"'}
    assert (await client.delete(BED, headers=headers)).status == 204


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="localhost"):
        networks(["localhost"])
