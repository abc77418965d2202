"""Payers' parts: invoices of their own beside the patient's, and together exactly what was charged."""

import uuid
from decimal import Decimal

from hms_rt.departments.billing.schemas.accounts import InvoiceOut, InvoiceQuery, SettleIn, WhyVoid
from hms_rt.departments.billing.schemas.charges import ReverseCharge
from hms_rt.departments.billing.schemas.tariffs import CodeIn
from hms_rt.kernel.errors import Code
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import Query, Till, refused
from tests.billing.test_accounts import Counter1, adds_up, desk
from tests.billing.test_charges import failure
from tests.billing.test_papers import read, says
from tests.conftest import command

__all__ = ["desk"]

WHY = WhyVoid(reason="wrong payer")
BACK = ReverseCharge(reason="was not done")


async def insured(till: Till, name: str = "Curie") -> uuid.UUID:
    """Somebody of whom AXA pays a third."""
    patient_id = await till.patient(name)
    await till.cover(patient_id, payer="AXA", policy="P-77")
    return patient_id


async def payers(till: Till) -> None:
    for code in ("AXA", "AOK"):
        await till.services.billing.define_payer(till.admin, command(), CodeIn(code=code, name=f"{code} plc"))
        await till.price("DRESS", "10.005", tax_rate="20", payer=code, payer_share="33.333")
    await till.price("CONS", "40", payer="AOK", payer_share="100")


async def shares(till: Till, invoice: InvoiceOut) -> list[InvoiceOut]:
    listed = await till.services.billing.invoices(
        till.clerk, command(), InvoiceQuery(patient_id=invoice.patient_id, limit=200)
    )
    return sorted((one for one in listed.items if one.share_of == invoice.id), key=lambda one: one.payer)


async def test_payers_and_patient_pay_their_own_invoices(till: Till, desk: Counter1, query: Query) -> None:
    billing, clerk = desk.billing, till.clerk
    await payers(till)
    patient_id = await insured(till)
    first = await till.charge(patient_id, "3")
    await till.cover(patient_id, payer="AOK")
    await till.charge(patient_id)
    issued = await desk.invoice(patient_id)
    axa, aok = sorted(await shares(till, issued), key=lambda one: one.payer, reverse=True)
    assert (issued.number, axa.number + aok.number if axa.number and aok.number else 0) == (1, 2 + 3)
    assert (str(issued.total), str(issued.owed), str(axa.owed), str(aok.owed)) == (
        "48.03",
        "32.02",
        "12.01",
        "4.00",
    )
    assert axa.kind == "payer"
    assert issued.due + axa.due + aok.due == issued.total
    mine = await billing.invoice_pdf(clerk, command(), issued.id)
    says(mine, "Total €48.03", "Payer's share €16.01", "Patient's share €32.02", "To pay €32.02")
    theirs = await billing.invoice_pdf(clerk, command(), axa.id)
    says(theirs, "Invoice to the payer", "AXA plc", "P-77", "MAIN-", "36.02 12.01", "To pay €12.01")
    assert "AOK plc" not in read(theirs)
    await refused(Code.CONFLICT, desk.pay(patient_id, "32.03", issued.id))
    await refused(Code.INVALID, desk.pay(patient_id, "12.01", axa.id))
    await refused(Code.CONFLICT, desk.pay(patient_id, "12.02", axa.id, payer="AXA"))
    assert (await desk.pay(patient_id, "32.02", issued.id)).free == 0
    await desk.pay(patient_id, "20", payer="AXA", means="transfer")
    await refused(Code.CONFLICT, billing.settle_invoice(clerk, command(), aok.id, SettleIn()))
    settled = await billing.settle_invoice(clerk, command(), axa.id, SettleIn())
    assert (settled.state.value, str(settled.due)) == ("paid", "0")
    await refused(Code.CONFLICT, billing.request_void(clerk, command(), aok.id, WHY))
    await refused(Code.CONFLICT, billing.credit_invoice(clerk, command(), aok.id))
    await billing.reverse_charge(till.admin, command(), first.id, BACK)
    note = await billing.credit_invoice(clerk, command(), issued.id)
    assert (str(note.total), str(note.owed), note.number) == ("-36.02", "-24.01", 1)
    (own,) = await shares(till, note)
    assert (own.credits, str(own.owed), own.payer, own.number) == (axa.id, "-12.01", "AXA", 2)
    says(await billing.invoice_pdf(clerk, command(), own.id), "Credit note", "AXA plc", "-12.01")
    account = await billing.account(clerk, command(), patient_id)
    assert (str(account.deposit), str(account.due)) == ("44.01", "0.00")
    await adds_up(query)


