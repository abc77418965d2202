"""Fifty cashiers at once on one invoice and one deposit, over two server processes: nothing is paid twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.billing.schemas.accounts import CashierIn, ShiftIn
from hms_rt.departments.billing.schemas.tariffs import CodeIn
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import DepartureIn
from hms_rt.kernel.principal import SYSTEM, Role
from tests.billing.conftest import Query, Till
from tests.billing.test_accounts import Counter1, adds_up
from tests.billing.test_charges import admitted
from tests.cli.processes import configured
from tests.conftest import PASSWORD, PersonFactory, WardFactory, command
from tests.lab.test_two_servers import one_server

MANY = 50


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores) -> AsyncIterator[Hospital]:
    """Not started: the servers of the test do the work, and it prepares and looks."""
    made = Hospital(settings, stores)
    yield made
    await made.close()


async def test_fifty_cashiers_on_one_invoice_and_one_deposit_over_two_servers(
    till: Till, stores: Stores, person: PersonFactory, tmp_path: Path, query: Query, ward: WardFactory
) -> None:
    await till.price("DRESS", "100")
    billing, patient_id = till.services.billing, await till.patient()
    for code in ("C1", "C2"):
        await billing.define_cashier(till.admin, command(), CashierIn(code=code, name=code))
    opening = ShiftIn.model_validate({"opening_cash": "0"})
    shift = await billing.open_cashier_shift(till.clerk, command(), "C1", opening)
    desk = Counter1(till, shift)
    await till.charge(patient_id)
    invoice = await desk.invoice(patient_id)
    await person(Role.ADMIN, username="boss")
    (bed,) = await ward("ICU", 1)
    left = await admitted(till, bed.id)
    await billing.define_payer(till.admin, command(), CodeIn(code="AXA", name="AXA plc"))
    await till.price("BED-ICU", "950", payer="AXA", payer_share="80")
    await till.cover(left.patient_id, payer="AXA")
    await till.services.ipd.depart(SYSTEM, command(), left.id, DepartureIn(disposition=Disposition.LEFT))
    async with AsyncExitStack() as stack:
        served = [stack.enter_async_context(one_server(tmp_path, configured(stores))) for _ in range(2)]
        sessions = []
        for url in await asyncio.gather(*served):
            jar = aiohttp.CookieJar(unsafe=True)
            session = await stack.enter_async_context(aiohttp.ClientSession(url, cookie_jar=jar))
            signed = {"username": "boss", "password": PASSWORD}
            async with session.post("/api/v1/auth/login", json=signed) as answer:
                assert answer.status == 200
            sessions.append(session)

        async def ask(number: int, path: str, body: dict[str, Any], **headers: str) -> int:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            url = f"/api/v1/billing{path}"
            for _ in range(5):  # busy, and nothing done: as clients do, again
                async with sessions[number % 2].post(url, json=body, headers=headers) as answer:
                    if answer.status != 503:
                        break
                await asyncio.sleep(1)
            return answer.status

        async def at_once(path: str, body: dict[str, Any], **headers: str) -> Counter[int]:
            asked = (ask(number, path, body, **headers) for number in range(MANY))
            return Counter(await asyncio.gather(*asked))

        cash = {"patient_id": str(patient_id), "counter": "C1", "means": "cash"}
        paid = await at_once("/payments", {**cash, "amount": "7.00", "invoice_id": str(invoice.id)})
        assert paid == {201: 14, 409: 36}  # 14 × 7.00 fit into 100.00, not one more
        assert await at_once("/payments", {**cash, "amount": "0.10"}) == {201: MANY}
        settled = await at_once(f"/invoices/{invoice.id}/settle", {"amount": "1.00"})
        assert settled == {200: 2, 409: 48}
        charge = {"patient_id": str(patient_id), "service": "DRESS", "quantity": "1", "reason": "told"}
        assert await ask(0, "/charges", charge) == 201
        drafted = await at_once("/invoices", {"patient_id": str(patient_id)})
        assert drafted == {201: 1, 409: 49}
        planned = {"patient_id": str(patient_id), "items": [{"service": "DRESS", "quantity": "1"}]}
        assert await at_once("/estimates", planned) == {201: MANY}
        about = {"patient_id": str(left.patient_id), "admission_id": str(left.id), "final": True}
        assert await at_once("/invoices", about) == {201: 1, 409: 49}
        (last,) = await query("SELECT id FROM billing_invoice WHERE admission_id IS NOT NULL")
        assert await at_once(f"/invoices/{last.id}/issue", {}) == {200: 1, 409: 49}
        owed = await query("SELECT owed FROM billing_invoice WHERE admission_id IS NOT NULL ORDER BY owed")
        assert [row.owed for row in owed] == [190, 760]
        (axa,) = await query("SELECT id FROM billing_invoice WHERE kind = 'payer'")
        remitted = {"counter": "C1", "amount": "100.00"}
        partial = {"amount": "100.00", "reason": "code 96", "remitted": remitted}
        moved_on = await at_once(f"/invoices/{axa.id}/refuse", partial)
        assert moved_on == {201: 3, 409: 47}  # three times 200.00 fit into 760.00
        assert await at_once(f"/invoices/{axa.id}/refuse", {"reason": "code 96"}) == {201: 1, 409: 49}
        (moved,) = await query("SELECT sum(owed) AS owed FROM billing_invoice WHERE kind = 'refused'")
        assert moved.owed == 460
        assert await ask(0, "/discount-limits", {"holder": "admin", "percent": "50"}) in (200, 201)
        (draft,) = await query("SELECT id FROM billing_invoice WHERE state = 'draft'")
        pack = {"code": "CARE", "name": "Wound care", "kind": "package"}
        assert await ask(0, "/services", pack) == 201
        assert (
            await ask(0, "/prices", {"service": "CARE", "valid_from": "2000-01-01", "unit_price": "1"}) == 201
        )
        two = {"package": "CARE", "items": [{"service": "LAC", "quantity": "2"}]}
        assert await at_once("/packages", two) == {201: 1, 409: 49}
        other = await till.patient("Ohm")
        applied = {"patient_id": str(other), "package": "CARE"}
        assert await at_once("/package-uses", applied) == {201: MANY}
        (use,) = await query("SELECT id FROM billing_package_use ORDER BY id LIMIT 1")
        why = {"reason": "changed plans"}
        back = await at_once(f"/package-uses/{use.id}/withdraw", why, If_Match='"1"')
        assert back in ({200: 1, 409: 49}, {200: 1, 412: 49})
        off = {"amount": "7.00", "reason": "member of staff"}
        given = await at_once(f"/invoices/{draft.id}/discounts", off)
        assert given == {201: MANY}
        (taken,) = await query("SELECT total FROM billing_invoice WHERE state = 'draft'")
        assert taken.total == Decimal(51)  # seven times 7.00 within half of 100.00, the others wait
        opened = await at_once("/cashiers/C2/shifts", {"opening_cash": "0"})
        assert opened == {201: 1, 409: 49}
        keyed = await asyncio.gather(
            *(ask(n, "/payments", {**cash, "amount": "1.00"}, Idempotency_Key="same") for n in range(MANY))
        )
        assert set(keyed) <= {201, 409}
        (drawer,) = await query("SELECT id, cash FROM billing_shift WHERE counter = 'C1'")
        cards = {**cash, "means": "card", "amount": "2.00"}
        assert await at_once("/payments", cards) == {201: MANY}
        for one in await query("SELECT id, counter, cash, version FROM billing_shift ORDER BY counter"):
            path, told = f"/shifts/{one.id}/close", dict[str, Any](counted=str(one.cash))
            if one.counter == "C1":
                assert await ask(0, path, told, If_Match=f'"{one.version}"') == 409
                bank = {"means": "transfer", "counted": "300.00"}
                told |= {"means": [{"means": "card", "counted": "100.00"}, bank]}
            closed = await at_once(path, told, If_Match=f'"{one.version}"')
            assert closed in ({200: 1, 409: 49}, {200: 1, 412: 49})
        assert await at_once("/days", {}) == {201: 1, 409: 49}
        assert drawer.cash
    sums = await adds_up(query)
    assert (sums.cash, sums.deposits) == (Decimal("104.00"), Decimal("104.00"))
