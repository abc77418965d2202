"""The ward board as people see it: on any screen, with and without names."""

import pytest
from playwright.async_api import expect

from tests.screens import samples
from tests.screens.conftest import MakePeer, OpenPage, resize

FITS = """() => {
    const box = (element) => element.getBoundingClientRect();
    const tiles = [...document.querySelectorAll("article.bed")].map(box);
    const texts = [...document.querySelectorAll(".code, .foot .word")];
    const beside = (a, b) => a.right <= b.left + 1 || a.bottom <= b.top + 1;
    const board = document.getElementById("board");
    return {
        count: tiles.length,
        inside: tiles.every((t) =>
            Math.min(t.left, t.top) >= 0 && t.right <= innerWidth && t.bottom <= innerHeight),
        scrolls: board.scrollHeight > board.clientHeight + 1,
        apart: tiles.every((a, i) => tiles.every((b, j) => i === j || beside(a, b) || beside(b, a))),
        cut: texts.filter((e) => box(e).right > box(e.closest("article")).right).map((e) => e.textContent),
    };
}"""

WARDS = {8: (1,) * 8, 17: (4, 4, 4, 2, 1, 1, 1), 24: (4,) * 6, 60: (6,) * 10}


SIZES = [(1920, 1080), (1280, 720), (1024, 768), (1080, 1920)]


@pytest.mark.parametrize(("beds", "first"), list(zip(WARDS, SIZES, strict=True)))
@pytest.mark.parametrize("audience", ["display", "clinical"])
async def test_every_bed_of_a_ward_fits_without_scrolling(
    make_peer: MakePeer, open_page: OpenPage, audience: str, beds: int, first: tuple[int, int]
) -> None:
    """At every size, on a page that was opened at one of them and then resized."""
    state = samples.ward(WARDS[beds], clinical=audience == "clinical")
    peer = await make_peer("/beds", "ward:MED", state, audience=audience)
    page = await open_page(f"{peer.url}/screens/ward/MED", width=first[0], height=first[1])
    await expect(page.locator("body")).to_have_attribute("data-audience", audience)
    for width, height in (first, *SIZES):
        await resize(page, width, height)
        found = await page.evaluate(FITS)
        assert found == {"count": beds, "inside": True, "scrolls": False, "apart": True, "cut": []}, width


async def test_a_phone_scrolls_but_only_downwards(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((6,) * 10, clinical=True), audience="clinical")
    page = await open_page(f"{peer.url}/screens/ward/MED", width=390, height=844)
    await expect(page.locator("body")).to_have_attribute("data-audience", "clinical")
    found = await page.evaluate(FITS)
    assert found["scrolls"]
    assert found["apart"]
    assert await page.evaluate("board.scrollWidth <= board.clientWidth")


async def test_holds_and_cleaning_count_down_and_what_is_late_says_so(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    state = samples.ward((4,) * 3, clinical=True)
    by_status = {bed["status"]: bed for key, bed in state.items() if key.startswith("bed:")}
    hold = {"name": "Ada Byron", "mrn": "M1", "from_ward": "ICU", "from_bed": "04"}
    by_status["reserved"] |= {"reserved_until": samples.ago(minutes=-30.5), "hold": hold}
    by_status["cleaning"] |= {"cleaning": {"state": "requested", "due_at": samples.ago(minutes=12.5)}}
    leaving = by_status["occupied"]
    leaving |= {"leaving_since": samples.ago(hours=1), "isolation": True, "isolation_kind": "airborne"}
    leaving["occupant"]["outstanding"] = 3
    peer = await make_peer("/beds", "ward:MED", state, audience="clinical")
    page = await open_page(f"{peer.url}/screens/ward/MED")
    reserved = page.locator('article[data-status="reserved"]')
    await expect(reserved.locator(".since")).to_have_text("−30 min")
    await expect(reserved.locator(".who")).to_have_text("Ada Byron")
    await expect(reserved.locator(".about")).to_contain_text("ICU 04")
    cleaning = page.locator('article[data-status="cleaning"]')
    await expect(cleaning.locator(".since")).to_have_text("+12 min")
    await expect(cleaning).to_contain_class("late")
    await expect(page.get_by_label("May leave, 3 to do")).to_have_count(1)
    await expect(page.get_by_label("Isolation: airborne")).to_have_count(1)


async def test_a_turned_screen_is_arranged_anew(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,) * 6))
    page = await open_page(f"{peer.url}/screens/ward/MED")
    await expect(page.locator("article.bed")).to_have_count(24)
    await page.set_viewport_size({"width": 1080, "height": 1920})
    await page.wait_for_timeout(200)
    found = await page.evaluate(FITS)
    assert found["inside"]
    assert not found["scrolls"]


