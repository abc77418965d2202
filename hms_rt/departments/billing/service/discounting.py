"""Discounts: within their authority people give them alone, beyond it a second person approves."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from decimal import Decimal

from hms_rt.departments.billing.events import AccountChanged
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.discount import (
    Discount,
    DiscountMove,
    DiscountState,
    Limit,
    authority,
    reduction,
    share,
)
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceState
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.repository import accounts, charges, discounts, rows, tariffs
from hms_rt.departments.billing.schemas.discounts import (
    DiscountIn,
    DiscountOut,
    DiscountQuery,
    LimitIn,
    LimitOut,
    Limits,
)
from hms_rt.departments.billing.schemas.tariffs import IdCursor
from hms_rt.departments.billing.service.desk import Desk, tell
from hms_rt.departments.billing.service.foundation import found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, illegal_move, not_found
from hms_rt.kernel.money import allocated, percent
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

ZERO = Decimal(0)
ONE = Decimal(1)
Left = list[tuple[Charge, Decimal, Decimal]]
"""Lines of a draft: the charge, what was taken off it, and how much of that by discounts."""


class Discounting(Desk):
    """A discount is given on a draft: each line's part of it is a charge of its own."""

    async def set_discount_limit(self, principal: Principal, command: Command, wanted: LimitIn) -> LimitOut:
        """Say how much a role or assignment may take off alone; 0 per cent: nothing."""

        async def work(uow: UnitOfWork) -> LimitOut:
            require(principal, Permission.TARIFF_DEFINE)
            if wanted.amount is not None:
                await self._units_only(uow, wanted.amount)
            limit = Limit(wanted.holder.value, wanted.percent, wanted.amount)
            uow.audit("discount_limit.set", entity="discount_limit", entity_id=limit.holder)
            return LimitOut(**asdict(await discounts.set_limit(uow.connection, limit)))

        return await self._units.execute(principal, command, LimitOut, work)

    async def discount_limits(self, principal: Principal) -> Limits:
        """Who may take off how much alone."""
        require(principal, Permission.TARIFF_READ)
        async with self._units.reading() as connection:
            listed = await discounts.limits(connection)
        return Limits(items=[LimitOut(**asdict(one)) for one in listed])

    async def give_discount(
        self, principal: Principal, command: Command, invoice_id: uuid.UUID, wanted: DiscountIn
    ) -> DiscountOut:
        """Take something off a draft, at once if it is within the authority of ``principal``; else it waits.

        Raises ``illegal_move`` unless it is a draft, ``conflict`` for more than is left of it.
        """

        async def work(uow: UnitOfWork) -> DiscountOut:
            require(principal, Permission.DISCOUNT_GIVE)
            draft = await self._draft(uow, invoice_id, command)
            lines = await self._lines_of(uow, draft, wanted.charge_id)
            if wanted.amount is not None:
                await self._units_only(uow, wanted.amount)
            made = Discount(
                id=uow.ids.new(),
                invoice_id=draft.id,
                charge_id=wanted.charge_id,
                percent=wanted.percent,
                amount=wanted.amount,
                reason=wanted.reason,
                state=DiscountState.REQUESTED,
                gross=ZERO,
                share=ZERO,
                authority=ZERO,
                requested_by=principal.id,
                requested_at=uow.now,
            )
            made = await self._measured(uow, made, lines)
            holders = [*principal.roles, *(one.kind for one in principal.assignments)]
            may = authority(await discounts.limits(uow.connection), holders, made.gross)
            alone = made.share <= may
            made = replace(made, authority=may, state=DiscountState.GRANTED if alone else made.state)
            await rows.add(uow.connection, made)
            if alone:
                await self._take_off(uow, draft, made, lines)
            return _told(uow, "discount.give", made, draft)

        return await self._units.execute(principal, command, DiscountOut, work)

    async def approve_discount(
        self, principal: Principal, command: Command, discount_id: uuid.UUID
    ) -> DiscountOut:
        """Give what another person asked for; raises as ``give_discount``, ``forbidden`` for who asked."""
        return await self._decide_discount(principal, command, discount_id, DiscountMove.APPROVE)

    async def decline_discount(
        self, principal: Principal, command: Command, discount_id: uuid.UUID
    ) -> DiscountOut:
        """Do not give it; by another person than the one who asked."""
        return await self._decide_discount(principal, command, discount_id, DiscountMove.DECLINE)

    async def _decide_discount(
        self, principal: Principal, command: Command, discount_id: uuid.UUID, move: DiscountMove
    ) -> DiscountOut:
        async def work(uow: UnitOfWork) -> DiscountOut:
            require(principal, Permission.DISCOUNT_APPROVE)
            seen = found(await rows.find(uow.connection, Discount, discount_id), "that discount")
            draft = await self._locked(uow, Invoice, seen.invoice_id, "that invoice")
            before = (await rows.lock(uow.connection, Discount, [discount_id]))[discount_id]
            command.check_version(before.version)
            after = before.decided(move, principal.id, uow.now)
            lines: Left = []
            if move is DiscountMove.APPROVE:
                lines = await self._lines_of(uow, _still_draft(draft), before.charge_id)
                after = await self._measured(uow, after, lines)
            await rows.save(uow.connection, after)
            if move is DiscountMove.APPROVE:
                await self._take_off(uow, draft, after, lines)
            return _told(uow, f"discount.{move}", after, draft)

        return await self._units.execute(principal, command, DiscountOut, work)

    async def _draft(self, uow: UnitOfWork, invoice_id: uuid.UUID, command: Command) -> Invoice:
        draft = await self._locked(uow, Invoice, invoice_id, "that invoice")
        command.check_version(draft.version)
        return _still_draft(draft)

    @staticmethod
    async def _lines_of(uow: UnitOfWork, draft: Invoice, charge_id: uuid.UUID | None) -> Left:
        """The lines that a discount is of; raises ``not_found`` for one that is not on the draft."""
        listed = [one for one in await accounts.live_lines(uow.connection, draft.id) if one.reduces is None]
        if charge_id is not None:
            listed = [one for one in listed if one.id == charge_id]
            if not listed:
                raise not_found("a line of this invoice with that charge")
        taken = await discounts.lock_reductions(uow.connection, [one.id for one in listed])
        return [
            (
                one,
                _sum([each for each in taken if each.reduces == one.id]),
                _sum(
                    [each for each in taken if each.reduces == one.id and each.kind is ServiceKind.DISCOUNT]
                ),
            )
            for one in listed
        ]

    @staticmethod
    async def _measured(uow: UnitOfWork, one: Discount, lines: Left) -> Discount:
        """``one`` with what it comes to of these lines; ``conflict`` for more than is left of them."""
        currency = await tariffs.currency(uow.connection)
        whole = sum((_gross(charge) for charge, _, _ in lines), ZERO)
        left = whole - sum((taken for _, taken, _ in lines), ZERO)
        given = one.amount or percent(left, one.percent or ZERO, currency.scale)
        if given > left or given == 0:
            raise conflict("a discount is more than nothing, and not more than what is left to pay")
        before = sum((by_discount for _, _, by_discount in lines), ZERO)
        # So many per cent are so many, though the cent above them is more.
        exact = one.percent if left == whole else None
        return replace(one, gross=given, share=exact or share(before + given, whole))

    async def _take_off(self, uow: UnitOfWork, draft: Invoice, one: Discount, lines: Left) -> None:
        """Write each line's part of a discount, by what is left of the lines, and put it on the draft."""
        scale = (await tariffs.currency(uow.connection)).scale
        parts = allocated(one.gross, [_gross(charge) - taken for charge, taken, _ in lines], scale)
        made = []
        for (charge, taken, _), part in zip(lines, parts, strict=True):
            if part and charge.amounts is not None:
                amounts = reduction(charge.amounts, taken, part, scale)
                made.append(
                    charge.reduced(
                        uow.ids.new(), ServiceKind.DISCOUNT, str(one.id), amounts, uow.now, uow.principal.id
                    )
                )
        for each in made:
            await charges.add(uow.connection, each)
        await accounts.add_lines(uow.connection, draft.id, [(uow.ids.new(), each) for each in made])
        after = draft
        for each in made:
            if each.amounts is not None:
                after = after.without(each.amounts.reversed())
        await rows.save(uow.connection, replace(after, version=draft.version + 1))
        uow.record(AccountChanged(draft.patient_id))

    async def discounts(
        self, principal: Principal, command: Command, query: DiscountQuery
    ) -> Page[DiscountOut]:
        """Discounts, newest first; they name nobody."""
        require(principal, Permission.INVOICE_READ)
        before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            listed = await rows.page(
                connection,
                Discount,
                before,
                query.limit + 1,
                invoice_id=query.invoice_id,
                state=query.state,
            )
        shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
        return Page[DiscountOut](items=[_out(one) for one in shown], next_cursor=cursor)


def _still_draft(invoice: Invoice) -> Invoice:
    if invoice.state is not InvoiceState.DRAFT:
        raise illegal_move("the invoice", invoice.state.value, "discount", [])
    return invoice


def _gross(charge: Charge) -> Decimal:
    return charge.amounts.gross if charge.amounts is not None else ZERO


def _sum(reductions: Sequence[Charge]) -> Decimal:
    """How much of gross these take off."""
    return -sum((_gross(one) for one in reductions), ZERO)


def _out(one: Discount) -> DiscountOut:
    return DiscountOut(**asdict(one))


def _told(uow: UnitOfWork, action: str, one: Discount, draft: Invoice) -> DiscountOut:
    uow.audit(
        action,
        entity="discount",
        entity_id=one.id,
        patient_id=draft.patient_id,
        detail={"state": one.state, "gross": str(one.gross), "reason": one.reason},
    )
    tell(uow, "invoice.discount", draft)
    return _out(one)
