"""Filling shelves, taking from them, and looking whether they agree with the ledger."""

from datetime import date, timedelta
from typing import Any

from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut
from hms_rt.departments.pharmacy.schemas.stock import DispenseIn, DispenseOut, ReceiptIn, StockOut
from tests.conftest import command
from tests.pharmacy.conftest import Pharmacy, Query

SUMS = """
    SELECT s.lot_id, s.store, s.quantity, coalesce(sum(l.delta), 0) AS moved
    FROM pharmacy_stock s FULL JOIN pharmacy_ledger l ON l.lot_id = s.lot_id AND l.store = s.store
    GROUP BY 1, 2, 3
"""


async def agree(query: Query) -> None:
    """Every shelf holds what the ledger says, and none less than nothing."""
    for row in await query(SUMS):
        assert row.quantity == row.moved >= 0, row


async def shelves_agree(query: Query) -> None:
    """Every shelf is the sum of its lots that may be handed over."""
    wrong = await query(
        """
        SELECT h.store, h.medicine, h.usable FROM pharmacy_shelf h WHERE h.usable <> (
            SELECT coalesce(sum(s.quantity), 0) FROM pharmacy_stock s JOIN pharmacy_lot l ON l.id = s.lot_id
            WHERE s.store = h.store AND l.medicine = h.medicine
                AND l.recalled_at IS NULL AND l.expired_at IS NULL)
        """
    )
    assert wrong == []


async def receive(
    pharmacy: Pharmacy, lot: str, days: int, quantity: str, medicine: str = "AMOX500", store: str = "MAIN"
) -> StockOut:
    """``days`` until it expires."""
    goods = {"medicine": medicine, "lot": lot, "quantity": quantity}
    expires = date.today() + timedelta(days=days)  # noqa: DTZ011 - far from midnight does not matter here
    new = ReceiptIn.model_validate({**goods, "expires_on": expires.isoformat()})
    return await pharmacy.services.pharmacy.receive(pharmacy.pharmacist, command(), store, new)


async def prepare(
    pharmacy: Pharmacy, prescription: PrescriptionOut, quantity: str, **how: Any
) -> DispenseOut:
    wanted = {"lines": [{"line_id": str(prescription.lines[0].id), "quantity": quantity, **how}]}
    return await pharmacy.services.pharmacy.prepare(
        pharmacy.pharmacist, command(), prescription.id, DispenseIn.model_validate(wanted)
    )
