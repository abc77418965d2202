"""The queue list: printed on one page in the order of being called, also when the server has gone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from hms_rt.departments.opd.schemas.queue import ClinicIn, TokenIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PASSWORD, PersonFactory, command
from tests.screens import samples
from tests.screens.conftest import MakePeer, OpenPage
from tests.screens.test_real_server import CANARY, address

ONE_PAGE = b"/Type /Page\n"


async def pages(page: Page) -> int:
    return (await page.pdf(prefer_css_page_size=True)).count(ONE_PAGE)


async def test_an_open_list_goes_on_printing_on_one_page_when_the_server_has_gone(
    services: Services, server: TestServer, person: PersonFactory, open_page: OpenPage
) -> None:
    await services.opd.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="General"))
    patient = await services.patients.register(SYSTEM, command(), PatientNew(family_name=CANARY))
    for _ in range(59):
        await services.opd.issue(SYSTEM, command(), "GEN", TokenIn())
    urgent = TokenIn.model_validate({"patient_id": patient.id, "priority": "urgent"})
    await services.opd.issue(SYSTEM, command(), "GEN", urgent)
    await person(Role.NURSE, username="nora", clinic="GEN")

    page = await open_page(address(server, "/screens/queue/GEN"))
    await expect(page.get_by_role("alert")).to_contain_text("Not signed in")
    login = {"username": "nora", "password": PASSWORD}
    await page.request.post(address(server, "/api/v1/auth/login"), data=login)
    await page.reload()
    await expect(page.locator("tbody tr")).to_have_count(60)
    await expect(page.locator("tbody tr").first).to_contain_text(CANARY)
    assert await pages(page) == 1

    await page.route("**/api/**", lambda route: route.abort())
    await page.evaluate("() => { dispatchEvent(new Event('offline')); }")
    await expect(page.get_by_role("alert")).to_contain_text("This is the state of", timeout=20_000)
    await expect(page.get_by_text(CANARY)).to_be_visible()
    assert await pages(page) == 1
    assert await page.evaluate("Object.values(localStorage).join().includes('Zzyzxowa')") is False


def waiting(label: str, joined: datetime, due: datetime | None = None) -> dict[str, Any]:
    return {
        "label": label,
        "state": "waiting",
        "counter": None,
        "called_at": None,
        "order": f"2 {joined.isoformat()} {label[2:]}",
        "due_at": due.isoformat() if due else None,
    }


async def test_the_screen_shows_appointments_and_walk_ins_in_turn(
    make_peer: MakePeer, open_page: OpenPage
) -> None:
    state, now = samples.clinic(called=0, serving=0, waiting=0), datetime.now(UTC)
    state["line"] = {"in_row": 1, "at_most": 2}
    minute = timedelta(minutes=1)
    tokens = [
        waiting("A-001", now - 90 * minute),
        waiting("A-002", now - 80 * minute),
        waiting("A-003", now - 70 * minute, now - 10 * minute),
        waiting("A-004", now - 60 * minute, now - 20 * minute),
        waiting("A-005", now - 50 * minute, now + 20 * minute),
        waiting("A-006", now - 5 * minute, now - 40 * minute),
    ]
    state |= {f"token:{number:08}": token for number, token in enumerate(tokens)}
    peer = await make_peer("/opd", "clinic:GEN", state)
    page = await open_page(f"{peer.url}/screens/opd/GEN")
    shown = page.locator("#line li")
    await expect(shown).to_have_text(["A-004", "A-001", "A-003", "A-002", "A-006", "A-005"])
    await peer.put("line", {"in_row": 0, "at_most": 2})
    await expect(shown).to_have_text(["A-004", "A-003", "A-001", "A-002", "A-006", "A-005"])
