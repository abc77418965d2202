"""The values of billing's streams, and what each audience sees of them (allow-lists).

Room ``cashier:<code>`` shows the open shift at a counter and the invoices that are to be paid there: numbers
and amounts, no names.
"""

from collections.abc import Mapping
from typing import Any

from hms_rt.departments.billing.model.invoice import Invoice
from hms_rt.departments.billing.model.payment import Shift
from hms_rt.kernel.clock import rfc3339

SHIFT = "shift"
"""The key of the open shift."""


def cashier_stream(code: str) -> str:
    """The stream of a counter."""
    return f"billing/cashier:{code}"


def invoice_key(invoice: Invoice) -> str:
    """The key of an invoice on every stream."""
    return f"invoice:{invoice.id}"


def invoice_value(invoice: Invoice) -> dict[str, Any]:
    """An invoice as the counter's stream holds it; amounts are text."""
    return {
        "id": str(invoice.id),
        "number": invoice.number,
        "patient_id": str(invoice.patient_id),
        "state": invoice.state.value,
        "total": format(invoice.total, "f"),
        "due": format(invoice.due, "f"),
        "version": invoice.version,
    }


def shift_value(shift: Shift) -> dict[str, Any]:
    """The open shift as the counter's stream holds it."""
    return {
        "id": str(shift.id),
        "cashier": str(shift.cashier),
        "opened_at": rfc3339(shift.opened_at),
        "cash": format(shift.cash, "f"),
        "version": shift.version,
    }


def drawer(key: str, value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Who sells at a department's own counter: the shift and its cash; no invoice that others issued."""
    return value if key == SHIFT else None


def called(key: str, value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A screen before the counter: which numbers are to be paid there; nothing of amounts or the drawer."""
    if key == SHIFT:
        return None
    return {"number": value["number"], "state": value["state"]}
