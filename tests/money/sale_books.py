"""Books of the pharmacy's own sale: what each sale sold, what was paid, what came back, what is paid back."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy.schemas.sales import SaleOut
from tests.money.books import Books

Id = uuid.UUID
Rows = Mapping[Any, tuple[Any, ...]]
ZERO, CENT = Decimal(0), Decimal("0.01")
PRICE, TAX = Decimal("0.4545"), Decimal("0.10")
"""Of a tablet that is sold over the counter."""
SALES = "SELECT id, counter, patient_id, dispense_id, version FROM pharmacy_sale"
ITEMS = "SELECT id, sale_id, lot_id, quantity, returned FROM pharmacy_sale_item"
MONEY = """
    SELECT i.id, s.sale_id, i.patient_id, i.state, i.number, i.owed, i.paid, i.credited
    FROM billing_invoice i LEFT JOIN pharmacy_sale_invoice s ON s.invoice_id = i.id WHERE i.kind = 'sale'
"""
PAID = """
    SELECT DISTINCT p.id, s.sale_id FROM pharmacy_sale_invoice s
    JOIN billing_allocation a ON a.invoice_id = s.invoice_id JOIN billing_payment p ON p.id = a.payment_id
"""


def cost(quantity: Decimal) -> Decimal:
    """With tax, each rounded half up."""
    net = (quantity * PRICE).quantize(CENT, ROUND_HALF_UP)
    return net + (net * TAX).quantize(CENT, ROUND_HALF_UP)


@dataclass
class SaleBooks:
    """What sellers were told, once; goods and money are in everybody's books."""

    books: Books
    shift: Id
    """Which is open at the dispensary's counter."""
    sales: dict[Id, SaleOut] = field(default_factory=dict)
    billed: dict[Id, Decimal] = field(default_factory=dict)
    """How much of a sale over the counter is on its invoices, since it was sold or paid back last."""

    def sold(self, told: SaleOut) -> None:
        """Off the shelf, charged and paid at once."""
        assert told.id not in self.sales, "sold twice"
        (invoice,) = told.money.invoices
        assert (invoice.kind, invoice.state, invoice.due) == ("sale", "paid", ZERO)
        assert invoice.owed == invoice.paid == sum((one.amount for one in told.money.payments), ZERO)
        assert not told.money.refunds
        for payment in told.money.payments:
            assert (payment.shift_id, payment.state, payment.free) == (self.shift, "captured", ZERO)
            self.books.paid(payment, None)
        for item in told.items:
            self.books.taken(item.lot_id, told.store, -item.quantity)
        if told.dispense_id is None:
            self.billed[told.id] = self.books.sold[told.id] = self._kept(told)
            assert invoice.owed == cost(self.billed[told.id])
        else:
            self.books.handed_over(told.dispense_id)
        self.sales[told.id] = told

    @staticmethod
    def _kept(told: SaleOut) -> Decimal:
        return sum((one.quantity - one.returned for one in told.items), ZERO)

    def waits(self, sale: Id) -> bool:
        """Something came back, and its money was not asked for."""
        told = self.sales[sale]
        if told.dispense_id is None:
            return self.billed[sale] != self._kept(told)
        return any(one.returned for one in self.books.dispenses[told.dispense_id].items)

    def brought_back(self, told: SaleOut, wanted: Mapping[Id, Decimal], store: str | None) -> None:
        """``wanted`` of its items came back, all that the customer had if it is empty; the money waits."""
        before = self.sales[told.id]
        assert told.money.invoices == before.money.invoices, "money moved with the goods"
        had = {one.id: one for one in before.items}
        for item in told.items:
            back = item.returned - had[item.id].returned
            left = had[item.id].quantity - had[item.id].returned
            assert back == (wanted.get(item.id, ZERO) if wanted else left)
            if store is not None:
                self.books.taken(item.lot_id, store, back)
        self.books.sold[told.id] = self._kept(told)
        self.sales[told.id] = told

    def given_back(self, told: SaleOut) -> list[Id]:
        """What came back is credited, what is kept is on another invoice; answers refunds that wait."""
        before = self.sales[told.id]
        assert told.items == before.items
        known = {one.id for one in before.money.refunds}
        asked = [one for one in told.money.refunds if one.id not in known]
        owed = sum((one.owed - one.credited for one in told.money.invoices), ZERO)
        assert sum((one.paid for one in told.money.invoices), ZERO) == owed, "kept and not paid"
        if told.dispense_id is None:
            back = cost(self.billed[told.id]) - cost(self._kept(told))
            self.billed[told.id] = self._kept(told)
            assert owed == cost(self.billed[told.id]), "the customer pays for something else than is kept"
            assert sum((one.amount for one in asked), ZERO) == back, "something else than came back"
        for one in asked:
            assert one.state == "requested"
            self.books.refunded(one, self.shift)
        assert {one.id for one in told.money.payments} == {one.id for one in before.money.payments}
        self.sales[told.id] = told
        return [one.id for one in asked]

    async def differences(self, connection: AsyncConnection) -> list[str]:
        """Where what is stored is not what sellers were told."""
        told = self.sales.values()
        wanted: dict[str, tuple[str, Rows]] = {
            "sales": (
                SALES,
                {one.id: (one.counter, one.patient_id, one.dispense_id, one.version) for one in told},
            ),
            "sold": (
                ITEMS,
                {
                    item.id: (one.id, item.lot_id, item.quantity, item.returned)
                    for one in told
                    for item in one.items
                },
            ),
            "sale invoices": (
                MONEY,
                {
                    paper.id: (
                        one.id,
                        one.patient_id,
                        paper.state.value,
                        paper.number,
                        paper.owed,
                        paper.paid,
                        paper.credited,
                    )
                    for one in told
                    for paper in one.money.invoices
                },
            ),
            "sale payments": (PAID, {pay.id: (one.id,) for one in told for pay in one.money.payments}),
        }
        wrong = []
        for what, (query, expected) in wanted.items():
            rows = await connection.execute(text(query))
            there = {row[0]: tuple(row[1:]) for row in rows}
            wrong += [
                f"{what} {key}: told {expected.get(key)}, stored {there.get(key)}"
                for key in expected.keys() | there.keys()
                if expected.get(key) != there.get(key)
            ]
        return wrong
