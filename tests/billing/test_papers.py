"""Papers, read back: numbers, amounts and words in the facility's language and currency, and copies."""

import re
from io import BytesIO

import pytest_asyncio
from pypdf import PdfReader

from hms_rt.app import Hospital
from hms_rt.departments.billing.schemas.accounts import (
    CashierIn,
    InvoiceIn,
    RefundIn,
    ShiftClose,
    ShiftIn,
    WhyVoid,
)
from hms_rt.departments.billing.schemas.charges import ReverseCharge
from hms_rt.departments.billing.schemas.papers import IssuerIn
from hms_rt.departments.billing.schemas.tariffs import CodeIn, CurrencyIn, ServiceIn
from hms_rt.departments.patients.schemas.details import WhyIn
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import Role
from hms_rt.services import Services
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import SERVICES, Query, Till, refused
from tests.billing.test_accounts import Counter1
from tests.billing.test_charges import failure
from tests.conftest import ClientFactory, PersonFactory, command


def pages(content: bytes) -> list[str]:
    """What every page says, spaces of any kind made one."""
    return [re.sub(r"\s+", " ", page.extract_text()) for page in PdfReader(BytesIO(content)).pages]


def read(content: bytes) -> str:
    return " ".join(pages(content))


def says(content: bytes, *parts: str) -> None:
    text = read(content)
    for part in parts:
        assert part in text, f"{part!r} is not in {text!r}"


@pytest_asyncio.fixture
async def paying(services: Services, person: PersonFactory) -> Till:
    """No prices yet, so that the currency can be chosen."""
    return Till(services, await person(Role.ADMIN), await person(Role.RECEPTION))


async def furnish(till: Till, currency: str, language: str, unit_price: str) -> Counter1:
    """Counter C1 of a facility that speaks ``language``; an insurer takes 80 per cent."""
    billing = till.services.billing
    await billing.set_currency(till.admin, command(), CurrencyIn(code=currency))
    dressing = {**SERVICES[-1], "name": "Verbandswechsel <groß>"}
    await billing.define_service(till.admin, command(), ServiceIn.model_validate(dressing))
    await billing.define_payer(till.admin, command(), CodeIn(code="AXA", name="AXA plc"))
    await till.price("DRESS", unit_price, tax_rate="19.5")
    await till.price("DRESS", unit_price, tax_rate="5", payer="AXA", payer_share="80")
    issuer = IssuerIn(
        name="Spital Nord",
        address="Hauptplatz 1\n1010 Wien",
        tax_number="ATU1",
        footer="IBAN AT61",
        language=language,
    )
    await billing.set_issuer(till.admin, command(), issuer)
    await billing.define_cashier(till.admin, command(), CashierIn(code="C1", name="C1"))
    opened = await billing.open_cashier_shift(
        till.clerk, command(), "C1", ShiftIn.model_validate({"opening_cash": "5000"})
    )
    return Counter1(till, opened)


