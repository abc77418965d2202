"""Discounts: every legal and every illegal pair; no part of a charge falls below nothing."""

import itertools
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hms_rt.departments.billing.model.discount import (
    MOVES,
    Discount,
    DiscountMove,
    DiscountState,
    Limit,
    authority,
    left,
    reduction,
    share,
)
from hms_rt.departments.billing.model.tariff import Amounts
from hms_rt.kernel.errors import Code, HmsError

D = Decimal
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ME, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
PARTS = ("net", "tax", "gross", "payer_part", "patient_part")


@pytest.mark.parametrize(("state", "move"), list(itertools.product(DiscountState, DiscountMove)))
def test_every_pair_of_a_discount(state: DiscountState, move: DiscountMove) -> None:
    one = Discount(ME, ME, None, D(5), None, "staff", state, D(1), D(5), D(0), ME, NOW)
    after = MOVES[move].get(state)
    if after is not None:
        assert one.decided(move, OTHER, NOW).state is after
        with pytest.raises(HmsError) as raised:
            one.decided(move, ME, NOW)
        assert raised.value.code is Code.FORBIDDEN
        return
    with pytest.raises(HmsError) as raised:
        one.decided(move, OTHER, NOW)
    assert raised.value.code is Code.ILLEGAL_MOVE
    assert raised.value.fields["legal"] == []


@given(
    st.integers(0, 10**6),
    st.integers(0, 30),
    st.integers(0, 100),
    st.lists(st.integers(1, 10**5), max_size=8),
)
def test_however_often_something_is_taken_off_no_part_falls_below_nothing(
    cents: int, rate: int, payer: int, steps: list[int]
) -> None:
    net, taken = D(cents).scaleb(-2), D(0)
    tax = (net * rate / 100).quantize(D("0.01"))
    payer_part = ((net + tax) * payer / 100).quantize(D("0.01"))
    original = Amounts(net, tax, net + tax, payer_part, net + tax - payer_part)
    sums = {name: getattr(original, name) for name in PARTS}
    for step in [*(D(each).scaleb(-2) for each in steps), original.gross]:
        by = min(step, original.gross - taken)
        off = reduction(original, taken, by, 2)
        taken += by
        for name in PARTS:
            assert getattr(off, name) <= 0
            sums[name] += getattr(off, name)
            assert sums[name] >= 0
        assert sums["gross"] == sums["net"] + sums["tax"] == sums["payer_part"] + sums["patient_part"]
        assert sums["tax"] == left(original, original.gross - taken, 2).tax
    assert set(sums.values()) == {D(0)}


def test_authority_is_the_best_limit_held_and_a_share_is_never_told_too_small() -> None:
    limits = [Limit("reception", D(5)), Limit("cashier", D(10), D(50)), Limit("admin", D(100))]
    assert authority(limits, ["reception", "cashier"], D(50)) == 10
    assert authority(limits, ["reception", "cashier"], D("50.01")) == 5
    assert authority(limits, ["nurse"], D(1)) == 0
    assert share(D(1), D(3)) == D("33.334")
    assert share(D(1), D(4)) == 25
