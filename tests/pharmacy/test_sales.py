"""The pharmacy's own sale: over the counter and of a dispense, whole or not at all, and what comes back."""

import uuid
from decimal import Decimal

import pytest_asyncio
from sqlalchemy.exc import DBAPIError

from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.schemas.accounts import (
    InvoiceIn,
    InvoiceQuery,
    PaymentIn,
    RefundIn,
    ShiftClose,
    ShiftIn,
    ShiftQuery,
)
from hms_rt.departments.billing.schemas.charges import ChargeIn
from hms_rt.departments.billing.schemas.days import DayIn
from hms_rt.departments.billing.schemas.tariffs import PriceIn, ServiceIn
from hms_rt.departments.patients.schemas.allergies import AllergyIn
from hms_rt.departments.pharmacy.schemas.formulary import MedicineChange
from hms_rt.departments.pharmacy.schemas.prescriptions import When
from hms_rt.departments.pharmacy.schemas.sales import GiveBackIn, QuoteIn, SaleQuery, TillIn, TillQuery
from hms_rt.departments.pharmacy.schemas.stock import RecallIn, ReturnIn
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from tests.billing.test_accounts import adds_up
from tests.conftest import PersonFactory, command
from tests.pharmacy.conftest import Pharmacy, Query, refused
from tests.pharmacy.shelves import agree, prepare, receive, shelves_agree
from tests.pharmacy.shop import Shop, buying, open_shop

D = Decimal
BACK = GiveBackIn(counter="P1", reason="did not help")


@pytest_asyncio.fixture
async def shop(pharmacy: Pharmacy, person: PersonFactory) -> Shop:
    return await open_shop(pharmacy, await person(Role.PHARMACY, counter="P1"))


async def test_what_is_sold_over_the_counter_leaves_by_fefo_and_is_paid_at_once(
    shop: Shop, query: Query
) -> None:
    """30 of the lot that expires first and 20 of the other, one invoice, one receipt, cash in the drawer."""
    await refused(Code.CONFLICT, shop.sell(await shop.pharmacy.patient()))
    late = await receive(shop.pharmacy, "LATE", 90, "100", "IBU400")
    first = await receive(shop.pharmacy, "FIRST", 30, "30", "IBU400")
    patient_id = await shop.pharmacy.patient()
    asked = QuoteIn.model_validate(
        {"patient_id": str(patient_id), "counter": "P1", "items": [{"medicine": "IBU400", "quantity": "50"}]}
    )
    quote = await shop.pharmacy.services.pharmacy.quote(shop.seller, command(), asked)
    assert (quote.owed, quote.warnings) == (D("27.50"), [])
    short = [{"means": "cash", "amount": "20.00"}]
    error = await refused(Code.CONFLICT, shop.sell(patient_id, "50", payments=short))
    assert error.fields["owed"] == "27.50"
    two = [{"means": "card", "amount": "20.00", "reference": "slip 7"}, {"means": "cash"}]
    sale = await shop.sell(patient_id, "50", payments=two)
    assert {one.lot_id: one.quantity for one in sale.items} == {first.lot_id: D(30), late.lot_id: D(20)}
    (invoice,) = sale.money.invoices
    assert (invoice.kind, invoice.state, invoice.number, invoice.counter) == ("sale", "paid", 1, "P1")
    assert [(one.means, one.amount, one.number) for one in sale.money.payments] == [
        ("card", D("20.00"), 1),
        ("cash", D("7.50"), 2),
    ]
    (shift,) = await query("SELECT cash FROM billing_shift WHERE id = :id", id=shop.shift.id)
    assert shift.cash == D("57.50")
    await agree(query)
    await shelves_agree(query)
    await adds_up(query)