async def test_status_is_told_by_colour_symbol_and_word(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,) * 6))
    page = await open_page(f"{peer.url}/screens/ward/MED")
    await expect(page.locator("article.bed")).to_have_count(24)
    told = await page.evaluate(
        """() => [...document.querySelectorAll("article.bed")].map((tile) => [
            tile.dataset.status,
            getComputedStyle(tile.querySelector(".word")).color,
            tile.querySelector(".mark path").getAttribute("d"),
            tile.querySelector(".word").textContent,
        ].join("|"))"""
    )
    statuses = {line.split("|")[0] for line in told}
    assert statuses == set(samples.STATUSES)
    assert len(set(told)) == len(statuses)
    for column in range(1, 4):
        assert len({line.split("|")[column] for line in told}) == len(statuses)


CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const light = (colour) => {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => {
            const s = v / 255;
            return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return [...document.querySelectorAll("article.bed")].flatMap((tile) => {
        const ground = light(getComputedStyle(tile).getPropertyValue("--fill"));
        return [...tile.querySelectorAll(".code, .word, .who, .about, .since")].map((text) =>
            [`${tile.dataset.status} ${text.className}`, ratio(ground, light(getComputedStyle(text).color))]);
    });
}"""


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_every_text_on_a_tile_has_enough_contrast(
    make_peer: MakePeer, open_page: OpenPage, theme: str
) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,) * 6, clinical=True), audience="clinical")
    page = await open_page(f"{peer.url}/screens/ward/MED?theme={theme}")
    await expect(page.locator("article.bed")).to_have_count(24)
    weak = {what: ratio for what, ratio in await page.evaluate(CONTRAST) if ratio < 4.5}
    assert weak == {}


async def test_who_treats_the_patients_sees_name_age_and_isolation(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    state = samples.ward((4, 4), clinical=True)
    lying = [bed for key, bed in state.items() if key.startswith("bed:") and bed["occupant"]]
    mother, child = lying[:2]
    child["beside"] = mother["code"]
    peer = await make_peer("/beds", "ward:MED", state, audience="clinical")
    page = await open_page(f"{peer.url}/screens/ward/MED")
    await expect(page.get_by_text("Amelia Novak")).to_be_visible()
    await expect(page.get_by_label("Children beside: 1")).to_have_count(1)
    await expect(page.get_by_text(f"Beside {mother['code']}")).to_have_count(1)
    await expect(page.get_by_label("Isolation").first).to_be_visible()
    tile = page.locator("article.bed", has=page.get_by_text("Amelia Novak"))
    await expect(tile.locator(".about")).to_have_text("71 y · F · MRN-41911")


async def test_a_public_board_shows_no_person_and_no_flag(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4, 4)))
    page = await open_page(f"{peer.url}/screens/ward/MED")
    await expect(page.locator("article.bed")).to_have_count(8)
    assert await page.locator(".who:visible, .about:visible, .flag").count() == 0
    assert "MRN" not in await page.content()


async def test_a_changed_tile_stands_out_unless_motion_is_unwanted(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,)))
    moving = await open_page(f"{peer.url}/screens/ward/MED")
    still = await open_page(f"{peer.url}/screens/ward/MED", reduced_motion="reduce")
    for page in (moving, still):
        await expect(page.locator("body")).to_have_attribute("data-live", "live")
    await peer.put("bed:00000000", {**peer.state["bed:00000000"], "status": "cleaning"})
    for page, animation in ((moving, "changed"), (still, "held")):
        tile = page.locator("article.changed")
        await expect(tile).to_have_count(1)
        await expect(tile).to_have_css("animation-name", animation)


async def test_markup_in_a_name_stays_text(make_peer: MakePeer, open_page: OpenPage) -> None:
    state = samples.ward((2,), clinical=True)
    state["bed:00000000"]["occupant"]["name"] = "<img src=x onerror=alert(1)>"
    peer = await make_peer("/beds", "ward:MED", state, audience="clinical")
    page = await open_page(f"{peer.url}/screens/ward/MED")
    await expect(page.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    assert await page.locator("article img").count() == 0


async def test_a_ward_that_does_not_exist_says_so(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,)))
    page = await open_page(f"{peer.url}/screens/ward/NOWHERE")
    await expect(page.locator("#reason-word")).to_have_text("No such board")


async def test_texts_follow_the_language(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((4,)))
    page = await open_page(f"{peer.url}/screens/ward/MED?lang=es")
    await expect(page.locator("article.bed .word").first).to_have_text("Ocupada")
    await expect(page.locator("html")).to_have_attribute("lang", "es")


async def test_every_language_has_every_text(make_peer: MakePeer, open_page: OpenPage) -> None:
    peer = await make_peer("/beds", "ward:MED", samples.ward((1,)))
    page = await open_page(f"{peer.url}/screens/ward/MED")
    languages = await page.evaluate(
        """async () => Object.values((await import("/screens/static/texts.js")).TEXTS)
            .map((texts) => Object.entries(texts)
                .map(([name, words]) => `${name} ${(words.match(/\\{\\w+\\}/g) ?? []).sort()}`).sort())"""
    )
    assert len(languages) > 1
    assert all(texts == languages[0] for texts in languages)
