"""Quantities: decimals from the wire to the column and back, as text on the wire; never a float."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

PLACES = 4
"""Decimal places that a quantity may have; the database holds the same bound."""

_WRITTEN = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,4})?")
_SIGNED = re.compile(r"-?" + _WRITTEN.pattern)


def written(quantity: Decimal) -> str:
    """``quantity`` as it stands on the wire: no exponent, no trailing zeros."""
    shortest = quantity.normalize()
    return format(shortest if shortest else abs(shortest), "f")


def _read(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not _WRITTEN.fullmatch(value):
        raise ValueError('a quantity is written like "2.5", in quotes')
    return Decimal(value)


def _read_signed(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not _SIGNED.fullmatch(value):
        raise ValueError('a difference is written like "-2.5", in quotes')
    return Decimal(value)


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("must be more than 0")
    return value


_AS_TEXT = PlainSerializer(written, return_type=str, when_used="json")
_PATTERN = rf"^{_WRITTEN.pattern}$"

Amount = Annotated[
    Decimal,
    BeforeValidator(_read),
    _AS_TEXT,
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": ["12.5"]}),
]
"""A decimal of 0 or more with at most four places, written like ``12.5``."""

Quantity = Annotated[
    Decimal,
    BeforeValidator(_read),
    AfterValidator(_positive),
    _AS_TEXT,
    WithJsonSchema({"type": "string", "pattern": rf"^(?!0+(\.0+)?$){_PATTERN[1:]}", "examples": ["12.5"]}),
]
"""A decimal of more than 0 with at most four places, written like ``12.5``."""

Difference = Annotated[
    Decimal,
    BeforeValidator(_read_signed),
    _AS_TEXT,
    WithJsonSchema({"type": "string", "pattern": rf"^{_SIGNED.pattern}$", "examples": ["-2"]}),
]
"""A decimal that may be negative, with at most four places."""