async def test_what_takes_a_prescription_has_no_price_or_is_not_there_is_not_sold(
    shop: Shop, query: Query
) -> None:
    """And nothing is left of the attempt: no stock moved, no charge, no number."""
    service = shop.pharmacy.services.pharmacy
    await receive(shop.pharmacy, "A", 30, "100")
    await receive(shop.pharmacy, "I", 30, "5", "IBU400")
    patient_id = await shop.pharmacy.patient()
    items = [{"medicine": "AMOX500", "quantity": "1"}]
    await refused(Code.CONFLICT, shop.sell(patient_id, items=items))
    await refused(Code.CONFLICT, shop.sell(patient_id, "6"))
    change = MedicineChange.model_validate({"over_the_counter": True})
    await refused(
        Code.INVALID, service.change_medicine(SYSTEM, command(expected_version=1), "MORPH10", change)
    )
    await service.change_medicine(SYSTEM, command(expected_version=1), "PARA-SYR", change)
    await receive(shop.pharmacy, "P", 30, "100", "PARA-SYR")
    items = [{"medicine": "PARA-SYR", "quantity": "1"}]
    await refused(Code.CONFLICT, shop.sell(patient_id, items=items))
    for table in ("pharmacy_sale", "billing_charge", "billing_invoice", "billing_series"):
        assert await query(f"SELECT 1 FROM {table}") == [], table
    assert [row.kind for row in await query("SELECT DISTINCT kind FROM pharmacy_ledger")] == ["receive"]


async def test_an_allergy_and_a_duplicate_take_a_reason_which_is_kept(shop: Shop) -> None:
    """The refusal names kind and medicine, the quote says what it is."""
    await receive(shop.pharmacy, "I", 30, "100", "IBU400")
    patient_id = await shop.pharmacy.patient()
    known = AllergyIn(substance="Ibuprofen", reaction="rash")
    await shop.pharmacy.services.patients.add_allergy(SYSTEM, command(), patient_id, known)
    error = await refused(Code.CONFLICT, shop.sell(patient_id))
    assert error.fields["warnings"] == [{"kind": "allergy", "medicine": "IBU400"}]
    asked = QuoteIn.model_validate(
        {"patient_id": str(patient_id), "counter": "P1", "items": [{"medicine": "IBU400", "quantity": "1"}]}
    )
    quote = await shop.pharmacy.services.pharmacy.quote(shop.seller, command(), asked)
    assert [(one.kind, "allergic to Ibuprofen" in one.text) for one in quote.warnings] == [("allergy", True)]
    past = [{"medicine": "IBU400", "kind": "allergy", "reason": "tolerated since"}]
    sale = await shop.sell(patient_id, overrides=past)
    assert [(one.kind, one.reason) for one in sale.overrides] == [("allergy", "tolerated since")]


async def test_what_is_prescribed_is_handed_over_invoiced_and_paid_at_the_dispensary(
    shop: Shop, query: Query
) -> None:
    """Charged once, though the hand-over tells of it, too; before or after it was handed over."""
    service = shop.pharmacy.services.pharmacy
    await receive(shop.pharmacy, "A", 30, "100")
    first = await prepare(shop.pharmacy, await shop.pharmacy.active(), "10")
    sale = await shop.sell_dispense(first.id)
    assert (sale.dispense_id, sale.money.invoices[0].total, sale.items) == (first.id, D("13.20"), [])
    await refused(Code.CONFLICT, shop.sell_dispense(first.id))
    second = await prepare(shop.pharmacy, await shop.pharmacy.active(), "5")
    await service.hand_over(shop.pharmacy.pharmacist, command(), second.id, When())
    assert (await shop.sell_dispense(second.id)).money.invoices[0].total == D("6.60")
    charged = await query("SELECT kind, reverses FROM billing_charge")
    assert [(row.kind, row.reverses) for row in charged] == [("medicine", None)] * 2
    third = await prepare(shop.pharmacy, await shop.pharmacy.active(), "1")
    await service.hand_over(shop.pharmacy.pharmacist, command(), third.id, When())
    billing = shop.pharmacy.services.billing
    (row,) = await query(
        "SELECT patient_id FROM pharmacy_prescription p JOIN pharmacy_dispense d ON d.prescription_id = p.id"
        " WHERE d.id = :id",
        id=third.id,
    )
    await billing.draft_invoice(SYSTEM, command(), InvoiceIn(patient_id=row.patient_id))
    await refused(Code.CONFLICT, shop.sell_dispense(third.id))  # the cashier has it
    fourth = await prepare(shop.pharmacy, await shop.pharmacy.active(), "1")
    why = RecallIn(reason="glass in vials")
    await service.recall(SYSTEM, command(), fourth.items[0].lot_id, why)
    await refused(Code.CONFLICT, shop.sell_dispense(fourth.id))
    await adds_up(query)


