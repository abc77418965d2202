"""What is over stays over: closed shifts, given numbers, reversed charges; attacked by direct SQL as well."""

from hms_rt.departments.billing.schemas.accounts import InvoiceIn, RefundIn, ShiftClose, ShiftIn, ShiftOut
from hms_rt.kernel.errors import Code
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import Query, Till, refused
from tests.billing.test_accounts import BACK, Counter1, adds_up, desk
from tests.billing.test_charges import failure
from tests.conftest import command

__all__ = ["desk"]


async def next_shift(till: Till, desk: Counter1, counted: str) -> ShiftOut:
    """The drawer is counted, and another shift begins at the counter."""
    said = {"counted": counted, "means": [{"means": "card", "counted": "10.00"}]}
    told = ShiftClose.model_validate(said)
    await desk.billing.close_cashier_shift(till.clerk, command(), desk.shift.id, told)
    opening = ShiftIn.model_validate({"opening_cash": "20.00"})
    return await desk.billing.open_cashier_shift(till.clerk, command(), "C1", opening)


async def test_money_that_comes_or_goes_after_a_shift_is_in_the_one_that_is_open(
    till: Till, desk: Counter1, query: Query
) -> None:
    billing, patient_id = desk.billing, await till.patient()
    announced = await desk.pay(patient_id, "5", means="transfer", pending=True)
    card, cash = await desk.pay(patient_id, "7", means="card"), await desk.pay(patient_id, "9")
    asked = []
    for payment in (card, cash):
        said = RefundIn.model_validate({"amount": "2", "counter": "C1", "reason": "moved away"})
        asked.append(await billing.request_refund(till.clerk, command(), payment.id, said))
    told = ShiftClose.model_validate({"counted": "59.00", "means": [{"means": "card", "counted": "7.00"}]})
    await billing.close_cashier_shift(till.clerk, command(), desk.shift.id, told)
    await refused(Code.CONFLICT, billing.capture_payment(till.clerk, command(), announced.id))
    await refused(Code.CONFLICT, billing.approve_refund(till.admin, command(), asked[0].id))
    opening = ShiftIn.model_validate({"opening_cash": "20.00"})
    later = await billing.open_cashier_shift(till.clerk, command(), "C1", opening)
    came = await billing.capture_payment(till.clerk, command(), announced.id)
    assert (came.shift_id, came.number) == (later.id, 3)
    for one in asked:
        await billing.approve_refund(till.admin, command(), one.id)
    rows = await query("SELECT id, cash FROM billing_shift ORDER BY opened_at, id")
    assert {row.id: str(row.cash) for row in rows} == {desk.shift.id: "59.00", later.id: "18.00"}
    (where,) = await query("SELECT array_agg(DISTINCT shift_id) AS shifts FROM billing_refund")
    assert where.shifts == [later.id]
    await adds_up(query)


CLOSED = "(SELECT id FROM billing_shift WHERE closed_at IS NOT NULL)"
OPEN = "(SELECT id FROM billing_shift WHERE closed_at IS NULL)"
ATTACKS = (
    "UPDATE billing_series SET last = last + 1 WHERE series = 'receipt'",
    "UPDATE billing_series SET last = last - 1",
    "INSERT INTO billing_series VALUES ('ELSEWHERE', 'invoice', 1)",
    "INSERT INTO billing_series VALUES ('ELSEWHERE', 'receipt', 7)",
    "UPDATE billing_payment SET number = number + 10 WHERE number IS NOT NULL",
    "UPDATE billing_payment SET captured_at = captured_at - interval '1 day' WHERE number IS NOT NULL",
    f"UPDATE billing_payment SET shift_id = {OPEN} WHERE state = 'captured'",
    f"UPDATE billing_refund SET shift_id = {CLOSED} WHERE state = 'approved'",
    """
    INSERT INTO billing_invoice SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(),
        'number', 99, 'total', 0, 'patient_part', 0, 'payer_part', 0, 'state', 'paid'))).*
    FROM billing_invoice i WHERE state = 'issued'
    """,
    f"""
    WITH made AS (INSERT INTO billing_payment SELECT (jsonb_populate_record(p, jsonb_build_object(
            'id', gen_random_uuid(), 'shift_id', {CLOSED}, 'state', 'pending', 'number', NULL,
            'captured_at', NULL, 'refunded', 0, 'means', 'card'))).*
        FROM billing_payment p WHERE number = 1 RETURNING *)
    INSERT INTO billing_payment_event SELECT id, 1, 'take', NULL, 'pending', amount, now(), now(), created_by
    FROM made
    """,
    """
    WITH p AS (UPDATE billing_payment SET allocated = 1 WHERE number = 1 RETURNING id),
        i AS (UPDATE billing_invoice SET paid = 1, state = 'part_paid' WHERE state = 'issued' RETURNING id)
    INSERT INTO billing_allocation SELECT gen_random_uuid(), p.id, i.id, 1, now(), p.id FROM p, i
    """,
    """
    WITH i AS (UPDATE billing_invoice SET total = total + 12.01, patient_part = patient_part + 12.01
        WHERE state = 'draft' RETURNING id)
    INSERT INTO billing_line SELECT gen_random_uuid(), i.id, c.id, c.gross, c.payer_part, c.patient_part, true
    FROM billing_charge c, i WHERE c.reversed_by IS NOT NULL
    """,
    """
    WITH i AS (UPDATE billing_invoice SET total = total - 12.01, patient_part = patient_part - 12.01
        WHERE state = 'draft' RETURNING id)
    INSERT INTO billing_line SELECT gen_random_uuid(), i.id, c.id, c.gross, c.payer_part, c.patient_part, true
    FROM billing_charge c, i WHERE c.reverses IS NOT NULL
    """,
)


async def test_the_database_itself_refuses_gaps_closed_shifts_and_what_was_reversed(
    till: Till, desk: Counter1, query: Query
) -> None:
    billing, payer, other = desk.billing, await till.patient(), await till.patient("Noether")
    deposit = await desk.pay(payer, "10.00", means="card")
    back = await till.charge(other)
    await till.charge(other)
    await billing.reverse_charge(till.admin, command(), back.id, BACK)
    await desk.invoice(other)
    await till.charge(other)
    await till.charge(other)
    await billing.draft_invoice(till.clerk, command(), InvoiceIn(patient_id=other))
    await next_shift(till, desk, "50.00")
    await desk.refund(deposit.id, "1.00")
    before = await adds_up(query)
    for attack in ATTACKS:
        told = await failure(query(attack))
        assert sqlstate(told) in {"23001", "23505", "23514"}, (attack, told)
    assert await adds_up(query) == before
