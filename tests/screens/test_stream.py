"""The client's rule of the wire contract, in a real browser against a peer that misbehaves on purpose."""

from typing import Any

from playwright.async_api import Page, expect

from tests.screens import samples
from tests.screens.conftest import MakePeer, OpenPage, until
from tests.screens.peer import Peer

BED = "bed:00000000"


async def board(make_peer: MakePeer, open_page: OpenPage, **how: Any) -> tuple[Peer, Page]:
    """A live ward board of four beds."""
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,)), **how)
    page = await open_page(f"{peer.url}/screens/ward/MED")
    await live(page)
    return peer, page


async def live(page: Page, word: str = "live") -> None:
    await expect(page.locator("body")).to_have_attribute("data-live", word, timeout=15_000)


async def shows(page: Page, status: str, code: str = "301-A") -> None:
    tile = page.locator("article.bed", has=page.get_by_text(code, exact=True))
    await expect(tile).to_have_attribute("data-status", status, timeout=15_000)


def bed(peer: Peer, status: str) -> dict[str, Any]:
    return {**peer.state[BED], "status": status}


async def test_a_change_is_shown_without_asking_again(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await board(make_peer, open_page)
    await peer.put(BED, bed(peer, "cleaning"))
    await shows(page, "cleaning")
    await peer.remove(BED)
    await expect(page.locator("article.bed")).to_have_count(3)
    assert peer.asked == [{"room": "ward:MED"}]


async def test_a_change_that_is_known_already_is_ignored(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await board(make_peer, open_page)
    await peer.put(BED, bed(peer, "cleaning"))
    old = {"op": "put", "key": BED, "value": bed(peer, "available"), "cause": "test"}
    await peer.change(99, 100, [old])
    await peer.put("bed:00000001", {**peer.state["bed:00000001"], "status": "reserved"})
    await shows(page, "reserved", "301-B")
    await shows(page, "cleaning")
    assert len(peer.asked) == 1


async def test_a_change_that_overlaps_what_is_known_is_applied(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    peer, page = await board(make_peer, open_page)
    await peer.put(BED, bed(peer, "cleaning"))
    peer.version += 1
    newer = {"op": "put", "key": BED, "value": bed(peer, "contaminated"), "cause": "test"}
    await peer.change(100, peer.version, [newer])
    await shows(page, "contaminated")
    assert len(peer.asked) == 1


async def test_silent_changes_leave_no_gap(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await board(make_peer, open_page)
    peer.beating = False
    await peer.put("bed:elsewhere", {}, silent=True)
    await peer.put(BED, bed(peer, "cleaning"))
    await shows(page, "cleaning")
    assert len(peer.asked) == 1


async def test_a_gap_is_filled_by_asking_since(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await board(make_peer, open_page)
    peer.beating = False
    await peer.put(BED, bed(peer, "contaminated"), lose=True)
    await peer.pretend_sent()
    await peer.put("bed:00000001", {**peer.state["bed:00000001"], "status": "reserved"})
    asked = await peer.asked_again(2)
    assert asked == {"room": "ward:MED", "since": {"epoch": "epoch-1", "version": 100}}
    await shows(page, "contaminated")
    await shows(page, "reserved", "301-B")


async def test_a_heartbeat_finds_the_last_change_lost(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await board(make_peer, open_page)
    await peer.put(BED, bed(peer, "contaminated"), lose=True)
    await shows(page, "contaminated")
    assert "since" in peer.asked[1]


async def test_a_heartbeat_without_the_room_makes_the_board_join_again(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    peer, page = await board(make_peer, open_page)
    await peer.tell("heartbeat", {"at": "2026-01-01T00:00:00Z", "heads": {}})
    assert await peer.asked_again(2) == {"room": "ward:MED"}
    await live(page)


async def test_another_epoch_replaces_everything(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await board(make_peer, open_page)
    await peer.go_back_in_time(samples.ward((2,)))
    assert await peer.asked_again(2) == {"room": "ward:MED"}
    await expect(page.locator("article.bed")).to_have_count(2)
    await live(page)


async def test_a_change_of_another_epoch_is_never_applied(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await board(make_peer, open_page)
    peer.beating = False
    forged = {"op": "put", "key": BED, "value": bed(peer, "out_of_service"), "cause": "test"}
    await peer.change(100, 101, [forged], epoch="of another time")
    assert await peer.asked_again(2) == {"room": "ward:MED"}
    await shows(page, "occupied")


async def test_a_snapshot_replaces_everything(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await board(make_peer, open_page)
    peer.version += 40
    peer.state = samples.ward((3,))
    await peer.snapshot()
    await expect(page.locator("article.bed")).to_have_count(3)
    assert len(peer.asked) == 1


async def test_silence_shows_that_the_board_is_stale_and_for_how_long(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    peer, page = await board(make_peer, open_page)
    await page.clock.install()
    await page.reload()
    await live(page)
    peer.beating = False
    await page.clock.fast_forward(12_000)
    await expect(page.locator("#banner")).to_be_hidden()
    await page.clock.fast_forward(8_000)
    await live(page, "stale")
    await expect(page.locator("#banner-detail")).to_contain_text("state of 2")
    await shows(page, "occupied")
    peer.beating = True
    await live(page)
    await expect(page.locator("#banner")).to_be_hidden()


async def test_a_server_that_restarts_is_found_again_with_nothing_lost(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    peer, page = await board(make_peer, open_page)
    await peer.stop()
    await live(page, "reconnecting")
    peer.state[BED] = bed(peer, "cleaning")
    peer.version += 1
    peer.log.append(
        {"version": 101, "op": {"op": "put", "key": BED, "value": peer.state[BED], "cause": "test"}}
    )
    await peer.start()
    asked = await peer.asked_again(2)
    assert asked["since"] == {"epoch": "epoch-1", "version": 100}
    await shows(page, "cleaning")
    await live(page)


async def test_going_away_is_obeyed(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await board(make_peer, open_page)
    await page.clock.install()
    await page.reload()
    await live(page)
    asked = len(peer.asked)
    await peer.tell("going_away", {"retry_in_ms": 60_000})
    await live(page, "reconnecting")
    await page.clock.fast_forward(50_000)
    assert len(peer.asked) == asked
    await page.clock.fast_forward(11_000)
    await peer.asked_again(asked + 1)
    await live(page)


async def test_a_refusal_for_now_is_retried_when_the_server_says(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,)))
    peer.refuse_with = [{"code": "unavailable", "message": "PostgreSQL is away", "retry_after_ms": 300}] * 2
    page = await open_page(f"{peer.url}/screens/ward/MED")
    await live(page)
    assert len(peer.asked) == 3


async def test_a_revoked_room_is_cleared_at_once_and_asked_for_again(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    peer, page = await board(make_peer, open_page)
    await page.clock.install()
    await page.reload()
    await live(page)
    peer.beating = False
    peer.refuse_with = [{"code": "forbidden", "message": "not yours"}]
    await peer.tell("revoked", {"room": "ward:MED", "code": "forbidden"})
    await expect(page.locator("#reason-word")).to_have_text("Not for this screen")
    await expect(page.locator("article.bed")).to_have_count(0)
    assert await page.evaluate("localStorage.getItem('hms-rt /beds ward:MED')") is None
    for _ in range(2):
        await page.clock.fast_forward(31_000)
        await page.wait_for_timeout(200)
    await expect(page.locator("article.bed")).to_have_count(4)
    await expect(page.locator("#reason")).to_be_hidden()


async def test_a_room_that_passes_away_is_shown_as_stale_and_asked_for_until_it_is_back(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    """The server lost its database: no right was lost, so what was known stays, and says how old it is."""
    peer, page = await board(make_peer, open_page, audience="clinical")
    await page.clock.install()
    await page.reload()
    await live(page)
    peer.beating = False
    asked = len(peer.asked)
    peer.refuse_with = [{"code": "unavailable", "message": "nobody knows", "retry_after_ms": 100}] * 3
    await peer.tell("revoked", {"room": "ward:MED", "code": "unavailable"})
    await expect(page.locator("body")).to_have_attribute("data-live", "reconnecting")
    await expect(page.locator("article.bed")).to_have_count(4)
    await expect(page.locator("#reason")).to_be_hidden()
    for _ in range(3):
        await page.clock.fast_forward(11_000)
        await page.wait_for_timeout(200)
    await peer.asked_again(asked + 3)
    await live(page, "stale")
    await expect(page.locator("article.bed")).to_have_count(4)
    await peer.put(BED, bed(peer, "cleaning"))
    peer.beating = True
    for _ in range(3):
        await page.clock.fast_forward(11_000)
        await page.wait_for_timeout(200)
    await live(page)
    await shows(page, "cleaning")
    assert all("since" in one for one in peer.asked[asked:]), "it goes on from what it knows"


async def test_who_is_not_known_any_more_sees_nothing(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await board(make_peer, open_page)
    await peer.stop()
    peer.me = None
    await peer.start()
    await expect(page.locator("#reason-word")).to_have_text("Not signed in", timeout=15_000)
    await expect(page.locator("article.bed")).to_have_count(0)
    peer.me = {"kind": "device", "name": "Screen"}
    await expect(page.locator("article.bed")).to_have_count(4, timeout=20_000)


async def test_a_public_board_starts_with_what_it_showed_last(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    peer, page = await board(make_peer, open_page)
    await until(page, "localStorage.getItem('hms-rt /beds ward:MED')")
    peer.refuse_with = [{"code": "unavailable", "message": "away", "retry_after_ms": 1500}]
    await page.reload()
    await expect(page.locator("article.bed")).to_have_count(4, timeout=1000)
    await live(page, "reconnecting")
    await live(page)
    assert peer.asked[-1]["since"] == {"epoch": "epoch-1", "version": 100}


async def test_a_name_is_never_stored(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,), clinical=True), audience="clinical")
    page = await open_page(f"{peer.url}/screens/ward/MED")
    await expect(page.get_by_text("Marta Ruiz")).to_be_visible()
    await page.wait_for_timeout(2500)
    stored = await page.evaluate("JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})")
    assert stored == "{}{}"


async def test_pauses_between_attempts_grow_and_differ(make_peer: MakePeer, open_page: OpenPage) -> None:
    _, page = await board(make_peer, open_page)
    pauses = await page.evaluate(
        """async () => {
            const { backoff } = await import("/screens/static/backoff.js");
            return [0, 1, 3, 9, 500].map((n) => [backoff(n, () => 0), backoff(n, () => 1)]);
        }"""
    )
    assert pauses == [[250, 500], [500, 1000], [2000, 4000], [5000, 10_000], [5000, 10_000]]
