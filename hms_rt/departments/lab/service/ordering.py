"""Orders: tests wanted for a patient, and what becomes of them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab.events import LabChange, LabOrdered, LabTestsChanged
from hms_rt.departments.lab.model.catalogue import CatalogueEntry, invalid
from hms_rt.departments.lab.model.labtest import FINISHED, LabMove, LabState, LabTest
from hms_rt.departments.lab.model.order import LabOrder, OrderState
from hms_rt.departments.lab.model.panel import Panel, expand
from hms_rt.departments.lab.repository import catalogue, history, labtests, orders, panels
from hms_rt.departments.lab.repository.history import Happened
from hms_rt.departments.lab.schemas.ordering import (
    Cancellation,
    LabOrderIn,
    LabOrderOut,
    LabOrderQuery,
    LabTestOut,
    OrderCursor,
    OrderSort,
)
from hms_rt.departments.lab.service.context import Contexts
from hms_rt.departments.lab.service.foundation import (
    found,
    out,
    reach,
    require_at,
    require_at_or_own,
    save,
    whose,
)
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import Code, HmsError, conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Ordering(Contexts):
    """Orders and the state of their tests; never what a result says."""

    async def order(self, principal: Principal, command: Command, wanted: LabOrderIn) -> LabOrderOut:
        """Order tests for a patient in a ward or clinic of the doctor's. Records ``LabOrdered``.

        Raises ``not_found`` for an unknown patient, ``invalid`` for tests that cannot be ordered and for an
        encounter of somebody else, and ``forbidden``.
        """

        async def work(uow: UnitOfWork) -> LabOrderOut:
            require(principal, Permission.LAB_ORDER)
            patient = await self._patients.lock(uow, wanted.patient_id)
            order = LabOrder(
                id=uow.ids.new(),
                patient_id=patient.id,
                patient_name=patient.name,
                mrn=patient.mrn,
                restricted=patient.restricted,
                ward=wanted.ward,
                clinic=wanted.clinic,
                ordered_by=principal.id,
                priority=wanted.priority,
                ordered_at=occurred(wanted.occurred_at, uow.now),
                recorded_at=uow.now,
            )
            require_at(principal, Permission.LAB_ORDER, order)
            chosen = await _panels(uow.connection, wanted.panels)
            asked = expand(wanted.tests, chosen)
            entries = await _orderable(uow.connection, list(asked))
            tests = _new_tests(uow, order, entries, asked)
            await labtests.add_order(uow.connection, order)
            await self._keep_context(uow, order, wanted)
            await panels.ordered(uow.connection, order.id, chosen)
            await labtests.add(uow.connection, tests)
            what = Happened("order", principal.id, order.ordered_at, uow.now)
            await history.append(uow.connection, tests, what)
            uow.record(LabOrdered(order.id, order.patient_id, tuple(asked)))
            uow.record(LabTestsChanged(tuple(LabChange(order, None, test) for test in tests), Cause.ORDERED))
            uow.audit(
                "lab.order",
                entity="lab_order",
                entity_id=order.id,
                patient_id=order.patient_id,
                detail={"tests": list(asked), "panels": wanted.panels, "location": order.location},
            )
            return _order_out(principal, order, tests)

        return await self._units.execute(principal, command, LabOrderOut, work)

    async def cancel_order(
        self, principal: Principal, command: Command, order_id: uuid.UUID, why: Cancellation
    ) -> LabOrderOut:
        """Cancel whatever is not released yet; raises ``conflict`` if nothing is left to cancel."""

        async def work(uow: UnitOfWork) -> LabOrderOut:
            require(principal, Permission.LAB_CANCEL)
            order, tests = found(await labtests.lock_order(uow.connection, order_id), "that order")
            require_at_or_own(principal, Permission.LAB_CANCEL, order)
            pairs = [(test, test.cancel(why.reason)) for test in tests if test.state not in FINISHED]
            if not pairs:
                raise conflict("every test of the order is released or cancelled")
            saved = {test.id: test for test in await self._cancelled(uow, order, pairs, why)}
            uow.audit(
                "lab.cancel_order",
                entity="lab_order",
                entity_id=order.id,
                patient_id=order.patient_id,
                detail={"reason": why.reason},
            )
            return _order_out(principal, order, [saved.get(test.id, test) for test in tests])

        return await self._units.execute(principal, command, LabOrderOut, work)

    async def cancel_test(
        self, principal: Principal, command: Command, test_id: uuid.UUID, why: Cancellation
    ) -> LabTestOut:
        """Cancel one test; raises ``illegal_move`` once it is released."""

        async def work(uow: UnitOfWork) -> LabTestOut:
            require(principal, Permission.LAB_CANCEL)
            order, test = found(await labtests.lock_test(uow.connection, test_id), "that test")
            require_at_or_own(principal, Permission.LAB_CANCEL, order)
            command.check_version(test.version)
            pairs = [(test, test.cancel(why.reason))]
            (after,) = await self._cancelled(uow, order, pairs, why)
            uow.audit(
                "lab.cancel_test",
                entity="lab_test",
                entity_id=test_id,
                patient_id=order.patient_id,
                detail={"reason": why.reason},
            )
            return out(principal, order, after)

        return await self._units.execute(principal, command, LabTestOut, work)

    @staticmethod
    async def _cancelled(
        uow: UnitOfWork, order: LabOrder, pairs: Sequence[tuple[LabTest, LabTest]], why: Cancellation
    ) -> Sequence[LabTest]:
        return await save(uow, order, pairs, Cause.CANCELLED, LabMove.CANCEL, reason=why.reason)

    async def orders(self, principal: Principal, command: Command, query: LabOrderQuery) -> Page[LabOrderOut]:
        """Orders of the caller's places and those the caller ordered, newest first; audited."""
        after = decode_cursor(query.cursor, OrderCursor) if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[LabOrderOut]:
            found_orders = await orders.page(
                uow.connection,
                reach(principal, Permission.LAB_ORDER_READ),
                patient_id=query.patient_id,
                state=query.state,
                place=query.location,
                priority=query.priority,
                test=query.test,
                since=query.since,
                until=query.until,
                oldest=query.sort is OrderSort.OLDEST,
                after=(after.ordered_at, after.id) if after is not None else None,
                limit=query.limit + 1,
            )
            shown, cursor = cut(
                found_orders,
                query.limit,
                lambda order: OrderCursor(ordered_at=order.ordered_at, id=order.id),
            )
            uow.audit(
                "lab.orders_read",
                entity="lab_order",
                entity_id=query.patient_id or "list",
                patient_id=query.patient_id,
                detail={"orders": [str(order.id) for order in shown]},
            )
            tests = await labtests.of_orders(uow.connection, [order.id for order in shown])
            items = [
                _order_out(principal, order, [test for of, test in tests if of.id == order.id])
                for order in shown
            ]
            return Page[LabOrderOut](items=items, next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[LabOrderOut], work)

    async def get_order(self, principal: Principal, command: Command, order_id: uuid.UUID) -> LabOrderOut:
        """One order; raises ``not_found``, ``forbidden``; audited."""

        async def work(uow: UnitOfWork) -> LabOrderOut:
            require(principal, Permission.LAB_ORDER_READ)
            shown = await labtests.of_orders(uow.connection, [order_id])
            order = found(shown[0][0] if shown else None, "that order")
            require_at_or_own(principal, Permission.LAB_ORDER_READ, order)
            uow.audit("lab.order_read", entity="lab_order", entity_id=order_id, patient_id=order.patient_id)
            return _order_out(principal, order, [test for _, test in shown])

        return await self._units.execute(principal, replace(command, key=None), LabOrderOut, work)