async def test_part_of_a_sale_comes_back_and_another_person_pays_it_back(
    shop: Shop, query: Query, person: PersonFactory
) -> None:
    """One credit note, an invoice of what is kept, a refund of the rest; asking again finds nothing."""
    service, billing = shop.pharmacy.services.pharmacy, shop.pharmacy.services.billing
    await receive(shop.pharmacy, "I", 30, "100", "IBU400")
    sale = await shop.sell(await shop.pharmacy.patient(), "10")
    some = {"reason": "too many", "disposition": "restock"}
    part = ReturnIn.model_validate({**some, "items": [{"item_id": str(sale.items[0].id), "quantity": "4"}]})
    await refused(Code.CONFLICT, service.give_back(shop.seller, command(), sale.id, BACK))
    back = await service.return_sale(shop.seller, command(expected_version=1), sale.id, part)
    assert (back.items[0].returned, back.version) == (D(4), 2)
    given = await service.give_back(shop.seller, command(expected_version=2), sale.id, BACK)
    assert [(one.kind, one.total, one.state) for one in given.money.invoices] == [
        ("sale", D("5.50"), "paid"),
        ("sale", D("3.30"), "paid"),
    ]
    (refund,) = given.money.refunds
    assert (refund.amount, refund.state) == (D("2.20"), "requested")
    await refused(Code.CONFLICT, service.give_back(shop.seller, command(), sale.id, BACK))
    admin = await person(Role.ADMIN)
    await refused(Code.FORBIDDEN, billing.approve_refund(shop.seller, command(), refund.id))
    await billing.approve_refund(admin, command(expected_version=1), refund.id)
    rest = ReturnIn.model_validate({"reason": "all of it", "disposition": "destroy"})
    await service.return_sale(shop.seller, command(), sale.id, rest)
    await refused(Code.CONFLICT, service.return_sale(shop.seller, command(), sale.id, rest))
    last = await service.give_back(shop.seller, command(), sale.id, BACK)
    await billing.approve_refund(admin, command(), last.money.refunds[-1].id)
    (shift,) = await query("SELECT cash FROM billing_shift")
    assert shift.cash == D("50.00")
    live = await query("SELECT 1 FROM billing_charge WHERE reverses IS NULL AND reversed_by IS NULL")
    assert live == []
    (stock,) = await query("SELECT quantity FROM pharmacy_stock")
    assert stock.quantity == 94  # the rest was destroyed
    papers = [one.id for one in last.money.invoices]
    for made in (
        await service.sale_invoice_pdf(shop.seller, command(), sale.id, papers[0]),
        await service.sale_receipt_pdf(shop.seller, command(), sale.id, last.money.payments[0].id),
        await service.sale_refund_pdf(shop.seller, command(), sale.id, refund.id),
    ):
        assert made.startswith(b"%PDF")
    await refused(Code.NOT_FOUND, service.sale_invoice_pdf(shop.seller, command(), sale.id, uuid.uuid4()))
    await agree(query)
    await adds_up(query)


async def test_a_returned_dispense_is_paid_back_and_a_recall_finds_who_bought(shop: Shop) -> None:
    service = shop.pharmacy.services.pharmacy
    await receive(shop.pharmacy, "A", 30, "100")
    lot = await receive(shop.pharmacy, "I", 30, "100", "IBU400")
    dispense = await prepare(shop.pharmacy, await shop.pharmacy.active(), "10")
    sale = await shop.sell_dispense(dispense.id)
    whole = ReturnIn.model_validate({"reason": "not opened", "disposition": "restock"})
    await refused(Code.CONFLICT, service.return_sale(shop.seller, command(), sale.id, whole))
    await service.return_dispense(shop.seller, command(), dispense.id, whole)
    given = await service.give_back(shop.seller, command(), sale.id, BACK)
    assert [one.amount for one in given.money.refunds] == [D("13.20")]
    over = await shop.sell(await shop.pharmacy.patient("Ohm"), "3")
    assert (await service.sale_labels(shop.seller, command(), over.id, 1)).startswith(b"%PDF")
    recalled = await service.recall(SYSTEM, command(), lot.lot_id, RecallIn(reason="glass in vials"))
    assert [(one.sale_id, one.patient_name, one.quantity) for one in recalled.recipients] == [
        (over.id, "Ohm", D(3))
    ]
    await refused(Code.CONFLICT, shop.sell(await shop.pharmacy.patient(), "1"))


