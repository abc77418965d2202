"""Pages of other sites cannot act with a user's cookies; listed origins can."""

from dataclasses import replace

import pytest

from tests.web.conftest import Client, MakeClient
from tests.web.reading import problem
from tests.web.tiny import BED, SETTINGS

LISTED = "https://boards.example.org"
LOGIN = "/api/v1/auth/echo"


@pytest.fixture
async def listing(make_client: MakeClient) -> Client:
    return await make_client(replace(SETTINGS, allowed_origins=frozenset({LISTED})))


def own(client: Client) -> str:
    return f"http://{client.server.host}:{client.server.port}"


async def test_a_client_that_is_no_browser_passes(client: Client) -> None:
    assert (await client.post(LOGIN)).status == 204


async def test_an_own_page_passes(client: Client) -> None:
    assert (await client.post(LOGIN, headers={"Origin": own(client)})).status == 204
    assert (await client.post(LOGIN, headers={"Sec-Fetch-Site": "same-origin"})).status == 204


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": LISTED},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_page_of_another_site_is_refused(client: Client, headers: dict[str, str]) -> None:
    await problem(await client.post(LOGIN, headers=headers), 403, "bad_origin")
    await problem(await client.delete(BED, headers=headers), 403, "bad_origin")


async def test_another_port_of_this_host_is_another_site(client: Client) -> None:
    await problem(await client.post(LOGIN, headers={"Origin": own(client) + "1"}), 403, "bad_origin")


async def test_a_forwarded_host_is_not_believed(client: Client) -> None:
    headers = {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
    await problem(await client.post(LOGIN, headers=headers), 403, "bad_origin")


async def test_a_socket_from_another_site_is_refused_before_it_opens(client: Client) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "https://evil.example"}
    await problem(await client.get("/healthz", headers=headers), 403, "bad_origin")


async def test_a_listed_origin_passes_and_may_read(listing: Client) -> None:
    response = await listing.post(LOGIN, headers={"Origin": LISTED})
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == LISTED
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert response.headers["Vary"] == "Origin"
    refused = await listing.get("/api/v1/nothing", headers={"Origin": LISTED})
    assert refused.headers["Access-Control-Allow-Origin"] == LISTED


async def test_an_unlisted_origin_may_not_read(listing: Client) -> None:
    response = await listing.get(BED, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in response.headers
    assert response.headers["Vary"] == "Origin"


async def test_a_preflight_of_a_listed_origin_says_what_is_allowed(listing: Client) -> None:
    headers = {"Origin": LISTED, "Access-Control-Request-Method": "PATCH"}
    response = await listing.options(BED, headers=headers)
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == LISTED
    assert set(response.headers["Access-Control-Allow-Methods"].split(", ")) >= {"GET", "PATCH", "DELETE"}
    assert "If-Match" in response.headers["Access-Control-Allow-Headers"]


async def test_a_preflight_of_anybody_else_is_no_method_of_the_resource(listing: Client) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PATCH"}
    await problem(await listing.options(BED, headers=headers), 405, "method_not_allowed")


async def test_cors_is_off_by_default(client: Client) -> None:
    response = await client.get(BED, headers={"Origin": LISTED})
    assert not [name for name in response.headers if name.startswith("Access-Control")]
    assert "Vary" not in response.headers
