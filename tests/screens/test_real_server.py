"""The screens against the real server: enrolment, a change that shows, no names, a server that comes back."""

from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.billing.schemas.accounts import CashierIn, InvoiceIn, IssueIn
from hms_rt.departments.billing.schemas.charges import ChargeIn
from hms_rt.departments.billing.schemas.tariffs import PriceIn
from hms_rt.departments.identity.schemas import DeviceNew
from hms_rt.departments.ipd.schemas import AdmissionIn, BedChoice, Timed
from hms_rt.departments.opd.schemas.queue import CallIn, ClinicIn, CounterIn, TokenIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.departments.pharmacy.schemas.prescriptions import Activation, PrescriptionIn
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.billing.conftest import furnish as furnish_till
from tests.conftest import PASSWORD, PersonFactory, WardFactory, command
from tests.listening import HospitalServer
from tests.pharmacy.conftest import furnish as furnish_pharmacy
from tests.pharmacy.conftest import line
from tests.screens.conftest import OpenPage

CANARY = "Zzyzxowa"


def address(server: TestServer, path: str) -> str:
    return str(server.make_url("/")).rstrip("/") + path


async def link(services: Services, room: str) -> str:
    """A single-use link for a screen bound to ``room``."""
    device = DeviceNew(name=f"Screen of {room}", rooms=[room])
    return (await services.identity.create_device(SYSTEM, command(), device)).path


async def test_a_corridor_board_shows_a_change_and_never_a_name(
    services: Services, server: TestServer, ward: WardFactory, open_page: OpenPage
) -> None:
    beds = await ward("ICU", beds=4)
    patient = await services.patients.register(SYSTEM, command(), PatientNew(family_name=CANARY))
    page = await open_page(address(server, await link(services, "/beds ward:ICU")))
    await expect(page).to_have_url(address(server, "/screens/ward/ICU"))
    await expect(page.locator("article.bed")).to_have_count(4)
    await expect(page.get_by_text("Available", exact=True).first).to_be_visible()

    wanted = AdmissionIn(patient_id=patient.id, ward="ICU", reason="observation")
    admission = await services.ipd.request(SYSTEM, command(), wanted)
    await services.ipd.accept(SYSTEM, command(), admission.id, Timed())
    await services.ipd.assign(SYSTEM, command(), admission.id, BedChoice(bed_id=beds[0].id))
    isolated = BedChange(isolation=True)
    await services.beds.change(SYSTEM, command(), beds[0].id, isolated)

    await expect(page.locator("article.bed", has_text="Occupied")).to_have_count(1)
    assert CANARY not in await page.content()
    assert "solation" not in await page.locator("body").inner_text()


async def test_a_signed_in_nurse_sees_who_lies_where(
    services: Services, server: TestServer, ward: WardFactory, person: PersonFactory, open_page: OpenPage
) -> None:
    beds = await ward("ICU", beds=2)
    patient = await services.patients.register(SYSTEM, command(), PatientNew(family_name=CANARY))
    wanted = AdmissionIn(patient_id=patient.id, ward="ICU", reason="observation")
    admission = await services.ipd.request(SYSTEM, command(), wanted)
    await services.ipd.accept(SYSTEM, command(), admission.id, Timed())
    await services.ipd.assign(SYSTEM, command(), admission.id, BedChoice(bed_id=beds[0].id))
    await person(Role.NURSE, username="nora", ward="ICU")

    page = await open_page(address(server, "/screens/"))
    signed_in = await page.request.post(
        address(server, "/api/v1/auth/login"), data={"username": "nora", "password": PASSWORD}
    )
    assert signed_in.status == 200
    await page.goto(address(server, "/screens/ward/ICU"))
    await expect(page.get_by_text(CANARY).first).to_be_visible()


async def test_a_waiting_room_sees_numbers_only(
    services: Services, server: TestServer, open_page: OpenPage
) -> None:
    await services.opd.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="General"))
    await services.opd.define_counter(SYSTEM, command(), "GEN", CounterIn(code="GEN-1", name="Counter 1"))
    patient = await services.patients.register(SYSTEM, command(), PatientNew(family_name=CANARY))
    page = await open_page(address(server, await link(services, "/opd clinic:GEN")))
    token = await services.opd.issue(SYSTEM, command(), "GEN", TokenIn(patient_id=patient.id))
    await expect(page.get_by_text(token.label).first).to_be_visible()
    await services.opd.call(SYSTEM, command(), token.id, CallIn(counter="GEN-1"))
    await expect(page.get_by_text("Counter 1").first).to_be_visible()
    assert CANARY not in await page.content()


