"""What the cashier, the pharmacy and a store show: numbers to visitors, live work to those who do it."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.screens import samples
from tests.screens.conftest import MakePeer, OpenPage

NAME = "Zzyzxowa"
LIVE = ("data-live", "live")
FITS = """() => {
    const box = (element) => element.getBoundingClientRect();
    const labels = [...document.querySelectorAll("#numbers .label")];
    return {
        tall: Math.min(...labels.map((label) => parseFloat(getComputedStyle(label).fontSize))),
        inside: labels.every((label) => box(label).right <= innerWidth && box(label).bottom <= innerHeight),
        scrolls: document.documentElement.scrollWidth > innerWidth,
    };
}"""
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
    const ground = (element) => {
        const found = getComputedStyle(element).backgroundColor;
        return found === "rgba(0, 0, 0, 0)" && element.parentElement ? ground(element.parentElement) : found;
    };
    const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const texts = document.querySelectorAll("th, td, td *, .chip, .chip b, dt, dd, h1, .under");
    const worded = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    return [...texts].filter(worded)
        .map((one) => [`${one.tagName} ${one.className} ${one.textContent}`,
            ratio(light(ground(one)), light(getComputedStyle(one).color))]);
}"""
SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"


def invoice(number: int, due: str = "12.01", state: str = "issued") -> dict[str, Any]:
    return {
        "id": f"i{number}",
        "number": number,
        "patient_id": f"p{number}",
        "state": state,
        "total": "12.01",
        "due": due,
        "version": 1,
    }


def rx(number: int, *, name: str = NAME, minutes: float = 5, **said: Any) -> dict[str, Any]:
    line = {
        "id": f"l{number}",
        "medicine": "AMOX500",
        "name": "Amoxicillin 500 mg",
        "quantity": "15",
        "dispensed": "0",
        "dispense_unit": "capsule",
        "controlled": False,
        "not_dispensed": False,
        "allergy_alert": number == 4102,
    }
    return {
        "number": number,
        "patient_name": name,
        "mrn": f"MRN-{number}",
        "ward": None,
        "clinic": "GEN",
        "take_home": False,
        "state": "active",
        "ready": False,
        "prescribed_at": samples.ago(minutes=minutes),
        "lines": [line],
        **said,
    }


def lot(medicine: str, number: str, expires_on: str, **said: Any) -> dict[str, Any]:
    standing = {"recalled": False, "expired": False, "near_expiry": False}
    return {
        "lot_id": number,
        "medicine": medicine,
        "lot": number,
        "expires_on": expires_on,
        "quantity": "40",
        **standing,
        **said,
    }


def shelf(medicine: str, usable: str, *, low: bool = False) -> dict[str, Any]:
    return {"medicine": medicine, "usable": usable, "reorder_level": "50", "low": low}


async def live(page: Page) -> None:
    await expect(page.locator("body")).to_have_attribute(*LIVE, timeout=15_000)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (390, 844)])
async def test_a_counter_calls_numbers_that_are_read_from_far_and_nothing_else(
    make_peer: MakePeer, open_page: OpenPage, width: int, height: int
) -> None:
    state = {f"invoice:{n}": {"number": 10_300 + n, "state": "issued"} for n in range(24)}
    peer = await make_peer("/billing", "cashier:K1", state)
    page = await open_page(f"{peer.url}/screens/cashier/K1", width=width, height=height)
    await live(page)
    await expect(page.locator("#numbers .label")).to_have_count(24)
    found = await page.evaluate(FITS)
    assert found["inside"]
    assert not found["scrolls"]
    assert found["tall"] >= (80 if width == 1920 else 16)
    await expect(page.locator("#desk")).to_be_hidden()
    await peer.put("invoice:new", {"number": 10_324, "state": "issued"})
    await expect(page.locator("#numbers .flash .label")).to_have_text(["10324"])
    await expect(page.get_by_text("and 1 more")).to_be_visible()
    for n in range(24):
        await peer.remove(f"invoice:{n}")
    await expect(page.locator("#numbers .label")).to_have_text(["10324"])
    await peer.remove("invoice:new")
    await expect(page.get_by_text("Nothing is to be paid here")).to_be_visible()


