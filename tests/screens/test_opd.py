"""The queue screen: who goes where, who is next, how long it takes; never a name."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.screens import samples
from tests.screens.conftest import MakePeer, OpenPage, resize

FIRST = "token:00000005"


async def screen(make_peer: MakePeer, open_page: OpenPage, query: str = "", **queue: Any) -> tuple[Any, Page]:
    peer = await make_peer("/opd", "clinic:GEN", samples.clinic(**queue))
    page = await open_page(f"{peer.url}/screens/opd/GEN{query}")
    await expect(page.locator("body")).to_have_attribute("data-live", "live", timeout=15_000)
    return peer, page


async def test_a_call_moves_a_number_from_the_line_to_its_room(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    peer, page = await screen(make_peer, open_page)
    await expect(page.locator("#line li").first).to_have_text("A-005")
    called = {"label": "A-005", "state": "called", "counter": "C2", "called_at": samples.ago(seconds=0)}
    await peer.put(FIRST, called)
    newest = page.locator(".call").first
    await expect(newest.locator(".label")).to_have_text("A-005")
    await expect(newest.locator(".where")).to_have_text("Room 2")
    await expect(newest).to_have_class("call fresh flash")
    await expect(page.locator("#line li").first).to_have_text("A-006")
    await peer.put(FIRST, {**called, "state": "serving"})
    await expect(page.locator(".call.fresh .label", has_text="A-005")).to_have_count(0)
    await peer.remove(FIRST)
    await expect(page.get_by_text("A-005")).to_have_count(0)


async def test_calling_again_flashes_again(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await screen(make_peer, open_page, called=0, serving=1, waiting=1)
    token = {"label": "A-002", "state": "called", "counter": "C2"}
    for seconds in (9, 0):
        await peer.put("token:00000002", {**token, "called_at": samples.ago(seconds=seconds)})
        await expect(page.locator(".call.flash")).to_have_count(1)
        await page.evaluate("document.querySelector('.call.flash').classList.remove('flash')")


async def test_priority_shows_only_in_the_order(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await screen(make_peer, open_page)
    await peer.put("token:99", {"label": "A-044", "state": "waiting", "counter": None, "order": "000000"})
    await expect(page.locator("#line li").first).to_have_text("A-044")


async def test_no_name_is_shown_to_anybody(make_peer: MakePeer, open_page: OpenPage) -> None:
    state = samples.clinic()
    for key in [key for key in state if key.startswith("token:")]:
        state[key] |= {"patient_name": "Marta Ruiz", "mrn": "MRN-41800", "priority": "urgent"}
    peer = await make_peer("/opd", "clinic:GEN", state, audience="clinical")
    page = await open_page(f"{peer.url}/screens/opd/GEN")
    await expect(page.locator(".call")).to_have_count(4)
    content = await page.content()
    assert "Ruiz" not in content
    assert "MRN" not in content
    assert "urgent" not in content


async def test_the_estimated_wait_is_a_range_in_minutes(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await screen(make_peer, open_page)
    shown = page.locator("#counts .wide dd")
    await expect(shown).to_have_text("15–25 min")
    for low, high, words in ((None, None, "–"), (60, 200, "under 5 min"), (1210, 1300, "about 25 min")):
        await peer.put("summary", {**peer.state["summary"], "wait_p50_s": low, "wait_p90_s": high})
        await expect(shown).to_have_text(words)


SIZES = [(1920, 1080), (1280, 720), (768, 1024), (390, 844)]
CUT = """() => [...document.querySelectorAll(".label, .where, #line li, #counts dd")].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.right > innerWidth || box.bottom > innerHeight || e.scrollWidth > e.clientWidth + 1;
}).map((e) => e.textContent)"""


@pytest.mark.parametrize(
    ("busy", "first"), list(zip([(0, 1, 0), (1, 3, 14), (2, 10, 80)], SIZES[1:], strict=True))
)
async def test_nothing_is_cut_off(
    make_peer: MakePeer, open_page: OpenPage, busy: tuple[int, int, int], first: tuple[int, int]
) -> None:
    """At every size, on a page that was opened at one of them and then resized."""
    called, serving, waiting = busy
    peer = await make_peer(
        "/opd", "clinic:GEN", samples.clinic(called=called, serving=serving, waiting=waiting)
    )
    page = await open_page(f"{peer.url}/screens/opd/GEN", width=first[0], height=first[1])
    await expect(page.locator(".call")).to_have_count(called + serving)
    for width, height in (first, *SIZES):
        await resize(page, width, height)
        assert await page.evaluate(CUT) == [], width
        if waiting == 80:
            shown = await page.locator("#line li").count() - 1
            await expect(page.locator("#line .rest")).to_have_text(f"+{80 - shown}")


async def test_sound_is_off_until_switched_on(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await screen(make_peer, open_page)
    await page.evaluate(
        """() => {
            const Real = window.AudioContext;
            window.made = 0;
            window.AudioContext = function () { window.made += 1; return new Real(); };
        }"""
    )
    await peer.put(FIRST, {"label": "A-005", "state": "called", "counter": "C2", "called_at": samples.ago()})
    await expect(page.locator(".call.flash")).to_have_count(1)
    assert await page.evaluate("made") == 0
    await page.mouse.move(5, 5)
    await page.get_by_role("button", name="Sound off").click()
    await expect(page.get_by_role("button", name="Sound on")).to_have_attribute("aria-pressed", "true")
    assert await page.evaluate("made") == 1


async def test_a_screen_with_nobody_called_says_so(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer, page = await screen(make_peer, open_page, called=0, serving=0, waiting=0)
    await expect(page.get_by_text("No number is being called")).to_be_visible()
    await expect(page.get_by_text("Nobody is waiting")).to_be_visible()
    called = {"label": "A-001", "state": "called", "counter": "C2", "called_at": samples.ago(seconds=0)}
    await peer.put("token:00000001", called)
    await expect(page.get_by_text("No number is being called")).to_be_hidden()
