"""How the files are served, and the page to sign in."""

import pytest
from aiohttp import web
from playwright.async_api import expect
from pytest_aiohttp.plugin import AiohttpClient

from hms_rt.screens.pages import HERE, add_screens
from tests.screens import samples
from tests.screens.conftest import MakePeer, OpenPage


@pytest.fixture
def app() -> web.Application:
    app = web.Application()
    add_screens(app)
    return app


async def test_a_page_is_the_same_whether_the_ward_exists_or_not(
    aiohttp_client: AiohttpClient, app: web.Application
) -> None:
    client = await aiohttp_client(app)
    bodies = [await (await client.get(f"/screens/ward/{code}")).text() for code in ("ICU", "NOWHERE")]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    "path",
    [
        "/screens/ward/icu",
        "/screens/ward/",
        "/screens/ward/A%2FB",
        "/screens/ward/-A",
        "/screens/ward/ABCDEFGHIJKLMNOPQ",
        "/screens/opd/%00",
        "/screens/static/../pages.py",
        "/screens/static/%2e%2e/pages.py",
        "/screens/static/",
        "/screens/other",
    ],
)
async def test_what_is_no_screen_is_not_found(
    aiohttp_client: AiohttpClient, app: web.Application, path: str
) -> None:
    client = await aiohttp_client(app)
    assert (await client.get(path)).status == 404


async def test_every_file_that_a_page_names_is_served(
    aiohttp_client: AiohttpClient, app: web.Application
) -> None:
    client = await aiohttp_client(app)
    types = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    for page in HERE.glob("*.html"):
        text = page.read_text()
        assert "<style" not in text
        assert 'style="' not in text
        for part in text.split('"'):
            if part.startswith("/screens/") and "." in part:
                answer = await client.get(part.replace("${socket_io}", "4"))
                assert answer.status == 200
                assert answer.content_type == types[part.split("?")[0].rpartition(".")[2]]


async def test_the_socket_client_is_kept_for_ever_and_the_rest_is_checked(
    aiohttp_client: AiohttpClient, app: web.Application
) -> None:
    client = await aiohttp_client(app)
    vendored = await client.get("/screens/vendor/socket.io/socket.io.min.js")
    assert "immutable" in vendored.headers["Cache-Control"]
    for path in ("/screens/static/stream.js", "/screens/ward/ICU"):
        first = await client.get(path)
        assert first.headers["Cache-Control"] == "no-cache"
        again = await client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status == 304
        assert again.headers["ETag"] == first.headers["ETag"]


async def test_a_running_screen_loads_a_new_release(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,)))
    page = await open_page(f"{peer.url}/screens/ward/MED")
    await expect(page.locator("body")).to_have_attribute("data-live", "live")
    await page.route(
        "**/screens/ward/MED",
        lambda route: (
            route.fulfill(headers={"ETag": '"another"'})
            if route.request.method == "HEAD"
            else route.continue_()
        ),
    )
    async with page.expect_navigation():
        await peer.stop()
        await peer.start()


async def test_signing_in_leads_back_to_the_board(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,), clinical=True), audience="clinical")
    peer.me = None
    page = await open_page(f"{peer.url}/screens/ward/MED")
    await page.get_by_role("link", name="Sign in").click(timeout=15_000)
    await page.get_by_label("Username").fill("nurse")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("The username or the password is wrong.")
    await page.get_by_label("Password").fill("right")
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/screens/ward/MED")
    await expect(page.get_by_text("Marta Ruiz")).to_be_visible()


@pytest.mark.parametrize(
    "elsewhere", ["https://example.org/", "//example.org", "/screens/../api", "javascript:1"]
)
async def test_signing_in_never_leads_off_the_screens(
    make_peer: MakePeer, open_page: OpenPage, elsewhere: str
) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((1,)))
    peer.me = None
    page = await open_page(f"{peer.url}/screens/?next={elsewhere}")
    await page.get_by_label("Username").fill("nurse")
    await page.get_by_label("Password").fill("right")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("Signed in as Nurse Ana")).to_be_visible()
    assert page.url.startswith(f"{peer.url}/screens/?next=")


async def test_a_code_opens_its_board(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((1,)))
    page = await open_page(f"{peer.url}/screens/")
    await page.get_by_label("Ward code").fill("med")
    await page.locator("form.open button").first.click()
    await page.wait_for_url("**/screens/ward/MED")


async def test_the_hospital_page_sums_its_wards(make_peer: MakePeer, open_page: OpenPage) -> None:
    wards = {
        code: {"code": code, "name": name, "total": 10, "available": 3, "occupied": 6, "cleaning": 1}
        for code, name in (("ICU", "Intensive Care"), ("MED", "Internal Medicine"))
    }
    peer = await make_peer("/beds", "hospital", wards)
    page = await open_page(f"{peer.url}/screens/hospital")
    await expect(page.get_by_text("12 of 20 beds occupied")).to_be_visible()
    await peer.put("ICU", {**wards["ICU"], "occupied": 7, "available": 2})
    await expect(page.get_by_text("13 of 20 beds occupied")).to_be_visible()
    await expect(page.locator("a.ward", has_text="Intensive Care").locator(".free")).to_have_text("2 free")


async def test_notifications_stand_beside_the_occupancy_and_can_be_marked_as_seen(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    note = {"id": "n1", "title": "Critical lactate", "priority": "critical", "seen_at": None}
    peer = await make_peer(
        "/notifications", "me", {"n1": {**note, "created_at": samples.ago(minutes=3)}}, "own"
    )
    peer.me = {"kind": "user", "name": "Nurse Ana", "roles": ["nurse"], "rooms": []}
    page = await open_page(f"{peer.url}/screens/hospital")
    await expect(page.get_by_text("Critical lactate")).to_be_visible()
    await page.get_by_role("button", name="Mark all as seen").click()
    await expect(page.get_by_text("Nothing new")).to_be_visible()
    assert peer.commands[0]["ids"] == ["n1"]
    assert (
        await page.evaluate("Object.keys(localStorage).filter((key) => key.includes('notifications'))") == []
    )
