"""Turns what happens to invoices and shifts into changes of the counters' streams."""

from hms_rt.departments.billing import views
from hms_rt.departments.billing.events import InvoiceChanged, ShiftChanged
from hms_rt.departments.billing.model.invoice import TO_PAY
from hms_rt.kernel.changes import Cause, Change, Op
from hms_rt.storage.unit_of_work import UnitOfWork


async def invoice_changed(uow: UnitOfWork, event: InvoiceChanged) -> None:
    """Show an invoice at its counter while it is to be paid."""
    invoice = event.invoice
    if invoice.counter is None:
        return
    stream, key = views.cashier_stream(invoice.counter), views.invoice_key(invoice)
    if invoice.state in TO_PAY:
        uow.change(Change(stream, Op.PUT, key, Cause.STATUS, views.invoice_value(invoice)))
    else:
        uow.change(Change(stream, Op.REMOVE, key, Cause.DONE))


async def shift_changed(uow: UnitOfWork, event: ShiftChanged) -> None:
    """Show a shift at its counter while it is open."""
    stream = views.cashier_stream(event.shift.counter)
    if event.shift.closed_at is None:
        uow.change(Change(stream, Op.PUT, views.SHIFT, Cause.STATUS, views.shift_value(event.shift)))
    else:
        uow.change(Change(stream, Op.REMOVE, views.SHIFT, Cause.DONE))
