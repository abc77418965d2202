"""Refunds: asked for by one person, decided by another, out of the shift that is open then."""

import uuid
from dataclasses import replace

from hms_rt.departments.billing.events import AccountChanged
from hms_rt.departments.billing.model.payment import Payment, Refund, RefundMove, RefundState
from hms_rt.departments.billing.repository import rows
from hms_rt.departments.billing.schemas.accounts import RefundIn, RefundOut, RefundQuery
from hms_rt.departments.billing.schemas.tariffs import IdCursor
from hms_rt.departments.billing.service.desk import WHAT_PAYMENT, Desk, drawer, happened, refund_out
from hms_rt.departments.billing.service.foundation import found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_counter
from hms_rt.storage.unit_of_work import UnitOfWork


class Refunds(Desk):
    """What is left of a payment can be given back."""

    async def request_refund(
        self, principal: Principal, command: Command, payment_id: uuid.UUID, wanted: RefundIn
    ) -> RefundOut:
        """Ask to give back what is left of a payment; another person decides."""

        async def work(uow: UnitOfWork) -> RefundOut:
            require_counter(principal, Permission.REFUND_REQUEST, wanted.counter)
            payment = await self._locked(uow, Payment, payment_id, WHAT_PAYMENT)
            await self._units_only(uow, wanted.amount)
            payment.given_back(wanted.amount)
            shift = await self._shift(uow, wanted.counter)
            refund = Refund(
                id=uow.ids.new(),
                payment_id=payment.id,
                shift_id=shift.id,
                amount=wanted.amount,
                reason=wanted.reason,
                state=RefundState.REQUESTED,
                requested_by=principal.id,
                requested_at=uow.now,
            )
            await rows.add(uow.connection, refund)
            _audit_refund(uow, "refund.request", refund, payment)
            return refund_out(refund)

        return await self._units.execute(principal, command, RefundOut, work)

    async def approve_refund(self, principal: Principal, command: Command, refund_id: uuid.UUID) -> RefundOut:
        """Give the money back, out of the shift that is open now at the counter.

        Raises ``forbidden`` for the one who asked, ``conflict`` if it is spent, or while no shift is open.
        """
        return await self._decide(principal, command, refund_id, RefundMove.APPROVE)

    async def decline_refund(self, principal: Principal, command: Command, refund_id: uuid.UUID) -> RefundOut:
        """Keep the money. Raises ``forbidden`` for the one who asked."""
        return await self._decide(principal, command, refund_id, RefundMove.DECLINE)

    async def _decide(
        self, principal: Principal, command: Command, refund_id: uuid.UUID, move: RefundMove
    ) -> RefundOut:
        async def work(uow: UnitOfWork) -> RefundOut:
            require(principal, Permission.REFUND_APPROVE)
            seen = found(await rows.find(uow.connection, Refund, refund_id), "that refund")
            payment = await self._locked(uow, Payment, seen.payment_id, WHAT_PAYMENT)
            before = (await rows.lock(uow.connection, Refund, [refund_id]))[refund_id]
            command.check_version(before.version)
            after = before.decided(move, principal.id, uow.now)
            if move is RefundMove.APPROVE:
                after = replace(after, shift_id=await self._give_back(uow, payment, before))
            await rows.save(uow.connection, after)
            _audit_refund(uow, f"refund.{move}", after, payment)
            return refund_out(after)

        return await self._units.execute(principal, command, RefundOut, work)

    async def _give_back(self, uow: UnitOfWork, payment: Payment, refund: Refund) -> uuid.UUID:
        """Answers the shift that the money is of."""
        move, after = payment.given_back(refund.amount)
        shift = await self._open_at(uow, await self._counter_of(uow, refund.shift_id))
        await drawer(uow, shift.took(payment.means, -refund.amount))
        await rows.save(uow.connection, after)
        await happened(uow, payment, after, move, refund)
        uow.record(AccountChanged(payment.patient_id))
        return shift.id

    async def refunds(self, principal: Principal, query: RefundQuery) -> Page[RefundOut]:
        """Refunds, newest first; they name nobody."""
        require(principal, Permission.PAYMENT_READ)
        before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            listed = await rows.page(
                connection, Refund, before, query.limit + 1, state=query.state, payment_id=query.payment_id
            )
        shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
        return Page[RefundOut](items=[refund_out(one) for one in shown], next_cursor=cursor)


def _audit_refund(uow: UnitOfWork, action: str, refund: Refund, payment: Payment) -> None:
    uow.audit(
        action,
        entity="refund",
        entity_id=refund.id,
        patient_id=payment.patient_id,
        detail={"payment": str(payment.id), "state": refund.state},
    )
