"""Who is refused is refused before the 101, with a problem document; what is negotiated is the least."""

from typing import Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory
from tests.realtime.conftest import RawFactory, address, cookie_of
from tests.realtime.raw import PATH


async def handshake(
    server: TestServer, cookie: str, path: str = PATH, **headers: str
) -> tuple[int, str, dict[str, Any]]:
    """What the server answers to a handshake: status, content type, body."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Cookie": cookie,
    }
    async with (
        ClientSession() as session,
        session.get(address(server) + path, headers=upgrade | headers) as answer,
    ):
        if answer.status == 101:
            answer.close()
            return 101, "", {}
        return answer.status, answer.content_type, await answer.json(content_type=None)


async def test_without_a_session_the_answer_is_a_401_problem_and_no_socket(server: TestServer) -> None:
    status, kind, problem = await handshake(server, "")
    assert (status, kind) == (401, "application/problem+json")
    assert problem["code"] == "unauthenticated"
    for cookie in ("hms_session=nonsense", "hms_session=a.b.c", "hms_device=nonsense"):
        assert (await handshake(server, cookie))[0] == 401


async def test_a_page_of_another_site_is_refused_before_the_101(
    server: TestServer, client_as: ClientFactory
) -> None:
    cookie = cookie_of(await client_as(Role.NURSE))
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        status, kind, problem = await handshake(server, cookie, **headers)
        assert (status, kind, problem["code"]) == (403, "application/problem+json", "bad_origin")
    assert (await handshake(server, cookie, Origin=address(server)))[0] == 101


async def test_long_polling_is_refused(server: TestServer, client_as: ClientFactory) -> None:
    nurse = await client_as(Role.NURSE)
    for path in ("/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=4", "/socket.io/"):
        answer = await nurse.get(path)
        assert 400 <= answer.status < 500, (path, answer.status)
        assert (await nurse.post(path, data="40")).status in {404, 405}
    assert (await handshake(server, cookie_of(nurse), "/socket.io/?EIO=3&transport=websocket"))[0] == 400


async def test_compression_is_not_negotiated_though_offered(
    client_as: ClientFactory, dial: RawFactory
) -> None:
    raw = await dial(await client_as(Role.NURSE), "/beds", compress=15)
    assert raw.ws.compress == 0
    assert "Sec-WebSocket-Extensions" not in raw.ws._response.headers
