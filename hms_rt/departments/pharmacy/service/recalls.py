"""Lots: where one lies, who got some of it, and that it is called back."""

import uuid
from dataclasses import replace

from hms_rt.departments.pharmacy.events import StockMoved
from hms_rt.departments.pharmacy.model.stock import Lot
from hms_rt.departments.pharmacy.repository import stock as rows
from hms_rt.departments.pharmacy.schemas.stock import LotOut, RecallIn, RecipientOut
from hms_rt.departments.pharmacy.service.foundation import Foundation, found, named
from hms_rt.departments.pharmacy.service.stock import stock_out
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Recalls(Foundation):
    """What a lot is, and that nothing of it leaves any more."""

    async def recall(
        self, principal: Principal, command: Command, lot_id: uuid.UUID, why: RecallIn
    ) -> LotOut:
        """Call a lot back: from now on nothing of it leaves; answers where it lies and who got some."""

        async def work(uow: UnitOfWork) -> LotOut:
            require(principal, Permission.STOCK_MOVE)
            await rows.lock_everywhere(uow.connection, [lot_id])
            before = found(await rows.lock_lot(uow.connection, lot_id), "that lot")
            after = before.recall(why.reason, principal.id, uow.now)
            await rows.save_lot(uow.connection, after)
            uow.audit("stock.recall", entity="lot", entity_id=lot_id)
            held = await rows.held(uow.connection, lot_id=lot_id)
            uow.record(StockMoved(lot_id, tuple(sorted({one.store for one in held}))))
            return await self._lot_out(uow, after)

        return await self._units.execute(principal, command, LotOut, work)

    async def lot(self, principal: Principal, command: Command, lot_id: uuid.UUID) -> LotOut:
        """A lot, where it lies and who got some of it; audited, because it names patients."""

        async def work(uow: UnitOfWork) -> LotOut:
            require(principal, Permission.STOCK_MOVE)
            return await self._lot_out(uow, found(await rows.lot(uow.connection, lot_id), "that lot"))

        return await self._units.execute(principal, replace(command, key=None), LotOut, work)

    @staticmethod
    async def _lot_out(uow: UnitOfWork, lot: Lot) -> LotOut:
        uow.audit("stock.lot_read", entity="lot", entity_id=lot.id)
        held = await rows.held(uow.connection, lot_id=lot.id)
        got = await rows.recipients(uow.connection, lot.id)
        return LotOut(
            id=lot.id,
            medicine=lot.medicine,
            lot=lot.number,
            expires_on=lot.expires_on,
            recall_reason=lot.recall_reason,
            recalled_at=lot.recalled_at,
            stock=[stock_out(one) for one in held],
            recipients=[RecipientOut(**named(uow.principal, row._asdict())) for row in got],
            version=lot.version,
        )
