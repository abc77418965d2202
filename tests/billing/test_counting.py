"""The end of a shift: every means that was used is counted, and the day adds them up."""

from decimal import Decimal
from typing import Any

import pytest

from hms_rt.departments.billing.schemas.accounts import CashierIn, ShiftClose, ShiftIn, ShiftOut
from hms_rt.departments.billing.schemas.days import DayIn
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import Role
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import Query, Till, refused
from tests.billing.test_accounts import Counter1, adds_up, desk
from tests.billing.test_charges import failure
from tests.billing.test_papers import says
from tests.conftest import PersonFactory, command

__all__ = ["desk"]

D = Decimal
CARD = {"means": "card", "counted": "20.00"}


def told(counted: str, *means: dict[str, Any], **rest: str) -> ShiftClose:
    return ShiftClose.model_validate({"counted": counted, "means": list(means), **rest})


def test_cash_is_told_once_and_every_other_means_once() -> None:
    for means in ([{"means": "cash", "counted": "1.00"}], [CARD, CARD]):
        with pytest.raises(ValueError, match=r"cash is told|told once"):
            told("1.00", *means)


async def test_every_means_that_was_used_is_counted_and_the_day_adds_them_up(
    till: Till, desk: Counter1, person: PersonFactory, query: Query
) -> None:
    billing, clerk, patient_id = desk.billing, till.clerk, await till.patient()
    other = await person(Role.RECEPTION)
    await billing.define_cashier(till.admin, command(), CashierIn(code="C2", name="Counter 2"))
    opening = ShiftIn.model_validate({"opening_cash": "5.00"})
    second = await billing.open_cashier_shift(other, command(), "C2", opening)
    paid = await desk.pay(patient_id, "20", means="card")
    await desk.pay(patient_id, "7", means="cheque")
    await desk.pay(patient_id, "3", means="transfer", pending=True)
    (seen,) = await query("SELECT version FROM billing_shift WHERE counter = 'C1'")
    assert seen.version == 3, "who counts by an older version has not seen the card's last slip"

    async def close(shift: ShiftOut, what: ShiftClose) -> ShiftOut:
        return await billing.close_cashier_shift(till.admin, command(), shift.id, what)

    for wrong in (
        told("50.00"),
        told("50.00", CARD),
        told("50.00", CARD, {"means": "cheque", "counted": "8.00"}),
        told("50.00", CARD, {"means": "cheque", "counted": "7.00"}, {"means": "mobile", "counted": "1.00"}),
    ):
        await refused(Code.CONFLICT, close(desk.shift, wrong))
    missing = await refused(Code.CONFLICT, close(desk.shift, told("50.00", CARD)))
    assert "cheque was taken" in missing.detail
    finer = told("50.00", CARD, {"means": "cheque", "counted": "7.001"})
    await refused(Code.INVALID, close(desk.shift, finer))
    short = {"means": "cheque", "counted": "0.00", "reason": "left in the safe"}
    more = {"means": "mobile", "counted": "1.00", "reason": "nobody knows whose"}
    closed = await close(desk.shift, told("50.00", CARD, short, more))
    assert [(one.means, one.expected, one.counted, one.difference, one.reason) for one in closed.means] == [
        ("cash", D(50), D(50), D(0), None),
        ("card", D(20), D(20), D(0), None),
        ("cheque", D(7), D(0), D(-7), "left in the safe"),
        ("mobile", D(0), D(1), D(1), "nobody knows whose"),
    ]
    paper = await billing.shift_pdf(clerk, command(), desk.shift.id)
    says(paper, "Card 20.00 0.00 20.00 20.00 0.00", "Cheque 7.00 0.00 7.00 0.00 -7.00", "left in the safe")
    await close(second, told("5.00"))
    third = await billing.open_cashier_shift(clerk, command(), "C1", opening)
    await desk.refund(paid.id, "4.00")
    given = await close(third, told("5.00", {"means": "card", "counted": "-4.00"}))
    assert (given.means[1].expected, given.means[1].difference) == (D(-4), D(0))
    day = await billing.close_day(clerk, command(), DayIn())
    assert {one.means.value: (one.expected, one.counted, one.difference) for one in day.means} == {
        "cash": (D(60), D(60), D(0)),
        "card": (D(16), D(16), D(0)),
        "cheque": (D(7), D(0), D(-7)),
        "mobile": (D(0), D(1), D(1)),
    }
    says(await billing.day_pdf(clerk, command(), day.id), "Card 20.00 4.00 16.00 16.00 0.00")
    await adds_up(query)
    for attack in (
        "UPDATE billing_shift_means SET counted = 0, reason = 'lost it'",
        "INSERT INTO billing_shift_means SELECT id, 'transfer', 0, 0, 0, 0 FROM billing_shift",
        "DELETE FROM billing_shift_means",
        "UPDATE billing_day_means SET counted = 0",
        "INSERT INTO billing_day_means SELECT id, 'transfer', 0, 0, 0, 0 FROM billing_day",
    ):
        assert sqlstate(await failure(query(attack))) in {"23001", "23505", "23514"}, attack


OPEN_ATTACKS = (
    "UPDATE billing_shift_means SET received = received + 1, counted = NULL",
    "UPDATE billing_shift_means SET opening = 0 WHERE means = 'cash'",
    "UPDATE billing_shift_means SET means = 'mobile' WHERE means = 'card'",
    "UPDATE billing_shift_means SET counted = 1, reason = 'too early'",
    "UPDATE billing_shift_means SET counted = received WHERE means = 'card'",
    "INSERT INTO billing_shift_means SELECT id, 'mobile', 0, 1, 0 FROM billing_shift",
    "UPDATE billing_shift SET closed_at = now(), counted = cash, difference = 0",
    "WITH m AS (UPDATE billing_shift_means SET counted = opening + received WHERE means = 'cash')"
    " UPDATE billing_shift SET closed_at = now(), counted = cash, difference = 0",
    "WITH m AS (UPDATE billing_shift_means SET counted = 9 WHERE means = 'card')"
    " UPDATE billing_shift SET closed_at = now(), counted = cash, difference = 0",
    "TRUNCATE billing_shift_means",
    "INSERT INTO billing_charge SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(),"
    " 'kind', 'other', 'cause', 'x', 'reason', NULL))).* FROM billing_charge c",
)


async def test_the_database_moves_and_keeps_the_sums_of_a_shift(
    till: Till, desk: Counter1, query: Query
) -> None:
    patient_id = await till.patient()
    await till.charge(patient_id)
    await desk.pay(patient_id, "20", means="card")
    await desk.pay(patient_id, "3")
    before = await query("SELECT * FROM billing_shift_means ORDER BY means")
    assert [(row.means, row.opening, row.received) for row in before] == [("card", 0, 20), ("cash", 50, 3)]
    for attack in OPEN_ATTACKS:
        error = await failure(query(attack))
        assert sqlstate(error) in {"23001", "23505", "23514"}, (attack, error)
    assert await query("SELECT * FROM billing_shift_means ORDER BY means") == before
    plan = await query("SELECT prosrc FROM pg_proc WHERE proname = 'billing_check_shift'")
    assert "billing_payment" not in plan[0].prosrc, "each payment would read the whole shift"
