"""What must be in the database, by what clients were told: kept by the test alone, in plain numbers."""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing.schemas.accounts import InvoiceOut, PaymentOut, RefundOut, ShiftOut
from hms_rt.departments.billing.schemas.charges import ChargeOut
from hms_rt.departments.billing.schemas.days import DayOut
from hms_rt.departments.pharmacy.schemas.stock import DispenseOut, StockOut, TransferOut, WriteOffOut
from tests.money.papers import CLAIMS, Claims, Paper

Id = uuid.UUID
ZERO = Decimal(0)

SHELVES = "SELECT lot_id, store, quantity FROM pharmacy_stock WHERE quantity > 0"
DISPENSES = "SELECT id, state, prescription_id FROM pharmacy_dispense"
WRITE_OFFS = "SELECT id, state FROM pharmacy_write_off"
CHARGES = "SELECT id, gross, reversed_by FROM billing_charge WHERE kind = 'procedure' AND reverses IS NULL"
REVERSALS = "SELECT count(*) FROM billing_charge WHERE kind = 'procedure' AND reverses IS NOT NULL"
MEDICINES = """
    SELECT split_part(cause, '/', 2)::uuid AS dispense_id, sum(quantity) AS quantity FROM billing_charge
    WHERE kind = 'medicine' AND reverses IS NULL AND reversed_by IS NULL GROUP BY 1
"""
PAYMENTS = "SELECT id, amount, means, state, refunded FROM billing_payment"
REFUNDS = "SELECT id, amount, state FROM billing_refund"
INVOICES = (
    "SELECT id, state, paid, credited FROM billing_invoice WHERE kind IN ('interim', 'final', 'supplement')"
)
NOTES = """
    SELECT n.id, n.owed FROM billing_invoice n JOIN billing_invoice i ON i.id = n.credits
    WHERE n.kind = 'credit_note' AND n.share_of IS NULL AND i.kind <> 'sale'
"""
CREDITED = """
    SELECT n.credits, -sum(n.owed) FROM billing_invoice n JOIN billing_invoice i ON i.id = n.credits
    WHERE n.kind = 'credit_note' AND i.kind <> 'sale' GROUP BY 1 HAVING sum(n.owed) <> 0
"""
DISCOUNTS = """
    SELECT id, state, coalesce((SELECT -sum(gross) FROM billing_charge c
        WHERE c.kind = 'discount' AND c.source = d.id::text AND c.reverses IS NULL), 0)
    FROM billing_discount d
"""
ESTIMATES = "SELECT id, total FROM billing_estimate"
DRAWERS = "SELECT id, cash, closed_at IS NULL AS open FROM billing_shift"
PACKAGES = "SELECT id, state FROM billing_package_use"
DAYS = "SELECT id, number, shifts, counted, difference FROM billing_day"
NIGHTS = """
    SELECT s.admission_id, s.arrived, (SELECT count(*) FROM billing_charge c WHERE c.kind = 'bed_day'
        AND c.admission_id = s.admission_id AND c.reverses IS NULL AND c.reversed_by IS NULL)
    FROM billing_stay s
"""
DEFINED = """
    SELECT 'payer', code, 0 FROM billing_payer UNION ALL SELECT 'class', code, 0 FROM billing_class
    UNION ALL SELECT 'cashier', code, 0 FROM billing_cashier
    UNION ALL SELECT 'service', code, version FROM billing_service
    UNION ALL SELECT 'package', package, 0 FROM billing_package_item GROUP BY package
    UNION ALL SELECT 'limit', holder, version FROM billing_discount_limit
    UNION ALL SELECT 'issuer', facility, version FROM billing_issuer
    UNION ALL SELECT 'price', id::text, 0 FROM billing_price
    UNION ALL SELECT 'medicine', code, version FROM pharmacy_medicine
    UNION ALL SELECT 'store', code, version FROM pharmacy_store
    UNION ALL SELECT 'level', concat(store, '/', medicine), version FROM pharmacy_shelf WHERE version > 0
"""
"""What is defined, and its version (0: it has none)."""
PAIRS = {"stock", "definitions"}
"""What has a key of two columns."""


