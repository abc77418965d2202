"""What packages include is taken off again, as soon as it has a price; what exceeds them is charged.

Whoever calls has locked the patient.
"""

from decimal import Decimal
from zoneinfo import ZoneInfo

from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.days import day_of
from hms_rt.departments.billing.model.discount import reduction
from hms_rt.departments.billing.model.invoice import Invoice
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.repository import accounts, charges, discounts, packages, rows, tariffs
from hms_rt.kernel.money import proportion
from hms_rt.storage.unit_of_work import UnitOfWork

ZERO = Decimal(0)


async def include(uow: UnitOfWork, charge: Charge, zone: ZoneInfo) -> None:
    """Take off a priced charge what packages of the patient include of it, the oldest package first.

    If it is on a draft, so is what is taken off.
    """
    if charge.amounts is None or charge.service is None or charge.reduces is not None:
        return
    taken = await discounts.lock_reductions(uow.connection, [charge.id])
    units = sum((one.quantity for one in taken if one.kind is ServiceKind.INCLUDED), ZERO)
    gross = -sum((one.amounts.gross for one in taken if one.amounts is not None), ZERO)
    day = day_of(charge.occurred_at, zone)
    for use, more in await packages.of_service(uow.connection, charge.patient_id, charge.service):
        wanted = min(more, charge.quantity - units)
        if wanted > 0 and use.covers(charge.admission_id, day):
            gross += await _take_off(uow, charge, str(use.id), wanted, gross)
            units += wanted
            await packages.use_more(uow.connection, use.id, charge.service, wanted)


async def _take_off(uow: UnitOfWork, charge: Charge, source: str, units: Decimal, taken: Decimal) -> Decimal:
    """Write that ``units`` of a charge are included, and answer how much of gross that is."""
    if charge.amounts is None:
        return ZERO
    scale = (await tariffs.currency(uow.connection)).scale
    part = proportion(charge.amounts.gross, units, charge.quantity, scale)
    by = min(part, charge.amounts.gross - taken)
    amounts = reduction(charge.amounts, taken, by, scale)
    off = charge.reduced(
        uow.ids.new(), ServiceKind.INCLUDED, source, amounts, uow.now, uow.principal.id, units
    )
    await charges.add(uow.connection, off)
    invoice_id = await accounts.live_line(uow.connection, charge.id)
    if invoice_id is not None:
        draft = (await rows.lock(uow.connection, Invoice, [invoice_id]))[invoice_id]
        await accounts.add_lines(uow.connection, draft.id, [(uow.ids.new(), off)])
        await rows.save(uow.connection, draft.without(amounts.reversed()))
    return by