async def test_a_cashier_sees_the_shift_and_exactly_what_is_due(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    shift = {"id": "s", "cashier": "me", "opened_at": samples.ago(hours=3), "cash": "50.00", "version": 1}
    state = {"shift": shift, **{f"invoice:{n}": invoice(n, "0.10") for n in (2, 1, 11)}}
    peer = await make_peer("/billing", "cashier:K1", state, audience="staff")
    peer.me = {"kind": "user", "id": "me", "name": "Rita", "roles": ["reception"], "rooms": []}
    page = await open_page(f"{peer.url}/screens/cashier/K1")
    await live(page)
    await expect(page.locator("#list td.number")).to_have_text(["1", "2", "11"])
    await expect(page.locator("#facts .due dd")).to_have_text("0.30")
    await expect(page.locator("#facts")).to_contain_text("You")
    await expect(page.locator("#wall")).to_be_hidden()
    await peer.put("invoice:2", invoice(2, "0.05", "part_paid"))
    row = page.locator("#list tr", has_text="Part paid")
    await expect(row).to_contain_class("changed")
    await expect(page.locator("#facts .due dd")).to_have_text("0.25")
    await page.get_by_role("button", name="Part paid").press("Enter")
    await expect(page.locator("#list td.number")).to_have_text(["2"])
    await page.get_by_role("button", name="All").click()
    await page.get_by_label("Find a number").fill("11")
    await expect(page.locator("#list td.number")).to_have_text(["11"])
    await peer.remove("shift")
    await expect(page.get_by_text("No shift is open")).to_be_visible()
    stored = "Object.keys(localStorage).filter((key) => key.includes('cashier'))"
    assert await page.evaluate(stored) == []


async def test_a_seller_sees_the_shift_and_its_drawer_and_no_invoice(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    shift = {"id": "s", "cashier": "me", "opened_at": samples.ago(hours=1), "cash": "80.50", "version": 1}
    peer = await make_peer("/billing", "cashier:P1", {"shift": shift}, audience="seller")
    peer.me = {"kind": "user", "id": "me", "name": "Petra", "roles": ["pharmacy"], "rooms": []}
    page = await open_page(f"{peer.url}/screens/cashier/P1")
    await live(page)
    await expect(page.locator("#facts dd")).to_have_count(3)
    await expect(page.locator("#facts")).to_contain_text("You")
    await expect(page.locator("#facts")).to_contain_text("80.50")
    for hidden in ("#wall", "#list", "#find", "#none"):
        await expect(page.locator(hidden)).to_be_hidden()
    await peer.put("shift", {**shift, "cash": "92.51"})
    await expect(page.locator("#facts")).to_contain_text("92.51")
    await peer.remove("shift")
    await expect(page.get_by_text("No shift is open")).to_be_visible()
    await expect(page.locator("#facts dd")).to_have_text(["Closed"])


async def test_the_pharmacy_sees_what_waits_what_is_ready_and_what_is_late(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    state = {
        "prescription:1": rx(4101, minutes=45),
        "prescription:2": rx(4102, ready=True),
        "prescription:3": rx(4103, ward="ICU", clinic=None, name="Wolfeschlegelsteinhausenbergerdorff"),
        "prescription:4": rx(4104, state="on_hold", name="<img src=x onerror=alert(1)>"),
    }
    peer = await make_peer("/pharmacy", "dispensary:MAIN", state, audience="staff")
    page = await open_page(f"{peer.url}/screens/pharmacy/MAIN", width=1280, height=720)
    await live(page)
    await expect(page.locator("#list td.number")).to_have_text(["4101", "4103", "4102", "4104"])
    await expect(page.locator("#list tr.late td.number")).to_have_text(["4101"])
    assert await page.locator("#list img").count() == 0
    await expect(page.locator("#list tr:has(.recalled) td.number")).to_have_text(["4102"])
    await page.get_by_label("Number, patient, medicine").fill("WOLFE")
    await expect(page.locator("#list td.number")).to_have_text(["4103"])
    await page.get_by_label("Number, patient, medicine").fill("")
    await peer.put("prescription:3", {**state["prescription:3"], "ready": True})
    await page.get_by_role("button", name="Ready").click()
    await expect(page.locator("#list td.number")).to_have_text(["4102", "4103"])
    await page.get_by_role("button", name="All").click()
    for theme in ("dark", "light"):
        await page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        found = await page.evaluate(CONTRAST)
        assert len(found) > 20
        assert {what: ratio for what, ratio in found if ratio < 4.5} == {}
    await page.set_viewport_size({"width": 390, "height": 844})
    assert not await page.evaluate(SIDEWAYS)


async def test_a_store_says_what_is_low_what_expires_and_what_is_recalled(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    state = {
        "medicine:AMOX500": shelf("AMOX500", "120"),
        "medicine:MORPH10": shelf("MORPH10", "3", low=True),
        "lot:A": lot("AMOX500", "A", "2099-05-01"),
        "lot:B": lot("AMOX500", "B", "2027-01-01", near_expiry=True),
        "lot:C": lot("AMOX500", "C", "2020-01-01", expired=True, recalled=True),
    }
    peer = await make_peer("/pharmacy", "stock:ICU-CUP", state, audience="staff")
    page = await open_page(f"{peer.url}/screens/stock/ICU-CUP", width=390, height=844)
    await live(page)
    assert not await page.evaluate(SIDEWAYS)
    await expect(page.locator("#list td.lot:not(:empty)")).to_have_text(["C", "B", "A"])
    await expect(page.locator("#list .group")).to_have_count(2)
    await expect(page.locator("#list tr.recalled")).to_contain_text("Recalled")
    await page.get_by_role("button", name="Low").click()
    await expect(page.locator("#list .group")).to_have_text(["MORPH103 order at 50Low"])
    await page.get_by_role("button", name="Expires soon").click()
    await expect(page.locator("#list td.lot:not(:empty)")).to_have_text(["B"])
    await peer.put("lot:A", lot("AMOX500", "A", "2099-05-01", recalled=True))
    await page.get_by_role("button", name="Recalled").click()
    await expect(page.locator("#list td.lot:not(:empty)")).to_have_text(["C", "A"])
    await expect(page.get_by_role("button", name="Recalled")).to_have_attribute("aria-pressed", "true")


async def test_a_nurse_opens_what_is_to_be_done_before_a_patient_leaves(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    state = samples.ward((4, 4), clinical=True)
    key, bed = next((key, one) for key, one in state.items() if one.get("occupant"))
    bed |= {"leaving_since": samples.ago(hours=1)}
    bed["occupant"]["outstanding"] = 2
    peer = await make_peer("/beds", "ward:MED", state, audience="clinical")
    page = await open_page(f"{peer.url}/screens/ward/MED")
    unbilled = {
        "department": "billing",
        "kind": "unbilled_services",
        "count": 7,
        "what": ["Bed", "Lactate, to be priced"],
    }
    undelivered = {
        "department": "pharmacy",
        "kind": "medication_to_hand_over",
        "count": 1,
        "what": ["Amoxicillin 500 mg, active"],
    }
    items = [unbilled, undelivered]
    await page.route("**/api/v1/admissions?*", lambda route: route.fulfill(json={"items": [{"id": "a1"}]}))
    await page.route("**/api/v1/admissions/a1/checklist", lambda route: route.fulfill(json={"items": items}))
    await page.get_by_role("button", name="May leave, 2 to do").press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Not billed7BedLactate, to be pricedand 5 more")
    await expect(dialog).to_contain_text("Medicines not delivered")
    items.remove(undelivered)
    await peer.put(key, {**bed, "occupant": {**bed["occupant"], "outstanding": 1}})
    await expect(dialog).not_to_contain_text("Medicines not delivered")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
