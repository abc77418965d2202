"""What a payer refuses is credited to the payer and asked of somebody else: all in one, to the cent."""

import itertools
import uuid
from decimal import Decimal
from typing import Any

import pytest

from hms_rt.departments.billing.model.invoice import TO_PAY, InvoiceKind, InvoiceState
from hms_rt.departments.billing.schemas.accounts import InvoiceOut, SettleIn
from hms_rt.departments.billing.schemas.refusals import RefusalIn, RefusedOut
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import Query, Till, refused
from tests.billing.test_accounts import Counter1, adds_up, desk
from tests.billing.test_charges import failure
from tests.billing.test_model import invoice as made
from tests.billing.test_papers import says
from tests.billing.test_shares import BACK, WHY, insured, payers, shares
from tests.conftest import command

__all__ = ["desk"]

D = Decimal
LETTER = "not covered, code 96"


@pytest.mark.parametrize(("kind", "state"), list(itertools.product(InvoiceKind, InvoiceState)))
def test_only_what_is_due_of_a_payer_can_be_refused(kind: InvoiceKind, state: InvoiceState) -> None:
    one = made(state, kind=kind)
    if kind in (InvoiceKind.PAYER, InvoiceKind.REFUSED) and state in TO_PAY:
        assert one.refused(D(4)).due == D(6)
        assert one.refused(D(10)).state is InvoiceState.PAID
        with pytest.raises(HmsError) as raised:
            one.refused(D("10.01"))
        assert raised.value.code is Code.CONFLICT
        return
    with pytest.raises(HmsError) as raised:
        one.refused(D(4))
    patients = kind not in (InvoiceKind.PAYER, InvoiceKind.REFUSED, InvoiceKind.CREDIT_NOTE)
    assert raised.value.code is (Code.CONFLICT if patients else Code.ILLEGAL_MOVE)


class Insurer:
    """Refuses, and pays some of it."""

    def __init__(self, desk: Counter1) -> None:
        self.desk, self.till, self.billing = desk, desk.till, desk.billing

    async def refuses(self, invoice_id: uuid.UUID, **said: Any) -> RefusedOut:
        wanted = RefusalIn.model_validate({"reason": LETTER, **said})
        return await self.billing.refuse_invoice(self.till.clerk, command(), invoice_id, wanted)

    async def issued(self) -> tuple[InvoiceOut, InvoiceOut]:
        """24.01 for the patient, 12.01 for AXA."""
        await payers(self.till)
        patient_id = await insured(self.till)
        await self.till.charge(patient_id, "3")
        issued = await self.desk.invoice(patient_id)
        (share,) = await shares(self.till, issued)
        assert (str(issued.owed), str(share.owed)) == ("24.01", "12.01")
        return issued, share


async def test_a_payer_pays_some_and_refuses_the_rest_which_the_patient_owes(
    till: Till, desk: Counter1, query: Query
) -> None:
    insurer, billing, clerk = Insurer(desk), desk.billing, till.clerk
    issued, share = await insurer.issued()
    for wrong, code in (
        ({"amount": "12.02"}, Code.CONFLICT),
        ({"amount": "0.001"}, Code.INVALID),
        ({"payer": "AXA"}, Code.INVALID),
        ({"payer": "AOK"}, Code.INVALID),
        ({"counter": "C9"}, Code.NOT_FOUND),
        ({"remitted": {"counter": "C1", "amount": "12.02"}}, Code.CONFLICT),
        ({"remitted": {"counter": "C1", "amount": "12.01"}}, Code.ILLEGAL_MOVE),
    ):
        await refused(code, insurer.refuses(share.id, **wrong))
    await refused(Code.CONFLICT, insurer.refuses(issued.id))
    before = await adds_up(query)
    remitted = {"counter": "C1", "amount": "8.00", "reference": "advice 7"}
    told = await insurer.refuses(share.id, remitted=remitted, counter="C1")
    assert told.payment is not None
    assert (told.refused.state, told.refused.paid, told.refused.credited) == ("paid", D(8), D("4.01"))
    assert (told.amount, told.reason, told.payment.payer) == (D("4.01"), LETTER, "AXA")
    assert (told.credit_note.kind, str(told.credit_note.total), told.credit_note.credits) == (
        "credit_note",
        "-4.01",
        share.id,
    )
    mine = told.invoice
    assert (mine.kind, mine.payer, str(mine.due), mine.counter) == ("refused", "SELF", "4.01", "C1")
    assert (told.credit_note.number, mine.number) == (1, 3)
    after = await adds_up(query)
    assert (after.invoiced, after.charged) == (before.invoiced, before.charged), "nothing was earned or lost"
    account = await billing.account(clerk, command(), issued.patient_id)
    assert str(account.due) == "28.02"
    await refused(Code.ILLEGAL_MOVE, insurer.refuses(share.id))
    await refused(Code.ILLEGAL_MOVE, insurer.refuses(told.credit_note.id))
    await refused(Code.CONFLICT, billing.request_void(clerk, command(), mine.id, WHY))
    await refused(Code.CONFLICT, billing.credit_invoice(clerk, command(), mine.id))
    await refused(Code.CONFLICT, billing.discard_invoice(clerk, command(), mine.id))
    detail = await billing.invoice(clerk, command(), mine.id)
    assert detail.refusal is not None
    assert (detail.charges, detail.refusal.reason, detail.refusal.invoice_id) == ([], LETTER, share.id)
    paper = await billing.invoice_pdf(clerk, command(), mine.id)
    says(paper, "Invoice for what was refused", "Of invoice MAIN-2", f"Refused {LETTER}", "To pay €4.01")
    says(await billing.invoice_pdf(clerk, command(), told.credit_note.id), "Credit note", "AXA plc")
    await desk.pay(issued.patient_id, "4.01", mine.id)
    audited = await query("SELECT action FROM audit_log WHERE action = 'invoice.refuse'")
    assert len(audited) == 1
    await adds_up(query)
    await _attacked(query)


