"""Identity over HTTP: cookies, statuses, and what must never be in an answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from handlers.authentication import Authentication
from handlers.identity import PAGES, routes
from hms_rt.departments.identity.service import IdentityService, Principals
from hms_rt.kernel.principal import Role
from hms_rt.security.tokens import AccessTokens
from hms_rt.web.server import build_web
from hms_rt.web.settings import WebSettings
from tests.identity.conftest import PASSWORD, Staff

Client = TestClient[web.Request, web.Application]
Open = Callable[[], Awaitable[Client]]


@pytest.fixture
async def browser(identity: IdentityService, tokens: AccessTokens) -> AsyncIterator[Open]:
    """Opens browsers, each with a cookie jar of its own, on one server."""
    principals = Principals(identity.principal_of, fresh=lambda: False)
    app = build_web(
        [routes],
        services=cast("Any", SimpleNamespace(identity=identity)),
        settings=WebSettings(),
        authenticate=Authentication(tokens, principals),
        ready_checks={},
        registry=CollectorRegistry(),
        pages=PAGES,
    )
    server = TestServer(app)
    await server.start_server()
    opened: list[Client] = []

    async def open_one() -> Client:
        client: Client = TestClient(server, cookie_jar=CookieJar(unsafe=True))
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        await client.session.close()
    await server.close()


async def sign_in(client: Client, username: str, password: str = PASSWORD) -> int:
    answer = await client.post("/api/v1/auth/login", json={"username": username, "password": password})
    return answer.status


async def test_signing_in_sets_two_guarded_cookies(browser: Open, staff: Staff) -> None:
    await staff.hire("nina", Role.NURSE)
    client = await browser()
    answer = await client.post("/api/v1/auth/login", json={"username": "nina", "password": PASSWORD})
    assert answer.status == 200
    said = await answer.json()
    assert said["name"] == "Nina"
    assert said["roles"] == ["nurse"]
    session, refresh = answer.headers.getall("Set-Cookie")
    assert session.startswith("hms_session=")
    assert refresh.startswith("hms_refresh=")
    assert "Path=/api/v1/auth" in refresh
    assert all("HttpOnly" in cookie and "SameSite=Strict" in cookie for cookie in (session, refresh))
    me = await client.get("/api/v1/auth/me")
    assert (await me.json())["permissions"]["bed.status"] == "own"


async def test_strangers_are_told_to_sign_in(browser: Open) -> None:
    client = await browser()
    for path in ("/api/v1/auth/me", "/api/v1/users", "/api/v1/devices"):
        assert (await client.get(path)).status == 401
    assert (await client.post("/api/v1/auth/refresh")).status == 401
    assert (await client.post("/api/v1/auth/logout")).status == 204
    assert await sign_in(client, "nobody") == 401


async def test_a_refresh_carries_on_and_a_sign_out_ends(browser: Open, staff: Staff) -> None:
    await staff.hire("nina", Role.NURSE)
    client = await browser()
    await sign_in(client, "nina")
    assert (await client.post("/api/v1/auth/refresh")).status == 200
    assert (await client.get("/api/v1/auth/me")).status == 200
    assert (await client.post("/api/v1/auth/logout")).status == 204
    assert (await client.get("/api/v1/auth/me")).status == 401
    assert (await client.post("/api/v1/auth/refresh")).status == 401


async def test_an_administrator_opens_an_account_and_gives_it_a_ward(browser: Open, staff: Staff) -> None:
    await staff.hire("ada", Role.ADMIN)
    client = await browser()
    await sign_in(client, "ada")
    new = {"username": "nina", "display_name": "Nina", "password": PASSWORD, "roles": ["nurse"]}
    made = await client.post("/api/v1/users", json=new)
    assert made.status == 201
    user = await made.json()
    here = made.headers["Location"]
    assert here == f"/api/v1/users/{user['id']}"
    given = await client.post(f"{here}/assignments", json={"kind": "ward", "place": "ICU"})
    assert (await given.json())["assignments"] == [{"kind": "ward", "place": "ICU"}]
    assert (await client.post(f"{here}/assignments", json={"kind": "ward"})).status == 422
    assert (await client.patch(here, json={"active": False})).status == 428
    assert (await client.patch(here, json={"active": False}, headers={"If-Match": '"1"'})).status == 412
    etag = (await client.get(here)).headers["ETag"]
    closed = await client.patch(here, json={"active": False}, headers={"If-Match": etag})
    assert (await closed.json())["active"] is False
    taken = await client.delete(f"{here}/assignments?kind=ward&place=ICU")
    assert (await taken.json())["assignments"] == []
    assert (await client.post("/api/v1/users", json=new)).status == 409


async def test_no_answer_holds_a_hash_or_a_password(browser: Open, staff: Staff) -> None:
    await staff.hire("ada", Role.ADMIN)
    client = await browser()
    await sign_in(client, "ada")
    weak = {"username": "x", "display_name": "X", "password": "geheim", "roles": []}
    answers = [
        await client.get("/api/v1/users"),
        await client.get("/api/v1/auth/me"),
        await client.post("/api/v1/users", json=weak),
        await client.post("/api/v1/users", json={**weak, "password": {"geheim": 1}}),
    ]
    for answer in answers:
        body = await answer.text()
        assert "$2b$" not in body
        assert "geheim" not in body


async def test_a_nurse_manages_nobody(browser: Open, staff: Staff) -> None:
    nurse = await staff.hire("nina", Role.NURSE)
    client = await browser()
    await sign_in(client, "nina")
    assert (await client.get("/api/v1/users")).status == 403
    assert (await client.get(f"/api/v1/users/{nurse.id}")).status == 403
    given = await client.post(f"/api/v1/users/{nurse.id}/assignments", json={"kind": "ward", "place": "ICU"})
    assert given.status == 403
    own = {"password": "another horse battery", "current_password": PASSWORD}
    assert (await client.post("/api/v1/auth/password", json=own)).status == 204


async def test_a_link_turns_a_browser_into_a_screen(browser: Open, staff: Staff) -> None:
    await staff.hire("ada", Role.ADMIN)
    admin, screen = await browser(), await browser()
    await sign_in(admin, "ada")
    new = {"name": "Board", "rooms": ["/beds ward:ICU"]}
    link = await (await admin.post("/api/v1/devices", json=new)).json()
    assert (await screen.head(link["path"])).status == 405
    shown = await screen.get(link["path"], allow_redirects=False)
    assert shown.status == 303
    assert shown.headers["Location"] == "/screens/ward/ICU"
    assert "HttpOnly" in shown.headers["Set-Cookie"]
    assert "SameSite=Strict" in shown.headers["Set-Cookie"]
    me = await screen.get("/api/v1/auth/me")
    assert (await me.json())["rooms"] == ["/beds ward:ICU"]
    assert me.headers["Set-Cookie"].startswith("hms_device=")
    assert (await screen.get("/api/v1/users")).status == 403
    assert (await screen.post("/api/v1/auth/logout")).status == 204
    assert (await screen.get("/api/v1/auth/me")).status == 200
    again = await (await browser()).get(link["path"], allow_redirects=False)
    assert again.status == 401
    here = f"/api/v1/devices/{link['device']['id']}"
    assert (await (await admin.get(here)).json())["enrolled"] is True
    assert (await admin.post(f"{here}/revoke")).status == 200
    assert (await screen.get("/api/v1/auth/me")).status == 401
    assert (await admin.post(f"{here}/link")).status == 409
    assert len((await (await admin.get("/api/v1/devices")).json())["items"]) == 1


@pytest.mark.parametrize(
    "room", ["/lab worklist", "/beds ward:icu", "/beds ward:ICU\n", "ward:ICU", "/beds *"]
)
async def test_a_screen_shows_boards_only(browser: Open, staff: Staff, room: str) -> None:
    await staff.hire("ada", Role.ADMIN)
    client = await browser()
    await sign_in(client, "ada")
    answer = await client.post("/api/v1/devices", json={"name": "Board", "rooms": [room]})
    assert answer.status == 422


async def test_a_forged_cookie_is_nobody(browser: Open) -> None:
    client = await browser()
    for name in ("hms_session", "hms_device"):
        answer = await client.get("/api/v1/auth/me", headers={"Cookie": f"{name}=a.b.c"})
        assert answer.status == 401