async def test_papers_in_german_and_yen(paying: Till, query: Query) -> None:
    till, desk = paying, await furnish(paying, "JPY", "de", "1234")
    billing, clerk, patient_id = desk.billing, till.clerk, await till.patient()
    charge = await till.charge(patient_id, "2")
    draft = await billing.draft_invoice(clerk, command(), InvoiceIn(patient_id=patient_id, final=True))
    says(
        await billing.invoice_pdf(clerk, command(), draft.id), "ENTWURF", "Verbandswechsel <groß>", "Rechnung"
    )
    issued = await desk.issue(draft.id)
    first = await billing.invoice_pdf(clerk, command(), issued.id)
    says(
        first,
        "Spital Nord",
        "UID-Nummer: ATU1",
        "MAIN-1",
        "Curie",
        "2.949 ¥",
        "19,5 %",
        "2.468",
        "481",
        "IBAN AT61",
    )
    assert "KOPIE" not in read(first)
    says(first, "Zu zahlen 2.949 ¥", "Seite 1 von 1", "Alle Beträge in JPY.")
    says(await billing.invoice_pdf(clerk, command(), issued.id), "KOPIE 1")
    says(await billing.invoice_pdf(clerk, command(), issued.id), "KOPIE 2")
    audited = await query("SELECT action FROM audit_log WHERE action LIKE 'invoice.%print' ORDER BY id")
    assert [row.action for row in audited] == ["invoice.print"] * 2 + ["invoice.reprint"] * 2
    paid = await desk.pay(patient_id, "2949", issued.id)
    says(await billing.receipt_pdf(clerk, command(), paid.id), "Quittung", "Rechnung MAIN-1 2.949 ¥", "Bar")
    await billing.reverse_charge(till.admin, command(), charge.id, ReverseCharge(reason="was not done"))
    note = await billing.credit_invoice(clerk, command(), issued.id)
    says(
        await billing.invoice_pdf(clerk, command(), note.id), "Gutschrift", "Zur Rechnung MAIN-1", "-2.949 ¥"
    )
    wanted = RefundIn.model_validate({"amount": "949", "counter": "C1", "reason": "moved away"})
    asked = await billing.request_refund(clerk, command(), paid.id, wanted)
    says(await billing.refund_pdf(clerk, command(), asked.id), "Rückzahlung", "Nicht entschieden", "949 ¥")
    await billing.approve_refund(till.admin, command(), asked.id)
    decided = await billing.refund_pdf(clerk, command(), asked.id)
    says(decided, "Genehmigt von", "KOPIE 1")
    assert "Nicht entschieden" not in read(decided)
    says(await billing.receipt_pdf(clerk, command(), paid.id), "Zurückgezahlt 949 ¥", "Guthaben 2.000 ¥")
    says(
        await billing.shift_pdf(clerk, command(), desk.shift.id), "Bar 2.949 949 7.000", "Sollbestand 7.000 ¥"
    )
    counted = ShiftClose.model_validate({"counted": "6990", "reason": "a coin fell down"})
    await billing.close_cashier_shift(clerk, command(), desk.shift.id, counted)
    closed = await billing.shift_pdf(clerk, command(), desk.shift.id)
    says(closed, "Kassenabrechnung", "Gezählt 6.990 ¥", "Differenz -10 ¥", "a coin fell down")
    for attack in (
        "UPDATE billing_print SET printed = printed - 1",
        "UPDATE billing_print SET printed = printed + 2",
        "UPDATE billing_print SET paper_id = gen_random_uuid(), printed = printed + 1",
        "DELETE FROM billing_print",
        "INSERT INTO billing_print VALUES ('poster', gen_random_uuid(), 1)",
    ):
        assert sqlstate(await failure(query(attack))) in {"23001", "23514", "23505"}, attack


async def test_papers_in_french_and_dinars_over_several_pages(paying: Till) -> None:
    till, desk = paying, await furnish(paying, "KWD", "fr", "1.2345")
    billing, clerk, patient_id = desk.billing, till.clerk, await till.patient()
    await till.cover(patient_id, payer="AXA", policy="P-77")
    for _ in range(60):
        await till.charge(patient_id, "1000")
    issued = await desk.invoice(patient_id)
    told = pages(await billing.invoice_pdf(clerk, command(), issued.id))
    assert len(told) > 1
    for number, page in enumerate(told, 1):
        assert f"Page {number} sur {len(told)}" in page
    assert all("Prestation" in page for page in told[:-1]), "the head of the table is on every page"
    assert sum(page.count("1 234,500") for page in told) == 0, "amounts are gross"
    assert sum(page.count("1 296,225") for page in told) == 60
    says(
        await billing.invoice_pdf(clerk, command(), issued.id), "Facture", "AXA plc", "P-77", "5 %", "1,2345"
    )
    says(await billing.invoice_pdf(clerk, command(), issued.id), "77 773,500 KWD", "74 070,000", "3 703,500")


async def test_papers_of_the_restricted_name_nobody_and_drafts_voids_and_strangers_are_told_apart(
    paying: Till, person: PersonFactory, client_as: ClientFactory, hospital: Hospital
) -> None:
    till, desk = paying, await furnish(paying, "EUR", "xx", "10")
    billing, clerk, patient_id = desk.billing, till.clerk, await till.patient("Skłodowska")
    await till.charge(patient_id)
    issued = await desk.invoice(patient_id)
    says(await billing.invoice_pdf(clerk, command(), issued.id), "Invoice", "Skłodowska", "€11.95")
    await till.services.patients.restrict(till.admin, command(), patient_id, WhyIn(reason="well known"))
    for who in (clerk, till.admin):
        hidden = read(await billing.invoice_pdf(who, command(), issued.id))
        assert "Restricted" in hidden
        assert "Skłodowska" not in hidden
    await billing.request_void(clerk, command(), issued.id, WhyVoid(reason="wrong payer"))
    await billing.void_invoice(till.admin, command(), issued.id)
    says(await billing.invoice_pdf(clerk, command(), issued.id), "VOID")
    pending = await desk.pay(patient_id, "5", means="transfer", pending=True)
    await refused(Code.NOT_FOUND, billing.receipt_pdf(clerk, command(), pending.id))
    pharmacist = await person(Role.PHARMACY)
    await refused(Code.FORBIDDEN, billing.shift_pdf(pharmacist, command(), desk.shift.id))
    client = await client_as(Role.RECEPTION)
    answer = await client.get(f"/api/v1/billing/invoices/{issued.id}/pdf")
    assert (answer.status, answer.content_type) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