async def test_payers_invoices_are_voided_with_the_patients_unless_something_was_paid(
    till: Till, desk: Counter1, query: Query
) -> None:
    billing, clerk = desk.billing, till.clerk
    await payers(till)
    patient_id = await insured(till)
    await till.charge(patient_id)
    issued = await desk.invoice(patient_id)
    (axa,) = await shares(till, issued)
    await billing.request_void(clerk, command(), issued.id, WHY)
    await desk.pay(patient_id, "1", axa.id, payer="AXA")
    await refused(Code.CONFLICT, billing.void_invoice(till.admin, command(), issued.id))
    other = await insured(till, "Ohm")
    await till.charge(other)
    again = await desk.invoice(other)
    await billing.request_void(clerk, command(), again.id, WHY)
    await billing.void_invoice(till.admin, command(), again.id)
    (void,) = await shares(till, again)
    assert (void.state, void.number) == ("void", 4)
    await desk.pay(patient_id, "1")
    await adds_up(query)
    for attack in (
        "INSERT INTO billing_allocation SELECT gen_random_uuid(), p.id, i.id, 1, now(), p.id FROM"
        " billing_payment p JOIN billing_invoice i ON i.patient_id = p.patient_id"
        " WHERE i.share_of IS NOT NULL AND p.payer <> i.payer",
        "UPDATE billing_invoice SET owed = total WHERE share_of IS NULL AND state = 'issued'",
        "UPDATE billing_invoice SET state = 'void', voided_by = gen_random_uuid(), voided_at = now(),"
        " void_requested_by = gen_random_uuid(), void_reason = 'wrong' WHERE id = (SELECT share_of FROM"
        " billing_invoice WHERE state = 'part_paid')",
        *(
            "INSERT INTO billing_invoice SELECT (jsonb_populate_record(i, jsonb_build_object('id',"
            f" gen_random_uuid(), 'number', 9, 'paid', 0, 'state', 'issued'{rest}))).* FROM billing_invoice i"
            " WHERE state = 'part_paid'"
            for rest in (
                "",
                ", 'payer', 'AOK'",
                ", 'share_of', null",
                ", 'payer', 'SELF'",
                ", 'payer', 'AOK', 'total', 1, 'payer_part', 1, 'owed', 1",
            )
        ),
    ):
        told = await failure(query(attack))
        assert sqlstate(told) in {"23001", "23505", "23514"}, (attack, told)
    assert Decimal((await query("SELECT sum(owed) AS s FROM billing_invoice WHERE state <> 'void'"))[0].s) > 0


async def test_fully_insured_patients_owe_nothing(till: Till, desk: Counter1, query: Query) -> None:
    await payers(till)
    await till.price("DRESS", "8", payer="AOK", payer_share="100", valid_from="2026-01-01")
    patient_id = await till.patient()
    await till.cover(patient_id, payer="AOK")
    charge = await till.charge(patient_id)
    issued = await desk.invoice(patient_id)
    (aok,) = await shares(till, issued)
    assert (issued.state, str(issued.owed), aok.state, str(aok.owed)) == ("paid", "0.00", "issued", "8.00")
    await desk.pay(patient_id, "8", aok.id, payer="AOK", means="transfer")
    await desk.billing.reverse_charge(till.admin, command(), charge.id, BACK)
    note = await desk.billing.credit_invoice(till.clerk, command(), issued.id)
    assert (str(note.owed), [str(one.owed) for one in await shares(till, note)]) == ("0.00", ["-8.00"])
    await adds_up(query)


async def test_what_a_payer_owes_alone_is_void_with_it_until_somebody_paid_or_credited(
    till: Till, desk: Counter1, query: Query
) -> None:
    billing, clerk = desk.billing, till.clerk
    await payers(till)
    await till.price("DRESS", "8", payer="AOK", payer_share="100", valid_from="2026-01-01")

    async def issued() -> tuple[InvoiceOut, InvoiceOut]:
        patient_id = await till.patient()
        await till.cover(patient_id, payer="AOK")
        await till.charge(patient_id)
        made = await desk.invoice(patient_id)
        (share,) = await shares(till, made)
        return made, share

    mine, share = await issued()
    await refused(Code.CONFLICT, billing.void_invoice(till.admin, command(), mine.id))
    await billing.request_void(clerk, command(), mine.id, WHY)
    await refused(Code.CONFLICT, billing.discard_invoice(till.admin, command(), mine.id))
    void = await billing.void_invoice(till.admin, command(), mine.id)
    assert (void.state, [one.state for one in await shares(till, mine)]) == ("void", ["void"])
    assert (await desk.invoice(void.patient_id)).state == "paid", "what was charged is open again"
    mine, share = await issued()
    await billing.request_void(clerk, command(), mine.id, WHY)
    await desk.pay(mine.patient_id, "1", share.id, payer="AOK")
    await refused(Code.CONFLICT, billing.void_invoice(till.admin, command(), mine.id))
    mine, share = await issued()
    await billing.request_void(clerk, command(), mine.id, WHY)
    charge = (await billing.invoice(clerk, command(), mine.id)).charges[0]
    await billing.reverse_charge(till.admin, command(), charge.id, BACK)
    await billing.credit_invoice(clerk, command(), mine.id)
    told = await refused(Code.CONFLICT, billing.void_invoice(till.admin, command(), mine.id))
    assert "credited" in told.detail
    await adds_up(query)
    self_payer = await till.patient("Ohm")
    await till.charge(self_payer)
    paid = await desk.invoice(self_payer)
    await desk.pay(self_payer, str(paid.due), paid.id)
    await refused(Code.ILLEGAL_MOVE, billing.request_void(clerk, command(), paid.id, WHY))
    for attack in (
        "UPDATE billing_invoice SET state = 'void', paid = 0, voided_by = gen_random_uuid(),"
        " voided_at = now(), void_requested_by = gen_random_uuid(), void_reason = 'wrong'"
        f" WHERE id = '{paid.id}'",
        "UPDATE billing_invoice SET state = 'void', voided_by = gen_random_uuid(), voided_at = now()"
        f" WHERE id = '{mine.id}'",
    ):
        error = await failure(query(attack))
        assert sqlstate(error) == "23514", (attack, error)
