"""Discounts: never more than there is, alone within one's authority, beyond it by a second person."""

import uuid
from typing import Any

from hms_rt.departments.billing.schemas.accounts import InvoiceIn, InvoiceOut, SettleIn
from hms_rt.departments.billing.schemas.charges import ReverseCharge
from hms_rt.departments.billing.schemas.discounts import DiscountIn, DiscountOut, DiscountQuery, LimitIn
from hms_rt.kernel.errors import Code
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import Query, Till, refused
from tests.billing.test_accounts import Counter1, adds_up, desk
from tests.billing.test_charges import failure
from tests.billing.test_papers import says
from tests.conftest import command

__all__ = ["desk"]

BACK = ReverseCharge(reason="was not done")


class Giving:
    """The clerk gives, the administrator approves."""

    def __init__(self, till: Till, desk: Counter1) -> None:
        self.till, self.desk, self.billing = till, desk, desk.billing

    async def draft(self, patient_id: uuid.UUID) -> InvoiceOut:
        wanted = InvoiceIn(patient_id=patient_id)
        return await self.billing.draft_invoice(self.till.clerk, command(), wanted)

    async def give(self, invoice_id: uuid.UUID, **said: Any) -> DiscountOut:
        wanted = DiscountIn.model_validate({"reason": "member of staff", **said})
        return await self.billing.give_discount(self.till.clerk, command(), invoice_id, wanted)

    async def total(self, invoice_id: uuid.UUID) -> str:
        return str((await self.billing.invoice(self.till.clerk, command(), invoice_id)).total)

    async def limit(self, holder: str, percent: str, **rest: Any) -> None:
        said = LimitIn.model_validate({"holder": holder, "percent": percent, **rest})
        await self.billing.set_discount_limit(self.till.admin, command(), said)


async def test_a_cashier_gives_five_per_cent_alone_and_more_with_a_second_person(
    till: Till, desk: Counter1, query: Query
) -> None:
    giving, billing, patient_id = Giving(till, desk), desk.billing, await till.patient()
    large, _ = await till.charge(patient_id, "9"), await till.charge(patient_id)
    draft = await giving.draft(patient_id)  # 108.06 and 12.01
    asked = await giving.give(draft.id, percent="5")
    assert (asked.state, str(asked.gross), str(asked.authority)) == ("requested", "6.00", "0")
    assert await giving.total(draft.id) == "120.07"
    await giving.limit("reception", "5")
    alone = await giving.give(draft.id, percent="2.5")
    assert (alone.state, str(alone.gross), await giving.total(draft.id)) == ("granted", "3.00", "117.07")
    again = await giving.give(draft.id, percent="3")
    assert again.state == "requested", "all discounts together count"
    on_line = await giving.give(draft.id, charge_id=large.id, amount="3.00")
    assert (on_line.state, str(on_line.share)) == ("requested", "5.275")
    await giving.limit("reception", "50", amount="1.00")
    assert (await giving.give(draft.id, amount="1.01")).state == "requested"
    assert (await giving.give(draft.id, amount="1.00")).state == "granted"
    await refused(Code.FORBIDDEN, billing.approve_discount(till.clerk, command(), asked.id))
    approved = await billing.approve_discount(till.admin, command(), asked.id)
    assert (approved.state, str(approved.gross), await giving.total(draft.id)) == (
        "approved",
        "5.80",
        "110.27",
    )
    await billing.decline_discount(till.admin, command(), again.id)
    await refused(Code.ILLEGAL_MOVE, billing.approve_discount(till.admin, command(), again.id))
    for wrong in ({"amount": "110.28"}, {"charge_id": str(large.id), "amount": "108.06"}):
        await refused(Code.CONFLICT, giving.give(draft.id, **wrong))
    await refused(Code.INVALID, giving.give(draft.id, amount="1.005"))
    await refused(Code.NOT_FOUND, giving.give(draft.id, charge_id=str(uuid.uuid4()), amount="1"))
    listed = await billing.discounts(till.clerk, command(), DiscountQuery(invoice_id=draft.id))
    assert len(listed.items) == 6
    issued = await desk.issue(draft.id)
    says(
        await billing.invoice_pdf(till.clerk, command(), issued.id), "Discount: Dressing", "-2.70", "€110.27"
    )
    await refused(Code.ILLEGAL_MOVE, giving.give(draft.id, amount="1"))
    await refused(Code.ILLEGAL_MOVE, billing.approve_discount(till.admin, command(), on_line.id))
    sums = await adds_up(query)
    assert (str(sums.charged), str(sums.invoiced)) == ("110.27", "110.27")


