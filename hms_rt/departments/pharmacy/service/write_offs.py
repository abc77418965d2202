"""Stock that is lost, broken or expired goes by the word of two people."""

import uuid
from dataclasses import asdict

from hms_rt.departments.pharmacy.model.stock import LedgerKind, WriteOff, WriteOffState
from hms_rt.departments.pharmacy.repository import stock, write_offs
from hms_rt.departments.pharmacy.schemas.prescriptions import IdCursor
from hms_rt.departments.pharmacy.schemas.stock import WriteOffIn, WriteOffOut, WriteOffQuery
from hms_rt.departments.pharmacy.service.foundation import Foundation, found
from hms_rt.departments.pharmacy.service.stock import REFUSALS, book
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class WriteOffs(Foundation):
    """Asked for by the pharmacy, decided by somebody else; only then something moves."""

    async def request_write_off(
        self, principal: Principal, command: Command, wanted: WriteOffIn
    ) -> WriteOffOut:
        """Ask for a write-off; nothing moves until another person approves."""

        async def work(uow: UnitOfWork) -> WriteOffOut:
            require(principal, Permission.STOCK_MOVE)
            held = await stock.lock_one(uow.connection, wanted.lot_id, [wanted.store])
            here = found(held[0] if held else None, "that lot there")
            if here.quantity < wanted.quantity:
                raise conflict(REFUSALS["pharmacy_stock_quantity_check"])
            request = WriteOff(
                id=uow.ids.new(),
                lot_id=wanted.lot_id,
                store=wanted.store,
                quantity=wanted.quantity,
                reason=wanted.reason,
                state=WriteOffState.REQUESTED,
                requested_by=principal.id,
                requested_at=uow.now,
            )
            await write_offs.add_write_off(uow.connection, request)
            uow.audit("stock.write_off_request", entity="write_off", entity_id=request.id)
            return WriteOffOut(**asdict(request))

        return await self._units.execute(principal, command, WriteOffOut, work)

    async def write_offs(self, principal: Principal, query: WriteOffQuery) -> Page[WriteOffOut]:
        """Requests and what became of them, newest first."""
        require(principal, Permission.STOCK_READ)
        before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            listed = await write_offs.page(
                connection, state=query.state, store=query.store, before=before, limit=query.limit + 1
            )
        shown, further = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
        items = [WriteOffOut(**asdict(one)) for one in shown]
        return Page[WriteOffOut](items=items, next_cursor=further)

    async def approve_write_off(
        self, principal: Principal, command: Command, write_off_id: uuid.UUID
    ) -> WriteOffOut:
        """Another person lets the stock go; raises ``forbidden`` for who asked."""
        return await self._decide(principal, command, write_off_id, WriteOffState.APPROVED)

    async def refuse_write_off(
        self, principal: Principal, command: Command, write_off_id: uuid.UUID
    ) -> WriteOffOut:
        """Another person does not; nothing moves."""
        return await self._decide(principal, command, write_off_id, WriteOffState.REFUSED)

    async def _decide(
        self, principal: Principal, command: Command, write_off_id: uuid.UUID, to: WriteOffState
    ) -> WriteOffOut:
        async def work(uow: UnitOfWork) -> WriteOffOut:
            require(principal, Permission.WRITE_OFF_APPROVE)
            before = found(await write_offs.lock_write_off(uow.connection, write_off_id), "that write-off")
            command.check_version(before.version)
            after = before.decide(to, principal.id, uow.now)
            await write_offs.save_write_off(uow.connection, after)
            uow.audit(f"stock.write_off_{to}", entity="write_off", entity_id=after.id)
            if to is WriteOffState.APPROVED:
                await stock.wait_for_lot(uow.connection, after.lot_id)
                lot = found(await stock.lot(uow.connection, after.lot_id), "that lot")
                kind = LedgerKind.WRITE_OFF
                await book(uow, lot, after.store, kind, -after.quantity, after.id, reason=after.reason)
            return WriteOffOut(**asdict(after))

        return await self._units.execute(principal, command, WriteOffOut, work)