async def test_a_pharmacist_sells_at_the_own_counter_and_touches_no_other_money(
    shop: Shop, person: PersonFactory, query: Query
) -> None:
    """Neither invoices nor payments of the cashiers, nor another dispensary's sales."""
    services, seller = shop.pharmacy.services, shop.seller
    billing, service = services.billing, services.pharmacy
    await receive(shop.pharmacy, "I", 30, "100", "IBU400")
    patient_id = await shop.pharmacy.patient()
    elsewhere = await person(Role.PHARMACY, counter="C1")
    nobody = shop.pharmacy.pharmacist
    for who in (elsewhere, nobody, shop.pharmacy.nurse, await person(Role.RECEPTION)):
        await refused(Code.FORBIDDEN, service.sell(who, command(), buying(patient_id)))
    opening = ShiftIn.model_validate({"opening_cash": "0"})
    await billing.open_cashier_shift(elsewhere, command(), "C1", opening)
    at_c1 = buying(patient_id, counter="C1")
    await refused(Code.CONFLICT, service.sell(elsewhere, command(), at_c1))  # a cashier's counter
    sale = await shop.sell(patient_id)
    for who in (elsewhere, nobody):
        await refused(Code.FORBIDDEN, service.sale(who, command(), sale.id))
        await refused(Code.FORBIDDEN, service.give_back(who, command(), sale.id, BACK))
    seen = await service.sales(elsewhere, command(), SaleQuery())
    assert seen.items == []
    assert [one.id for one in (await service.sales(seller, command(), SaleQuery())).items] == [sale.id]
    paid = sale.money.payments[0].id
    cash = {"patient_id": str(patient_id), "counter": "P1", "means": "cash", "amount": "1.00"}
    asked = RefundIn.model_validate({"amount": "1.00", "counter": "P1", "reason": "moved away"})
    for doing in (
        billing.take_payment(seller, command(), PaymentIn.model_validate(cash)),
        billing.draft_invoice(seller, command(), InvoiceIn(patient_id=patient_id)),
        billing.invoice(seller, command(), sale.money.invoices[0].id),
        billing.invoices(seller, command(), InvoiceQuery()),
        billing.receipt_pdf(seller, command(), paid),
        billing.request_refund(seller, command(), paid, asked),
        billing.shifts(seller, command(), ShiftQuery()),
        service.set_till(seller, command(), "C1", TillIn(store="MAIN")),
    ):
        await refused(Code.FORBIDDEN, doing)
    second = await person(Role.PHARMACY, counter="P1")
    await refused(Code.CONFLICT, service.sell(second, command(), buying(patient_id)))  # not one's own shift
    assert [one.counter for one in (await service.tills(seller, TillQuery())).items] == ["P1", "P2"]
    closed = ShiftClose.model_validate({"counted": "55.50"})
    await billing.close_cashier_shift(seller, command(), shop.shift.id, closed)
    await refused(Code.CONFLICT, shop.sell(patient_id))
    at_c1_closed = ShiftClose.model_validate({"counted": "0"})
    (other,) = await query("SELECT id FROM billing_shift WHERE counter = 'C1'")
    await billing.close_cashier_shift(elsewhere, command(), other.id, at_c1_closed)
    day = await billing.close_day(SYSTEM, command(), DayIn())
    assert [(one.means, one.received) for one in day.means] == [("cash", D("5.50"))]


