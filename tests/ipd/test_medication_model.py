"""Rules of the medication administration record without any store."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hms_rt.departments.ipd.model.medication import (
    DAY,
    GRACE,
    MOVES,
    Administration,
    CancelledFor,
    Dose,
    DoseMove,
    DoseState,
    Medication,
    OrderState,
    Outcome,
    check_moment,
)
from hms_rt.departments.pharmacy.model.frequency import FrequencyKind
from hms_rt.kernel.errors import Code, HmsError

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
S = DoseState
M = DoseMove
PENDING = (S.DUE, S.OVERDUE)
DONE = (S.GIVEN, S.PARTIALLY_GIVEN, S.REFUSED, S.WITHHELD)
LEGAL = {
    **{(state, M.GIVE): S.GIVEN for state in PENDING},
    **{(state, M.GIVE_PARTIALLY): S.PARTIALLY_GIVEN for state in PENDING},
    **{(state, M.REFUSE): S.REFUSED for state in PENDING},
    **{(state, M.WITHHOLD): S.WITHHELD for state in PENDING},
    **{(state, M.CANCEL): S.CANCELLED for state in PENDING},
    **{(state, M.REOPEN): S.DUE for state in DONE},
    (S.DUE, M.OVERDUE): S.OVERDUE,
    (S.CANCELLED, M.RESTORE): S.DUE,
}


def dose(state: S = S.DUE) -> Dose:
    return Dose(uuid.uuid4(), uuid.uuid4(), NOW, "ICU", state)


@pytest.mark.parametrize(("state", "move"), list(product(S, MOVES)))
def test_every_pair_of_state_and_move(state: S, move: M) -> None:
    if (state, move) in LEGAL:
        after = dose(state).moved(move, CancelledFor.STOP if move is M.CANCEL else None)
        assert (after.state, after.version) == (LEGAL[state, move], 2)
        return
    with pytest.raises(HmsError) as refused:
        dose(state).moved(move)
    assert refused.value.code is Code.ILLEGAL_MOVE
    assert refused.value.fields["legal"] == sorted(each.value for of, each in LEGAL if of is state)


def test_a_dose_comes_back_as_late_as_it_is() -> None:
    given = dose(S.GIVEN)
    assert given.pending(M.REOPEN, NOW).state is S.DUE
    assert given.pending(M.REOPEN, NOW + GRACE).state is S.OVERDUE


def test_a_dose_is_not_given_long_before_it_is_due() -> None:
    check_moment(dose(), NOW - timedelta(hours=2))
    with pytest.raises(HmsError):
        check_moment(dose(), NOW - timedelta(hours=2, seconds=1))


def medication(**changed: Any) -> Medication:
    usual = Medication(
        line_id=uuid.uuid4(),
        prescription_id=uuid.uuid4(),
        admission_id=uuid.uuid4(),
        patient_id=uuid.uuid4(),
        patient_name="Curie",
        mrn="MRN-1",
        ward="ICU",
        name="Morphine 10 mg injection",
        controlled=True,
        dose=Decimal(5),
        dose_unit="mg",
        route="intravenous",
        note=None,
        frequency_kind=FrequencyKind.AS_NEEDED,
        times=(),
        every_hours=None,
        max_per_24h=3,
        starts_at=NOW - 30 * DAY,
        ends_at=NOW + 30 * DAY,
        state=OrderState.IN_FORCE,
        planned_until=NOW,
    )
    return replace(usual, **changed)


def test_late_entries_count_in_every_24_hours_that_hold_them() -> None:
    """With at most 3: given at 0, 10 and 30 h, one more at 20 h fits, and then none between 6 and 34 h."""
    order = medication()
    given = [NOW + timedelta(hours=hours) for hours in (0, 10, 30)]
    order.check_as_needed(given, NOW + timedelta(hours=20))
    given.append(NOW + timedelta(hours=20))
    for hours in (5, 12, 20, 23, 29, 31, 33):
        with pytest.raises(HmsError) as refused:
            order.check_as_needed(given, NOW + timedelta(hours=hours))
        assert refused.value.code is Code.CONFLICT, hours
    for hours in (-24, -5, 34, 60):
        order.check_as_needed(given, NOW + timedelta(hours=hours))


@given(
    most=st.integers(1, 5),
    asked=st.lists(st.integers(0, 90), min_size=1, max_size=40),
)
def test_no_24_hours_ever_hold_more_than_the_most(most: int, asked: list[int]) -> None:
    """Whatever is recorded in whatever order: what was let through obeys, what was refused would not."""
    order = medication(max_per_24h=most)
    given: list[datetime] = []

    def obeys(moments: list[datetime]) -> bool:
        return all(sum(one <= other < one + DAY for other in moments) <= most for one in moments)

    for hours in asked:
        at = NOW + timedelta(hours=hours)
        try:
            order.check_as_needed(given, at)
        except HmsError:
            assert not obeys([*given, at])
            continue
        given.append(at)
        assert obeys(given)


def test_what_is_not_in_force_is_not_given() -> None:
    for order in (medication(starts_at=NOW + DAY), medication(ends_at=NOW)):
        with pytest.raises(HmsError):
            order.check_as_needed([], NOW)
    before = NOW - timedelta(seconds=1)
    for state in (OrderState.ON_HOLD, OrderState.ENDED):
        ceased = medication(state=state, ceased_at=NOW)
        ceased.check_taken(before, None)
        with pytest.raises(HmsError, match=r"stopped|on hold"):
            ceased.check_taken(NOW, None)
    medication().check_taken(NOW, NOW)
    with pytest.raises(HmsError, match="the patient left"):
        medication().check_taken(NOW, before)


def test_what_was_given_before_a_dose_was_cancelled_is_told_late_once() -> None:
    cancelled = replace(dose(S.CANCELLED), cancelled_for=CancelledFor.STOP)
    for move, state in ((M.GIVE, S.GIVEN), (M.GIVE_PARTIALLY, S.PARTIALLY_GIVEN)):
        after = cancelled.recorded(move, ceased=True)
        assert (after.state, after.version, after.cancelled_for) == (state, 2, None)
        with pytest.raises(HmsError):
            after.recorded(move, ceased=True)
        with pytest.raises(HmsError):
            cancelled.recorded(move, ceased=False)
    for move in (M.REFUSE, M.WITHHOLD):
        with pytest.raises(HmsError):
            cancelled.recorded(move, ceased=True)


GOOD: dict[str, Any] = {"outcome": Outcome.GIVEN, "amount": Decimal(5), "witness": uuid.UUID(int=2)}
NURSE = uuid.UUID(int=1)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({}, None),
        ({"amount": None}, "amount"),
        ({"amount": Decimal("4.9999")}, "amount"),
        ({"amount": Decimal("5.0001")}, "amount"),
        ({"witness": None}, "witness"),
        ({"witness": NURSE}, "witness"),
        ({"outcome": Outcome.PARTIALLY_GIVEN, "amount": Decimal(2)}, "reason"),
        ({"outcome": Outcome.PARTIALLY_GIVEN, "amount": Decimal(2), "reason": "vomited"}, None),
        ({"outcome": Outcome.PARTIALLY_GIVEN, "reason": "vomited"}, "amount"),
        ({"outcome": Outcome.REFUSED, "amount": None, "witness": None}, "reason"),
        ({"outcome": Outcome.REFUSED, "amount": None, "witness": None, "reason": "nausea"}, None),
        ({"outcome": Outcome.WITHHELD, "reason": "fasting"}, "amount"),
    ],
)
def test_amount_reason_and_witness_fit_the_outcome(changed: dict[str, Any], field: str | None) -> None:
    told = {"reason": None, **GOOD, **changed}
    made = Administration(
        id=uuid.uuid4(),
        line_id=uuid.uuid4(),
        dose_id=uuid.uuid4(),
        controlled=True,
        given_by=NURSE,
        occurred_at=NOW,
        recorded_at=NOW,
        **told,
    )
    if field is None:
        made.check(medication())
        return
    with pytest.raises(HmsError) as refused:
        made.check(medication())
    assert refused.value.detail.startswith(f"{field}:")
