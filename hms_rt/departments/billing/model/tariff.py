"""Services, and what they cost whom and when."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from hms_rt.kernel.money import Currency, percent, product

ANY_SOURCE = "*"
"""Stands for every clinic, test, medicine or ward that has no service of its own."""
SELF = "SELF"
"""The payer of whoever has no other: the patient."""
STANDARD = "STD"
"""The class of whoever has no other."""


class ServiceKind(StrEnum):
    """What is charged for; ``source`` says of which place or thing."""

    CONSULTATION = "consultation"  # by clinic
    TEST = "test"  # by code of the panel or test
    MEDICINE = "medicine"  # by code of the formulary, in its dispensing unit
    BED_DAY = "bed_day"  # by ward
    PROCEDURE = "procedure"
    OTHER = "other"
    PACKAGE = "package"  # several services at one price
    DISCOUNT = "discount"  # takes something off a charge
    INCLUDED = "included"  # a package includes it, or a part of it


REDUCTIONS = frozenset({ServiceKind.DISCOUNT, ServiceKind.INCLUDED})
"""Kinds of charges that take something off another one; no service is of these kinds."""


@dataclass(frozen=True, slots=True)
class Service:
    """Something that is charged for.

    What departments do is matched by ``kind`` and ``source``. One that is not ``chargeable`` says that the
    source costs nothing: the queue of the cashier is no consultation.
    """

    code: str
    name: str
    kind: ServiceKind
    source: str | None
    chargeable: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of a service costs, net, from ``valid_from`` to before ``valid_until`` (None: open).

    ``tax_rate`` is added to it; ``payer_share`` is how much of the sum the payer takes; both per cent.
    """

    id: uuid.UUID
    service: str
    payer: str
    patient_class: str
    valid_from: date
    valid_until: date | None
    unit_price: Decimal
    tax_rate: Decimal
    payer_share: Decimal


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a quantity costs: ``gross`` is ``net`` and ``tax``, and what payer and patient pay together."""

    net: Decimal
    tax: Decimal
    gross: Decimal
    payer_part: Decimal
    patient_part: Decimal

    def reversed(self) -> "Amounts":
        """The exact negative."""
        return Amounts(-self.net, -self.tax, -self.gross, -self.payer_part, -self.patient_part)


def priced(price: Price, quantity: Decimal, currency: Currency) -> Amounts:
    """What ``quantity`` costs: net, tax and the payer's part are each rounded once, half up."""
    return amounts(product(price.unit_price, quantity, currency.scale), price, currency)


def amounts(net: Decimal, price: Price, currency: Currency) -> Amounts:
    """Tax and shares of a net amount in whole units."""
    tax = percent(net, price.tax_rate, currency.scale)
    gross = net + tax
    payer_part = percent(gross, price.payer_share, currency.scale)
    return Amounts(net, tax, gross, payer_part, gross - payer_part)


def applicable(prices: Iterable[Price], payer: str, patient_class: str) -> Price | None:
    """The price for a payer and class, of those that are valid: their own, then that of the payer's standard
    class, then that of self-payers of the class, then the standard one."""
    known = {(price.payer, price.patient_class): price for price in prices}
    for key in ((payer, patient_class), (payer, STANDARD), (SELF, patient_class), (SELF, STANDARD)):
        if key in known:
            return known[key]
    return None
