"""Money: decimals from the wire to the column and back, text on the wire, exact to the currency's last unit.

A currency has 0 to 3 decimal places (its minor units by ISO 4217). Amounts are rounded half up, away from
zero on both sides: exactly half a unit becomes a whole one. That is what Regulation (EC) No 1103/97, Article
5, asks of payable amounts in the European Union, what bills do elsewhere, and what PostgreSQL's
``round(numeric)`` does, so that server and database agree. Half-even is for statistics: of thousands of sums
it is the least biased, but nobody who checks a bill by hand arrives at it. Being symmetric, half up makes a
reversal exactly the negative of what it reverses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

MOST_PLACES = 3
"""Decimal places of the finest currencies."""
PRICE_PLACES = 6
"""Decimal places of a unit price: finer than any currency."""
RATE_PLACES = 3
"""Decimal places of a percentage."""

_WITHOUT_MINOR_UNIT = re.compile(r"BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|UYI|VND|VUV|XAF|XOF|XPF")
_WITH_THREE_PLACES = re.compile(r"BHD|IQD|JOD|KWD|LYD|OMR|TND")
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency by its code of ISO 4217, and how many decimal places its amounts have."""

    code: str
    scale: int

    def __post_init__(self) -> None:
        if not 0 <= self.scale <= MOST_PLACES:
            raise ValueError("a currency has 0 to 3 decimal places")

    def rounded(self, amount: Decimal) -> Decimal:
        """``amount`` to the last unit, half up, with exactly the currency's places."""
        return rounded(amount, self.scale)

    def fits(self, amount: Decimal) -> bool:
        """True if ``amount`` is in whole units."""
        return self.rounded(amount) == amount

    def written(self, amount: Decimal) -> str:
        """``amount`` as it stands on the wire and on paper: all places, no exponent."""
        return format(self.rounded(amount), "f")


def currency(code: str) -> Currency:
    """The currency with this code; what is not known to differ has two places."""
    scale = 0 if _WITHOUT_MINOR_UNIT.fullmatch(code) else 3 if _WITH_THREE_PLACES.fullmatch(code) else 2
    return Currency(code, scale)


def rounded(amount: Decimal, scale: int) -> Decimal:
    """``amount`` with ``scale`` places, half up (away from zero); never ``-0``."""
    with localcontext(_EXACT):
        result = amount.quantize(Decimal(1).scaleb(-scale))
    return abs(result) if result == 0 else result


def percent(amount: Decimal, rate: Decimal, scale: int) -> Decimal:
    """``rate`` per cent of ``amount``, rounded."""
    with localcontext(_EXACT):
        return rounded(amount * rate / 100, scale)


def proportion(amount: Decimal, part: Decimal, whole: Decimal, scale: int) -> Decimal:
    """``amount`` times ``part`` of ``whole``, rounded once; 0 of a whole of 0."""
    with localcontext(_EXACT):
        return rounded(amount * part / whole if whole else Decimal(0), scale)


def product(price: Decimal, quantity: Decimal, scale: int) -> Decimal:
    """``quantity`` times a unit ``price``, rounded once."""
    with localcontext(_EXACT):
        return rounded(price * quantity, scale)


def allocated(total: Decimal, weights: Sequence[Decimal], scale: int) -> list[Decimal]:
    """``total`` split by ``weights``, to the last unit: the parts add up to it exactly.

    By the largest remainder; of equal remainders the first part gets the unit. Equal parts if all weights
    are 0. Raises ``ValueError`` for no parts, a negative weight, or a total that is not in whole units.
    """
    if not weights or any(weight < 0 for weight in weights) or rounded(total, scale) != total:
        raise ValueError("a total in whole units is split over at least one part by weights of 0 or more")
    unit = Decimal(1).scaleb(-scale)
    shares = list(weights) if any(weights) else [Decimal(1)] * len(weights)
    with localcontext(_EXACT):
        units, whole = int(abs(total) / unit), sum(shares, Decimal(0))
        # Integers, so that nothing is rounded on the way: every weight in the finest place of any.
        finest = min(int(share.as_tuple().exponent) for share in (*shares, whole))
        counts = [int(share.scaleb(-finest)) for share in shares]
    parts = [units * count // sum(counts) for count in counts]
    remainders = [units * count % sum(counts) for count in counts]
    by_remainder = sorted(range(len(parts)), key=lambda place: (-remainders[place], place))
    for place in by_remainder[: units - sum(parts)]:
        parts[place] += 1
    sign = -1 if total < 0 else 1
    return [rounded(sign * part * unit, scale) for part in parts]


_AMOUNT = r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,3})?"
_PRICE = r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?"
_RATE = r"(100(\.0{1,3})?|[1-9]?[0-9](\.[0-9]{1,3})?)"


def _reader(pattern: str, example: str) -> BeforeValidator:
    compiled = re.compile(pattern)

    def read(value: object) -> Decimal:
        if isinstance(value, Decimal):
            return value
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(f'is written like "{example}", in quotes')
        return Decimal(value)

    return BeforeValidator(read)


def _text(value: Decimal) -> str:
    return format(value if value else abs(value), "f")


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("must be more than 0")
    return value


_AS_TEXT = PlainSerializer(_text, return_type=str, when_used="json")


def _described(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "examples": [example]})


Money = Annotated[Decimal, _reader(rf"-?{_AMOUNT}", "12.50"), _AS_TEXT, _described(rf"-?{_AMOUNT}", "-12.50")]
"""An amount in the facility's currency, as text; credit is negative."""

AmountDue = Annotated[
    Decimal,
    _reader(_AMOUNT, "12.50"),
    AfterValidator(_positive),
    _AS_TEXT,
    _described(rf"(?!0+(\.0+)?$){_AMOUNT}", "12.50"),
]
"""An amount of more than 0 in the facility's currency, as text."""

Balance = Annotated[Decimal, _reader(_AMOUNT, "12.50"), _AS_TEXT, _described(_AMOUNT, "12.50")]
"""An amount of 0 or more in the facility's currency, as text."""

UnitPrice = Annotated[Decimal, _reader(_PRICE, "0.0125"), _AS_TEXT, _described(_PRICE, "0.0125")]
"""A price of one unit, as text, with up to six places: finer than the currency."""

Rate = Annotated[Decimal, _reader(_RATE, "20"), _AS_TEXT, _described(_RATE, "20")]
"""Per cent, 0 to 100, as text, with up to three places."""