@dataclass
class Books:
    """Every deed that was acknowledged, once."""

    shelves: dict[tuple[Id, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    movements: int = 0
    dispenses: dict[Id, DispenseOut] = field(default_factory=dict)
    uncharged: set[Id] = field(default_factory=set)
    """Dispenses whose charge somebody reversed by hand."""
    sold: dict[Id, Decimal] = field(default_factory=dict)
    """What customers have of each sale over the counter."""
    write_offs: dict[Id, str] = field(default_factory=dict)
    charges: dict[Id, tuple[Decimal | None, Id | None]] = field(default_factory=dict)
    payments: dict[Id, PaymentOut] = field(default_factory=dict)
    refunds: dict[Id, RefundOut] = field(default_factory=dict)
    invoices: dict[Id, Paper] = field(default_factory=dict)
    claims: Claims = field(default_factory=Claims)
    notes: dict[Id, Decimal] = field(default_factory=dict)
    discounts: dict[Id, tuple[str, Decimal]] = field(default_factory=dict)
    """How each stands, and what it took off."""
    estimates: dict[Id, tuple[Decimal]] = field(default_factory=dict)
    drawers: dict[Id, tuple[Decimal, bool]] = field(default_factory=dict)

    packages: dict[Id, tuple[str]] = field(default_factory=dict)
    days: dict[Id, tuple[int, int, Decimal, Decimal]] = field(default_factory=dict)
    """Closed ones: number, how many shifts, what was counted, and the difference."""
    counted_drawers: list[ShiftOut] = field(default_factory=list)
    """Those that no closed day holds yet."""
    nights: dict[Id, tuple[date, int]] = field(default_factory=dict)
    """When who lies in a bed came, and how many midnights ago."""
    defined: dict[tuple[str, str], tuple[int]] = field(default_factory=dict)

    async def read_definitions(self, connection: AsyncConnection) -> None:
        """Begin with what is defined by now."""
        self.defined = {(row[0], row[1]): (row[2],) for row in await connection.execute(text(DEFINED))}

    # --- stock

    def received(self, told: StockOut, quantity: Decimal) -> None:
        self._move(told.lot_id, told.store, quantity)

    def taken(self, lot: Id, store: str, delta: Decimal) -> None:
        """Sold over the counter, or brought back to it."""
        self._move(lot, store, delta)

    def transferred(self, told: TransferOut) -> None:
        self._move(told.lot_id, told.from_store, -told.quantity)
        self._move(told.lot_id, told.to_store, told.quantity)

    def _move(self, lot: Id, store: str, delta: Decimal) -> None:
        if delta:
            self.shelves[lot, store] += delta
            self.movements += 1

    def counted(self, lot: Id, store: str, variance: Decimal) -> None:
        self._move(lot, store, variance)

    def written_off(self, told: WriteOffOut) -> None:
        before, self.write_offs[told.id] = self.write_offs.get(told.id), told.state
        if told.state == "approved":
            assert before == "requested"
            self._move(told.lot_id, told.store, -told.quantity)

    def dispensed(self, told: DispenseOut) -> None:
        """Prepared, handed over or cancelled; nothing moves when it is handed over."""
        before = self.dispenses.get(told.id)
        self.dispenses[told.id] = told
        sign = -1 if before is None else int(told.state == "cancelled")
        for item in told.items:
            self._move(item.lot_id, told.store, sign * item.quantity)

    def handed_over(self, dispense: Id) -> None:
        """As it was sold."""
        known = self.dispenses[dispense]
        assert known.state in ("prepared", "handed_over")
        self.dispenses[dispense] = known.model_copy(update={"state": "handed_over"})

    def brought_back(self, told: DispenseOut, store: str | None) -> None:
        """Something of it, or all; ``store`` has it now, nobody if it is destroyed."""
        had = {item.id: item.returned for item in self.dispenses[told.id].items}
        self.dispenses[told.id] = told
        for item in told.items:
            if store is not None:
                self._move(item.lot_id, store, item.returned - had[item.id])

    # --- money

    def charged(self, told: ChargeOut) -> None:
        self.charges[told.id] = (told.gross, None)

    def reversed(self, told: ChargeOut) -> None:
        assert told.reverses is not None
        gross, before = self.charges[told.reverses]
        assert before is None
        assert (told.gross or ZERO) == -(gross or ZERO)
        self.charges[told.reverses] = (gross, told.id)

    def invoiced(self, told: InvoiceOut) -> None:
        """A draft, or an invoice that was issued, settled, voided."""
        paper = self.invoices.setdefault(told.id, Paper(told.patient_id, told.state, told.owed))
        paper.state, paper.owed, paper.paid = told.state, told.owed, told.paid
        assert paper.credited == told.credited
        if told.state == "void":
            self.claims.voided(told.id)

    def credited(self, told: InvoiceOut) -> None:
        """A credit note: what was paid beyond is a deposit again."""
        assert told.credits is not None
        assert told.owed <= 0
        self.notes[told.id] = told.owed
        self.invoices[told.credits].credit(-told.owed)

    def paid(self, told: PaymentOut, invoice: Id | None) -> None:
        self.payments[told.id] = told
        if told.means == "cash":
            self._cash(told.shift_id, told.amount)
        if invoice is not None:
            papers = self.claims.papers if invoice in self.claims.papers else self.invoices
            papers[invoice].settle(told.amount)

    def refunded(self, told: RefundOut, shift: Id) -> None:
        """Asked for, approved or declined."""
        self.refunds[told.id] = told
        if told.state == "approved":
            payment = self.payments[told.payment_id]
            given = payment.refunded + told.amount
            state = "refunded" if given == payment.amount else payment.state
            self.payments[payment.id] = payment.model_copy(update={"refunded": given, "state": state})
            if payment.means == "cash":
                self._cash(shift, -told.amount)

    def _cash(self, shift: Id, amount: Decimal) -> None:
        cash, is_open = self.drawers[shift]
        assert is_open, "cash went into a drawer that was counted"
        self.drawers[shift] = (cash + amount, True)

    def shift(self, told: ShiftOut) -> None:
        """Opened or closed."""
        if told.closed_at is not None:
            assert self.drawers[told.id] == (told.cash, True)
            self.counted_drawers.append(told)
        self.drawers[told.id] = (told.cash, told.closed_at is None)

    def day_closed(self, told: DayOut) -> None:
        """It holds every drawer that was counted since the last."""
        held, self.counted_drawers = self.counted_drawers, []
        counted = sum((one.counted or ZERO for one in held), ZERO)
        difference = sum((one.difference or ZERO for one in held), ZERO)
        assert (told.shifts, told.counted, told.difference) == (len(held), counted, difference)
        assert told.opening_cash == sum((one.opening_cash for one in held), ZERO)
        self.days[told.id] = (len(self.days) + 1, len(held), counted, difference)

    # --- what the database says

    async def differences(self, connection: AsyncConnection) -> list[str]:
        """Where rows and books disagree: something was lost, or done twice."""
        wanted: dict[str, tuple[str, dict[Any, Any]]] = {
            "stock": (SHELVES, {key: (left,) for key, left in self.shelves.items() if left}),
            "dispenses": (
                DISPENSES,
                {one.id: (one.state, one.prescription_id) for one in self.dispenses.values()},
            ),
            "write-offs": (WRITE_OFFS, {key: (state,) for key, state in self.write_offs.items()}),
            "charges": (CHARGES, self.charges),
            "medicines": (
                MEDICINES,
                {
                    one.id: (sum((item.quantity - item.returned for item in one.items), ZERO),)
                    for one in self.dispenses.values()
                    if one.state == "handed_over" and one.id not in self.uncharged
                }
                | {key: (kept,) for key, kept in self.sold.items() if kept},
            ),
            "payments": (
                PAYMENTS,
                {one.id: (one.amount, one.means, one.state, one.refunded) for one in self.payments.values()},
            ),
            "refunds": (REFUNDS, {one.id: (one.amount, one.state) for one in self.refunds.values()}),
            "invoices": (
                INVOICES,
                {key: (one.state, one.paid, one.credited) for key, one in self.invoices.items()},
            ),
            "credit notes": (NOTES, {key: (total,) for key, total in self.notes.items()}),
            "claims": (CLAIMS, self.claims.expected()),
            "credited": (
                CREDITED,
                {
                    key: (one.credited,)
                    for key, one in (self.invoices | self.claims.papers).items()
                    if one.credited
                },
            ),
            "drawers": (DRAWERS, self.drawers),
            "discounts": (DISCOUNTS, self.discounts),
            "estimates": (ESTIMATES, self.estimates),
            "packages": (PACKAGES, self.packages),
            "days": (DAYS, self.days),
            "nights": (NIGHTS, self.nights),
            "definitions": (DEFINED, self.defined),
        }
        wrong = []
        for what, (query, expected) in wanted.items():
            keys = 2 if what in PAIRS else 1
            rows = [tuple(row) for row in await connection.execute(text(query))]
            there = {row[:keys] if keys == 2 else row[0]: row[keys:] for row in rows}
            wrong += [
                f"{what} {key}: told {expected.get(key)}, stored {there.get(key)}"
                for key in expected.keys() | there.keys()
                if expected.get(key) != there.get(key)
            ]
        for what, query, count in (
            ("movements", "SELECT count(*) FROM pharmacy_ledger", self.movements),
            ("reversals", REVERSALS, sum(back is not None for _, back in self.charges.values())),
        ):
            found = (await connection.execute(text(query))).scalar_one()
            if found != count:
                wrong.append(f"{what}: told {count}, stored {found}")
        return wrong
