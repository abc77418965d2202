"""Money: rounding, splitting, and what the wire takes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from hms_rt.kernel.money import (
    AmountDue,
    Currency,
    Money,
    Rate,
    UnitPrice,
    allocated,
    currency,
    percent,
    product,
    rounded,
)

D = Decimal


@pytest.mark.parametrize(
    ("amount", "scale", "expected"),
    [
        ("0.005", 2, "0.01"),
        ("0.015", 2, "0.02"),
        ("0.025", 2, "0.03"),  # half-even would say 0.02
        ("-0.025", 2, "-0.03"),
        ("0.5", 0, "1"),
        ("2.5", 0, "3"),
        ("1.0005", 3, "1.001"),
        ("0.0049999", 2, "0.00"),
        ("-0.001", 2, "0.00"),
    ],
)
def test_half_a_unit_is_a_whole_one_on_either_side(amount: str, scale: int, expected: str) -> None:
    assert str(rounded(D(amount), scale)) == expected


def test_currencies_have_the_places_of_iso_4217() -> None:
    assert [currency(code).scale for code in ("JPY", "EUR", "XOF", "KWD", "TND", "INR")] == [0, 2, 0, 3, 3, 2]
    assert currency("KWD").written(D("1.5")) == "1.500"
    assert currency("JPY").written(D(1200)) == "1200"
    assert not currency("JPY").fits(D("0.5"))
    with pytest.raises(ValueError, match="0 to 3"):
        Currency("QQQ", 4)


def test_a_price_finer_than_the_currency_is_rounded_once() -> None:
    assert product(D("0.0125"), D(3), 2) == D("0.04")
    assert percent(D("0.10"), D("19.5"), 2) == D("0.02")


units = st.integers(-(10**12), 10**12)
weights = st.lists(st.decimals(0, 10**6, places=4), min_size=1, max_size=30)


@given(units, weights, st.integers(0, 3))
def test_parts_add_up_to_the_last_unit_and_none_is_a_unit_off(
    count: int, shares: list[Decimal], scale: int
) -> None:
    total = D(count).scaleb(-scale)
    parts = allocated(total, shares, scale)
    assert sum(parts) == total
    assert all(part == rounded(part, scale) for part in parts)
    whole = sum(shares) or D(len(shares))
    for part, share in zip(parts, shares if sum(shares) else [D(1)] * len(shares), strict=True):
        assert abs(part - total * share / whole) < D(1).scaleb(-scale) * D("1.000001")


def test_of_equal_parts_the_first_get_the_odd_units() -> None:
    assert allocated(D("1.00"), [D(1)] * 3, 2) == [D("0.34"), D("0.33"), D("0.33")]
    assert allocated(D("-0.02"), [D(0)] * 3, 2) == [D("-0.01"), D("-0.01"), D("0.00")]
    for bad in ([], [D(-1)]):
        with pytest.raises(ValueError, match="whole units"):
            allocated(D(1), bad, 2)
    with pytest.raises(ValueError, match="whole units"):
        allocated(D("0.001"), [D(1)], 2)


class Paid(BaseModel):
    amount: AmountDue = D(1)
    credit: Money = D(0)
    price: UnitPrice = D(0)
    rate: Rate = D(0)


@pytest.mark.parametrize(
    "said",
    [
        {"amount": 12.5},
        {"amount": 12},
        {"amount": "12,5"},
        {"amount": "0.00"},
        {"amount": "-1"},
        {"amount": "1e3"},
        {"amount": "NaN"},
        {"amount": "1.2345"},
        {"amount": "01.20"},
        {"amount": "1.20\n"},
        {"amount": "٣"},
        {"amount": "1000000000000"},
        {"amount": True},
        {"credit": -1},
        {"price": "0.0000001"},
        {"rate": "100.001"},
        {"rate": "101"},
        {"rate": "-1"},
    ],
)
def test_numbers_and_anything_but_plain_decimals_are_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Paid.model_validate(said)


def test_amounts_keep_their_places_on_the_wire() -> None:
    paid = Paid.model_validate({"amount": "12.50", "credit": "-0.10", "price": "0.012500", "rate": "19.5"})
    assert paid.model_dump(mode="json") == {
        "amount": "12.50",
        "credit": "-0.10",
        "price": "0.012500",
        "rate": "19.5",
    }