async def _orderable(connection: AsyncConnection, codes: Sequence[str]) -> list[CatalogueEntry]:
    known = await catalogue.by_codes(connection, codes)
    refused = [code for code in codes if code not in known or not known[code].active]
    if refused:
        problems = [{"field": "tests", "problem": f"{code} cannot be ordered"} for code in refused]
        raise HmsError(
            Code.INVALID, f"tests: cannot be ordered: {', '.join(refused)}", fields={"problems": problems}
        )
    return [known[code] for code in codes]


async def _panels(connection: AsyncConnection, codes: Sequence[str]) -> list[Panel]:
    known = await panels.by_codes(connection, codes) if codes else {}
    refused = [code for code in codes if code not in known or not known[code].active]
    if refused:
        raise invalid("panels", f"cannot be ordered: {', '.join(refused)}")
    return [known[code] for code in codes]


def _new_tests(
    uow: UnitOfWork, order: LabOrder, entries: Sequence[CatalogueEntry], asked: Mapping[str, str | None]
) -> list[LabTest]:
    """Ids of one moment ascend by chance only: sorted, they keep the tests as the doctor listed them."""
    ids = sorted(uow.ids.new() for _ in entries)
    return [
        LabTest.ordered(
            test_id,
            order.id,
            entry.code,
            entry.name,
            entry.specimen_kind,
            order.location,
            uow.now,
            panel=asked[entry.code],
            definition=entry.version,
        )
        for test_id, entry in zip(ids, entries, strict=True)
    ]


def _order_out(principal: Principal, order: LabOrder, tests: Sequence[LabTest]) -> LabOrderOut:
    states = {test.state for test in tests}
    state = OrderState.OPEN
    if states <= FINISHED:
        state = OrderState.COMPLETED if LabState.RELEASED in states else OrderState.CANCELLED
    named = {"patient_name": order.patient_name, "mrn": order.mrn, "restricted": order.restricted}
    return LabOrderOut(
        id=order.id,
        patient_id=order.patient_id,
        **whose(principal, named),
        ward=order.ward,
        clinic=order.clinic,
        ordered_by=order.ordered_by,
        priority=order.priority,
        state=state,
        ordered_at=order.ordered_at,
        recorded_at=order.recorded_at,
        tests=[out(principal, order, test) for test in tests],
    )
