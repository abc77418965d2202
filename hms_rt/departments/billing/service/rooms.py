"""The state of billing's rooms, and who may look into them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import views
from hms_rt.departments.billing.repository import accounts, shifts
from hms_rt.departments.billing.service.foundation import Foundation
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, may, require_counter

State = dict[str, Mapping[str, Any]]


class Rooms(Foundation):
    """Snapshots; their values equal those of the changes that lead there."""

    @staticmethod
    def cashier_audience(principal: Principal, code: str) -> Audience:
        """Those who take money at the counter, or sell there; raises ``forbidden`` for everybody else."""
        if may(principal, Permission.PAYMENT_TAKE) is not None:
            require_counter(principal, Permission.PAYMENT_TAKE, code)
            return Audience.STAFF
        require_counter(principal, Permission.SALE, code)
        return Audience.SELLER

    @staticmethod
    async def cashier_state(connection: AsyncConnection, code: str) -> State | None:
        """The state of stream ``billing/cashier:<code>``; None if there is no such counter."""
        if not await shifts.cashiers(connection, [code]):
            return None
        shift = await shifts.open_shift(connection, counter=code)
        shown: State = {views.SHIFT: views.shift_value(shift)} if shift is not None else {}
        for invoice in await accounts.at_counter(connection, code):
            shown[views.invoice_key(invoice)] = views.invoice_value(invoice)
        return shown
