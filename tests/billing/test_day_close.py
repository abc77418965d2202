"""The end of the day: every drawer counted, totals by means, and nothing changes afterwards."""

from datetime import date, timedelta

from hms_rt.departments.billing.schemas.accounts import CashierIn, RefundIn, ShiftClose, ShiftIn, ShiftOut
from hms_rt.departments.billing.schemas.days import DayIn, DayQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import Role
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import Query, Till, refused
from tests.billing.test_accounts import Counter1, adds_up, desk
from tests.billing.test_charges import failure
from tests.billing.test_papers import says
from tests.conftest import PersonFactory, command

__all__ = ["desk"]


async def test_a_day_is_closed_once_and_later_money_counts_for_the_next(
    till: Till, desk: Counter1, clock: ManualClock, person: PersonFactory, query: Query
) -> None:
    billing, clerk, patient_id = desk.billing, till.clerk, await till.patient()

    async def close(shift: ShiftOut, counted: str, taken: dict[str, str], **rest: str) -> None:
        others = [{"means": one, "counted": how} for one, how in taken.items()]
        told = ShiftClose.model_validate({"counted": counted, "means": others, **rest})
        await billing.close_cashier_shift(till.admin, command(), shift.id, told)

    async def opened(counter: str) -> ShiftOut:
        told = ShiftIn.model_validate({"opening_cash": "10.00"})
        return await billing.open_cashier_shift(other, command(), counter, told)

    other = await person(Role.RECEPTION)
    await billing.define_cashier(till.admin, command(), CashierIn(code="C2", name="Counter 2"))
    second = await opened("C2")
    cash = await desk.pay(patient_id, "30.00")
    await desk.pay(patient_id, "5.00", means="card")
    coming = await desk.pay(patient_id, "7.00", means="transfer", pending=True)
    await desk.refund(cash.id, "10.00")
    asked = RefundIn.model_validate({"amount": "1.00", "counter": "C1", "reason": "moved away"})
    late = await billing.request_refund(clerk, command(), cash.id, asked)
    today = desk.shift.day
    told = await refused(Code.CONFLICT, billing.close_day(clerk, command(), DayIn()))
    assert "C1, C2" in told.detail
    await close(desk.shift, "69.50", {"card": "5.00"}, reason="a coin fell down")
    await close(second, "10.00", {})
    await refused(Code.CONFLICT, billing.approve_refund(till.admin, command(), late.id))
    await refused(Code.CONFLICT, billing.capture_payment(clerk, command(), coming.id))
    ahead = DayIn(day=today + timedelta(days=1))
    await refused(Code.INVALID, billing.close_day(clerk, command(), ahead))
    await refused(Code.CONFLICT, billing.close_day(clerk, command(), DayIn(day=today - timedelta(days=1))))
    closed = await billing.close_day(clerk, command(), DayIn())
    assert (closed.day, closed.number, closed.shifts) == (today, 1, 2)
    assert (str(closed.counted), str(closed.difference)) == ("79.50", "-0.50")
    assert {one.means.value: (str(one.received), str(one.given_back)) for one in closed.means} == {
        "cash": ("30.00", "10.00"),
        "card": ("5.00", "0"),
    }
    paper = await billing.day_pdf(clerk, command(), closed.id)
    says(
        paper,
        "Day close",
        "MAIN-1",
        "Cash 30.00 10.00 80.00 79.50 -0.50",
        "Difference -€0.50",
        "Counted €79.50",
    )
    says(await billing.day_pdf(clerk, command(), closed.id), "COPY 1")
    await refused(Code.CONFLICT, billing.close_day(clerk, command(), DayIn()))
    again = await opened("C1")
    assert again.day == today + timedelta(days=1), "the day is closed"
    captured = await billing.capture_payment(till.admin, command(), coming.id)
    assert captured.shift_id == again.id
    await close(again, "10.00", {"transfer": "7.00"})
    clock.advance(timedelta(days=1))
    following = await billing.close_day(clerk, command(), DayIn())
    assert (following.number, following.day) == (2, today + timedelta(days=1))
    assert [(one.means.value, str(one.received)) for one in following.means] == [
        ("cash", "0"),
        ("transfer", "7.00"),
    ]
    listed = await billing.closed_days(clerk, DayQuery(facility="MAIN"))
    assert [one.number for one in listed.items] == [2, 1]
    await adds_up(query)
    assert isinstance(following.day, date)
    for attack in (
        "UPDATE billing_day SET counted = 0",
        "DELETE FROM billing_day",
        "UPDATE billing_day_means SET received = 0",
        "INSERT INTO billing_day_means SELECT id, 'mobile', 1, 0, 0 FROM billing_day",
        "INSERT INTO billing_day SELECT (jsonb_populate_record(d, jsonb_build_object('id',"
        " gen_random_uuid(), 'number', 3, 'day', d.day + 1))).* FROM billing_day d WHERE number = 2",
        "INSERT INTO billing_day SELECT (jsonb_populate_record(d, jsonb_build_object('id',"
        " gen_random_uuid(), 'number', 3, 'day', d.day - 9))).* FROM billing_day d WHERE number = 1",
        "INSERT INTO billing_shift SELECT (jsonb_populate_record(s, jsonb_build_object('id',"
        " gen_random_uuid(), 'closed_at', null, 'counted', null, 'difference', null))).*"
        " FROM billing_shift s",
        "INSERT INTO billing_payment SELECT (jsonb_populate_record(p, jsonb_build_object('id',"
        " gen_random_uuid(), 'number', 99))).* FROM billing_payment p WHERE means = 'card'",
        "UPDATE billing_refund SET state = 'approved', decided_by = gen_random_uuid(), decided_at = now()"
        " WHERE state = 'requested'",
        "UPDATE billing_payment SET shift_id = (SELECT id FROM billing_shift WHERE counter = 'C2')",
    ):
        told_by = await failure(query(attack))
        assert sqlstate(told_by) in {"23001", "23505", "23514"}, (attack, told_by)