async def _attacked(query: Query) -> None:
    for attack in (
        "UPDATE billing_refusal SET amount = 1",
        "DELETE FROM billing_refusal",
        "INSERT INTO billing_refusal SELECT (jsonb_populate_record(r, jsonb_build_object('id',"
        " gen_random_uuid()))).* FROM billing_refusal r",
        "UPDATE billing_invoice SET refusal_id = NULL",
        "UPDATE billing_invoice SET state = 'void', paid = 0, voided_by = gen_random_uuid(),"
        " voided_at = now(), void_requested_by = gen_random_uuid(), void_reason = 'wrong'"
        " WHERE kind = 'refused'",
        *(
            "INSERT INTO billing_invoice SELECT (jsonb_populate_record(i, jsonb_build_object('id',"
            f" gen_random_uuid(), 'number', 3, 'facility', 'X', 'paid', 0, 'state', 'issued'{rest}))).*"
            f" FROM billing_invoice i WHERE kind = '{kind}'"
            for kind, rest in (
                ("refused", ""),
                ("refused", ", 'refusal_id', null"),
                ("refused", ", 'refusal_id', null, 'kind', 'final'"),
                ("credit_note", ""),
                ("credit_note", ", 'refusal_id', null"),
            )
        ),
        "INSERT INTO billing_line SELECT gen_random_uuid(), i.id, c.id, c.gross, c.payer_part,"
        " c.patient_part, false FROM billing_invoice i, billing_charge c WHERE i.kind = 'refused'",
    ):
        told = await failure(query(attack))
        assert sqlstate(told) in {"23001", "23505", "23514"}, (attack, told)


async def test_a_refusal_moves_on_and_back_and_a_reversed_charge_is_credited_to_who_owes_it(
    till: Till, desk: Counter1, query: Query
) -> None:
    insurer, billing, clerk = Insurer(desk), desk.billing, till.clerk
    issued, share = await insurer.issued()
    await till.cover(issued.patient_id, payer="AOK")
    to_other = (await insurer.refuses(share.id, amount="6.00", payer="AOK")).invoice
    assert (to_other.payer, str(to_other.payer_part), to_other.share_of) == ("AOK", "6.00", None)
    wrong_payer = desk.pay(issued.patient_id, "1", to_other.id)
    await refused(Code.INVALID, wrong_payer)
    await desk.pay(issued.patient_id, "1.00", to_other.id, payer="AOK", means="transfer")
    mine = (await insurer.refuses(to_other.id, amount="3.00")).invoice
    assert (mine.payer, str(mine.due)) == ("SELF", "3.00")
    appeal = (await insurer.refuses(mine.id, amount="2.00", payer="AXA")).invoice
    await desk.pay(issued.patient_id, "2.00", appeal.id, payer="AXA", means="transfer")
    deposit = await desk.pay(issued.patient_id, "1.00")
    await billing.settle_invoice(clerk, command(), mine.id, SettleIn())
    await adds_up(query)
    (charge,) = (await billing.invoice(clerk, command(), issued.id)).charges
    await billing.reverse_charge(till.admin, command(), charge.id, BACK)
    note = await billing.credit_invoice(clerk, command(), issued.id)
    credited = await shares(till, note)
    assert sum((one.owed for one in credited), D(0)) == D("-12.01"), "all of the payer's part, once"
    assert {one.credits: str(one.owed) for one in credited} == {
        appeal.id: "-2.00",
        mine.id: "-1.00",
        to_other.id: "-3.00",
        share.id: "-6.01",
    }
    says(await billing.invoice_pdf(clerk, command(), credited[0].id), "Credit note", "Of invoice MAIN-")
    dues = await query("SELECT sum(owed - paid - credited) AS due FROM billing_invoice WHERE credits IS NULL")
    assert dues[0].due == 0, "nobody owes anything"
    free = await query("SELECT payer, sum(amount - allocated) AS free FROM billing_payment GROUP BY payer")
    assert sorted((row.payer, row.free) for row in free) == [("AOK", 1), ("AXA", 2), ("SELF", 1)]
    assert deposit.payer == "SELF"
    await adds_up(query)