async def test_the_screens_before_pharmacy_and_till_see_numbers_only_and_the_cashier_what_is_due(
    services: Services, server: TestServer, ward: WardFactory, person: PersonFactory, open_page: OpenPage
) -> None:
    await ward("ICU", beds=1)
    await furnish_till(services)
    await furnish_pharmacy(services)
    await services.opd.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="General"))
    patient = await services.patients.register(SYSTEM, command(), PatientNew(family_name=CANARY))
    await services.billing.define_cashier(SYSTEM, command(), CashierIn(code="K1", name="Till"))
    pick_up = await open_page(address(server, await link(services, "/pharmacy dispensary:MAIN")))
    till = await open_page(address(server, await link(services, "/billing cashier:K1")))
    await expect(till).to_have_url(address(server, "/screens/cashier/K1"))
    await expect(till.get_by_text("Nothing is to be paid here")).to_be_visible()

    wanted = {"patient_id": patient.id, "clinic": "GEN", "lines": [line()]}
    draft = await services.pharmacy.prescribe(SYSTEM, command(), PrescriptionIn.model_validate(wanted))
    await services.pharmacy.activate(SYSTEM, command(), draft.id, Activation())
    charge = {"patient_id": patient.id, "service": "DRESS", "quantity": "1", "reason": "done at the desk"}
    price = {"service": "DRESS", "unit_price": "12.01", "valid_from": "2000-01-01"}
    await services.billing.set_price(SYSTEM, command(), PriceIn.model_validate(price))
    await services.billing.raise_charge(SYSTEM, command(), ChargeIn.model_validate(charge))
    invoice = await services.billing.draft_invoice(SYSTEM, command(), InvoiceIn(patient_id=patient.id))
    issued = await services.billing.issue_invoice(SYSTEM, command(), invoice.id, IssueIn(counter="K1"))

    await expect(pick_up.locator("#line li")).to_have_text([str(draft.number)])
    await expect(till.locator("#numbers .label")).to_have_text([str(issued.number)])
    for page in (pick_up, till):
        shown = await page.content()
        assert CANARY not in shown
        assert "12.01" not in shown

    await person(Role.RECEPTION, username="rita")
    desk = await open_page(address(server, "/screens/"))
    await desk.get_by_label("Username").fill("rita")
    await desk.get_by_label("Password").fill(PASSWORD)
    await desk.get_by_role("button", name="Sign in").click()
    await desk.get_by_role("link", name="Till K1").click()
    await expect(desk.locator("#list td.due")).to_have_text("€12.01")

    await person(Role.PHARMACY, username="petra", counter="K1")
    await services.billing.define_cashier(SYSTEM, command(), CashierIn(code="K2", name="Till 2"))
    shop = await open_page(address(server, "/screens/"))
    await shop.get_by_label("Username").fill("petra")
    await shop.get_by_label("Password").fill(PASSWORD)
    await shop.get_by_role("button", name="Sign in").click()
    await expect(shop.locator("#cashiers a")).to_have_text(["Till K1"])
    await shop.locator("#cashiers a").click()
    await expect(shop.get_by_text("No shift is open")).to_be_visible()
    await expect(shop.locator("#facts dd")).to_have_text(["Closed"])


async def test_a_board_recovers_by_itself_when_the_server_comes_back(
    settings: Settings,
    stores: Stores,
    clock: ManualClock,
    ward: WardFactory,
    services: Services,
    open_page: OpenPage,
) -> None:
    beds = await ward("ICU", beds=2)
    first = Hospital(settings, stores, clock=clock)
    await first.start()
    listening = HospitalServer(first)
    await listening.start_server()
    port = listening.port
    page = await open_page(address(listening, await link(services, "/beds ward:ICU")))
    await expect(page.locator("article.bed")).to_have_count(2)
    await first.realtime.drain()
    await listening.close()
    await first.stop()

    await services.beds.change(SYSTEM, command(), beds[0].id, BedChange(status=BedStatus.CLEANING))
    second = Hospital(settings, stores, clock=clock)
    await second.start()
    again = HospitalServer(second, port=port)
    await again.start_server()
    try:
        await expect(page.locator("article.bed", has_text="Cleaning")).to_have_count(1, timeout=30_000)
    finally:
        await second.realtime.drain()
        await again.close()
        await second.stop()