async def test_a_discount_goes_with_what_it_is_of(till: Till, desk: Counter1, query: Query) -> None:
    giving, billing, patient_id = Giving(till, desk), desk.billing, await till.patient()
    await giving.limit("reception", "100")
    first, free = await till.charge(patient_id), await till.charge(patient_id)
    draft = await giving.draft(patient_id)
    await giving.give(draft.id, charge_id=free.id, percent="100")
    off = await giving.give(draft.id, charge_id=first.id, percent="50")
    assert (await giving.total(draft.id), str(off.gross)) == ("6.00", "6.01")
    await billing.discard_invoice(till.clerk, command(), draft.id)
    draft = await giving.draft(patient_id)
    assert await giving.total(draft.id) == "6.00"
    await billing.reverse_charge(till.admin, command(), first.id, BACK)
    assert await giving.total(draft.id) == "0.00"
    third = await till.charge(patient_id)
    await billing.discard_invoice(till.clerk, command(), draft.id)
    draft = await giving.draft(patient_id)
    await giving.give(draft.id, charge_id=third.id, amount="2.01")
    (discount,) = [one for one in await till.charges(patient_id) if one.reduces == third.id]
    issued = await desk.issue(draft.id)
    await refused(Code.CONFLICT, billing.reverse_charge(till.admin, command(), discount.id, BACK))
    await desk.pay(patient_id, "10.00")
    paid = await billing.settle_invoice(till.clerk, command(), issued.id, SettleIn())
    assert (paid.state, str(paid.total)) == ("paid", "10.00")
    await billing.reverse_charge(till.admin, command(), free.id, BACK)
    nothing = await billing.credit_invoice(till.clerk, command(), issued.id)
    assert str(nothing.total) == "0.00"
    await billing.reverse_charge(till.admin, command(), third.id, BACK)
    note = await billing.credit_invoice(till.clerk, command(), issued.id)
    assert (str(note.total), note.number) == ("-10.00", 2)
    await adds_up(query)


async def test_the_database_refuses_discounts_beyond_authority_or_line(
    till: Till, desk: Counter1, query: Query
) -> None:
    giving, patient_id = Giving(till, desk), await till.patient()
    await giving.limit("reception", "60")
    await till.charge(patient_id)
    draft = await giving.draft(patient_id)
    await giving.give(draft.id, percent="60")
    asked = await giving.give(draft.id, percent="10")
    assert asked.state == "requested"
    copied = (
        "INSERT INTO billing_charge SELECT (jsonb_populate_record(c, jsonb_build_object('id',"
        " gen_random_uuid(), 'cause', 'x'{rest}))).* FROM billing_charge c WHERE kind = 'discount'"
    )
    for attack in (
        copied.format(rest=""),
        copied.format(rest=", 'kind', 'included'"),
        copied.format(rest=", 'kind', 'included', 'reduces', c.id"),
        copied.format(rest=", 'reduces', null"),
        copied.format(
            rest=", 'net', 1, 'tax', 0, 'gross', 1, 'payer_part', 0, 'patient_part', 1, 'kind', 'included'"
        ),
        "UPDATE billing_discount SET gross = 1 WHERE state = 'granted'",
        "UPDATE billing_discount SET state = 'declined' WHERE state = 'granted'",
        "UPDATE billing_discount SET state = 'granted' WHERE state = 'requested'",
        "UPDATE billing_discount SET state = 'approved', decided_by = requested_by, decided_at = now()"
        " WHERE state = 'requested'",
        "UPDATE billing_discount SET state = 'approved', decided_by = gen_random_uuid(), decided_at = now()"
        " WHERE state = 'requested'",
        "UPDATE billing_discount SET reason = 'another' WHERE state = 'requested'",
        "INSERT INTO billing_discount SELECT (jsonb_populate_record(d, jsonb_build_object('id',"
        " gen_random_uuid()))).* FROM billing_discount d WHERE state = 'granted'",
        "DELETE FROM billing_discount",
        "UPDATE billing_discount_limit SET percent = 101",
    ):
        told = await failure(query(attack))
        assert sqlstate(told) in {"23001", "23505", "23514"}, (attack, told)
    await adds_up(query)
