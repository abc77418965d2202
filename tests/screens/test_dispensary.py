"""The pick-up screen of a dispensary: numbers that lie ready, numbers that are prepared; never a name."""

import os
from typing import Any

from playwright.async_api import expect

from tests.screens.conftest import MakePeer, OpenPage


def rx(number: int, *, ready: bool = False, state: str = "active") -> dict[str, Any]:
    return {"number": number, "state": state, "ready": ready}


async def test_a_number_comes_is_ready_and_leaves(make_peer: MakePeer, open_page: OpenPage) -> None:
    state = {f"prescription:{n}": rx(4100 + n, ready=n < 5) for n in range(20)}
    state["prescription:h"] = rx(4199, state="on_hold")
    peer = await make_peer("/pharmacy", "dispensary:MAIN", state)
    page = await open_page(f"{peer.url}/screens/dispensary/MAIN")
    await expect(page.locator("body")).to_have_attribute("data-live", "live", timeout=15_000)
    await expect(page.locator("#name")).to_have_text("Pharmacy MAIN")
    await expect(page.locator("#ready .label")).to_have_text([str(4100 + n) for n in range(5)])
    await expect(page.locator("#line li").first).to_have_text("4105")
    await expect(page.get_by_text("4199")).to_have_count(0)
    await peer.put("prescription:7", rx(4107, ready=True))
    await expect(page.locator("#ready .flash .label")).to_have_text(["4107"])
    await expect(page.locator("#line").get_by_text("4107")).to_have_count(0)
    if path := os.environ.get("SCREENSHOT"):
        await page.screenshot(path=path)
    for n in (0, 1, 2, 3, 4, 7):
        await peer.remove(f"prescription:{n}")
    await expect(page.locator("#nobody")).to_be_visible()


async def test_whoever_is_signed_in_sees_numbers_only_and_nothing_of_the_wards(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    named = {"patient_name": "Marta Ruiz", "mrn": "MRN-41800", "clinic": "GEN", "take_home": False}
    state = {
        "prescription:1": {**rx(1, ready=True), **named, "ward": None},
        "prescription:2": {**rx(2, ready=True), **named, "ward": "ICU"},
        "prescription:3": {**rx(3), **named, "ward": "ICU", "take_home": True},
    }
    peer = await make_peer("/pharmacy", "dispensary:MAIN", state, audience="staff")
    page = await open_page(f"{peer.url}/screens/dispensary/MAIN?lang=es", width=390, height=844)
    await expect(page.locator("#ready .label")).to_have_text(["1"])
    await expect(page.locator("#line li")).to_have_text(["3"])
    await expect(page.get_by_text("Listo para recoger")).to_be_visible()
    content = await page.content()
    assert "Ruiz" not in content
    assert "MRN" not in content