RULES = {
    "of a prescription only": (
        "UPDATE pharmacy_sale_item SET returned = 0",
        "INSERT INTO pharmacy_sale_item SELECT gen_random_uuid(), sale_id, (SELECT id FROM pharmacy_lot"
        " WHERE medicine = 'AMOX500'), 'AMOX500', 1, NULL, NULL, 0 FROM pharmacy_sale_item",
    ),
    "not in the ledger": (
        "INSERT INTO pharmacy_sale_item SELECT gen_random_uuid(), sale_id, lot_id, medicine, 1, NULL, NULL, 0"
        " FROM pharmacy_sale_item",
        "INSERT INTO pharmacy_sale_return SELECT gen_random_uuid(), id, 1, 'restock', 'MAIN', 'x', now(), id"
        " FROM pharmacy_sale_item",
        "INSERT INTO pharmacy_sale_return SELECT gen_random_uuid(), id, 11, 'destroy', NULL, 'x', now(), id"
        " FROM pharmacy_sale_item",
        "INSERT INTO pharmacy_ledger SELECT gen_random_uuid(), lot_id, store, 'sale', -1, gen_random_uuid(),"
        " NULL, occurred_at, recorded_at, recorded_by FROM pharmacy_ledger WHERE kind = 'sale'",
        "INSERT INTO pharmacy_ledger SELECT gen_random_uuid(), lot_id, store, 'sale', delta, reference,"
        " NULL, occurred_at, recorded_at, recorded_by FROM pharmacy_ledger WHERE kind = 'sale'",
    ),
    "history": (
        "UPDATE pharmacy_sale SET counter = 'P2'",
        "DELETE FROM pharmacy_sale_invoice",
        "UPDATE pharmacy_sale_invoice SET sale_id = sale_id",
        "DELETE FROM pharmacy_sale",
    ),
    "without an invoice": (
        "INSERT INTO pharmacy_sale SELECT gen_random_uuid(), 99, store, counter, patient_id, NULL, sold_by,"
        " sold_at, 1 FROM pharmacy_sale",
        "INSERT INTO pharmacy_sale_invoice SELECT id, (SELECT id FROM pharmacy_sale) FROM billing_invoice"
        " WHERE kind = 'final'",
        "INSERT INTO billing_invoice SELECT (r).* FROM (SELECT jsonb_populate_record(i, jsonb_build_object("
        "'id', gen_random_uuid(), 'number', NULL, 'state', 'draft', 'total', 0, 'owed', 0, 'paid', 0,"
        " 'patient_part', 0, 'issued_at', NULL)) AS r FROM billing_invoice i WHERE kind = 'sale') x",
    ),
    "others' charges": (
        "INSERT INTO billing_line SELECT gen_random_uuid(), (SELECT id FROM billing_invoice"
        " WHERE kind = 'sale'), charge_id, gross, payer_part, patient_part, false FROM billing_line l"
        " JOIN billing_invoice i ON i.id = l.invoice_id AND i.kind = 'final'",
    ),
    "controlled": ("UPDATE pharmacy_medicine SET over_the_counter = true WHERE code = 'MORPH10'",),
}


async def test_the_database_refuses_what_is_no_sale(shop: Shop, query: Query) -> None:
    """Stock without a sale, a sale without stock or invoice, others' charges on its invoice."""
    await receive(shop.pharmacy, "A", 30, "100")
    await receive(shop.pharmacy, "I", 30, "100", "IBU400")
    sale = await shop.sell(await shop.pharmacy.patient(), "10")
    services = shop.pharmacy.services
    new = ServiceIn(code="DRESS", name="Dressing", kind=ServiceKind.PROCEDURE)
    await services.billing.define_service(SYSTEM, command(), new)
    price = {"service": "DRESS", "valid_from": "2000-01-01", "unit_price": "15.00"}
    await services.billing.set_price(SYSTEM, command(), PriceIn.model_validate(price))
    other = {"patient_id": sale.patient_id, "service": "DRESS", "quantity": "1", "reason": "was done"}
    await services.billing.raise_charge(SYSTEM, command(), ChargeIn.model_validate(other))
    await services.billing.draft_invoice(SYSTEM, command(), InvoiceIn(patient_id=sale.patient_id))
    let_through = []
    for rule, attacks in RULES.items():
        for attack in attacks:
            try:
                await query(attack)
            except DBAPIError:
                continue
            let_through.append((rule, attack))
    assert let_through == []
    await agree(query)
