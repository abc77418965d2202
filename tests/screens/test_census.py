"""The census page: printed on one page, and still printed when the server has gone."""

from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from hms_rt.departments.ipd.schemas import AdmissionIn, BedChoice, Timed
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PASSWORD, PersonFactory, WardFactory, command
from tests.screens.conftest import OpenPage
from tests.screens.test_real_server import CANARY, address


async def test_an_open_census_goes_on_printing_on_one_page_when_the_server_has_gone(
    services: Services, server: TestServer, ward: WardFactory, person: PersonFactory, open_page: OpenPage
) -> None:
    beds = await ward("ICU", beds=40)
    patient = await services.patients.register(SYSTEM, command(), PatientNew(family_name=CANARY))
    wanted = AdmissionIn(patient_id=patient.id, ward="ICU", reason="observation")
    admission = await services.ipd.request(SYSTEM, command(), wanted)
    await services.ipd.accept(SYSTEM, command(), admission.id, Timed())
    await services.ipd.assign(SYSTEM, command(), admission.id, BedChoice(bed_id=beds[0].id))
    await person(Role.NURSE, username="nora", ward="ICU")

    page = await open_page(address(server, "/screens/census/ICU"))
    await expect(page.get_by_role("alert")).to_contain_text("Not signed in")
    login = {"username": "nora", "password": PASSWORD}
    await page.request.post(address(server, "/api/v1/auth/login"), data=login)
    await page.reload()
    await expect(page.get_by_text(CANARY)).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(40)
    assert (await page.pdf(prefer_css_page_size=True)).count(b"/Type /Page\n") == 1

    await page.route("**/api/**", lambda route: route.abort())
    await page.evaluate("() => { dispatchEvent(new Event('offline')); }")
    await expect(page.get_by_role("alert")).to_contain_text("This is the state of", timeout=20_000)
    await expect(page.get_by_text(CANARY)).to_be_visible()
    assert (await page.pdf(prefer_css_page_size=True)).count(b"/Type /Page\n") == 1
    assert await page.evaluate("Object.values(localStorage).join().includes('Zzyzxowa')") is False
