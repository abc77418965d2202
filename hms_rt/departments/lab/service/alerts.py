"""Critical values: who takes them over, and what happens when nobody does."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime

from hms_rt.departments.lab.events import AlertChanged, CriticalAcknowledged
from hms_rt.departments.lab.model.alert import WAITING, Alert, AlertMove, AlertState
from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.repository import alerts
from hms_rt.departments.lab.repository.alerts import AlertEvent, ShownAlert
from hms_rt.departments.lab.schemas.alerts import (
    AlertEventOut,
    AlertHistory,
    AlertNote,
    AlertOut,
    AlertQuery,
    AlertReceipt,
)
from hms_rt.departments.lab.schemas.ordering import IdCursor
from hms_rt.departments.lab.service.foundation import found, reach, require_told_at_or_own, whose
from hms_rt.departments.lab.service.told import Told
from hms_rt.departments.notifications.service import Kind, Phrase, Receipt, Subject, say
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

ESCALATE_AT_ONCE = 200
"""Alerts that one run of the timer escalates at most."""

_NOTED: Mapping[AlertMove, tuple[Permission, Callable[[Alert, uuid.UUID, datetime], Alert]]] = {
    AlertMove.RELAY: (Permission.CRITICAL_RELAY, Alert.relay),
    AlertMove.READ_BACK: (Permission.CRITICAL_READ_BACK, Alert.read_back),
    AlertMove.CLOSE: (Permission.CRITICAL_ACKNOWLEDGE, Alert.close),
}
"""Who may say that it happened, and what it makes of the alert."""


class Alerts(Told):
    """Critical alerts: open, notified, perhaps escalated, acknowledged by a doctor, closed."""

    async def acknowledge(
        self, principal: Principal, command: Command, alert_id: uuid.UUID, said: AlertNote
    ) -> AlertOut:
        """A doctor of the patient's place, who ordered, or who was told, takes the critical value over.

        Records ``CriticalAcknowledged``. Raises ``illegal_move`` if somebody did before, ``forbidden``.
        """

        async def work(uow: UnitOfWork) -> AlertOut:
            at, note = occurred(said.occurred_at, uow.now), said.note or None
            alert, order, test = await self._moved_alert(
                uow,
                AlertMove.ACKNOWLEDGE,
                Permission.CRITICAL_ACKNOWLEDGE,
                alert_id,
                lambda one: one.acknowledge(principal.id, at, note),
                at=at,
                note=note,
            )
            uow.record(CriticalAcknowledged(alert.id, test.id, order.patient_id))
            await self._tell_taken_over(uow, alert, order, test)
            return _out(principal, (alert, order, test))

        return await self._units.execute(principal, command, AlertOut, work)

    async def relay(
        self, principal: Principal, command: Command, alert_id: uuid.UUID, said: AlertNote
    ) -> AlertOut:
        """A nurse told a doctor: recorded, but the alert still waits for the doctor."""
        return await self._noted(principal, command, alert_id, said, AlertMove.RELAY)

    async def read_back(
        self, principal: Principal, command: Command, alert_id: uuid.UUID, said: AlertNote
    ) -> AlertOut:
        """The laboratory telephoned and heard the value read back: recorded, but no acknowledgement."""
        return await self._noted(principal, command, alert_id, said, AlertMove.READ_BACK)

    async def close_alert(
        self, principal: Principal, command: Command, alert_id: uuid.UUID, said: AlertNote
    ) -> AlertOut:
        """What an acknowledged value asked for was done; raises ``illegal_move``."""
        return await self._noted(principal, command, alert_id, said, AlertMove.CLOSE)

    async def _noted(
        self,
        principal: Principal,
        command: Command,
        alert_id: uuid.UUID,
        said: AlertNote,
        move: AlertMove,
    ) -> AlertOut:
        """A move of which only who, when and a note are told."""
        permission, moved = _NOTED[move]

        async def work(uow: UnitOfWork) -> AlertOut:
            at = occurred(said.occurred_at, uow.now)
            found = await self._moved_alert(
                uow,
                move,
                permission,
                alert_id,
                lambda one: moved(one, principal.id, at),
                at=at,
                note=said.note or None,
            )
            return _out(principal, found)

        return await self._units.execute(principal, command, AlertOut, work)

    async def _tell_taken_over(self, uow: UnitOfWork, alert: Alert, order: LabOrder, test: LabTest) -> None:
        """Who was alarmed beside the doctor hears that the value is taken care of."""
        informed = await alerts.recipients(uow.connection, [alert.id])
        await self._send(
            uow,
            informed - {uow.principal.id},
            Kind.CRITICAL_ACKNOWLEDGED,
            say(Phrase.CRITICAL_ACKNOWLEDGED, test=test.name),
            Subject("lab_alert", str(alert.id)),
            order.patient_id,
        )

    async def escalate_overdue(self, principal: Principal, command: Command) -> None:
        """The server's timer: alerts that no doctor acknowledged in time take their next step.

        The row itself is the timer, so that a restart loses none, and whichever process locks it first makes
        the step. Each has a transaction of its own: one that fails keeps no other waiting. Raises what
        failed, after all were tried.
        """
        async with self._units.reading() as connection:
            due = await alerts.overdue(connection, self._units.now(), ESCALATE_AT_ONCE)
        failures: list[Exception] = []
        for alert_id in due:
            try:
                await self._units.execute(principal, command, type(None), self._one_step(alert_id))
            except Exception as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup(f"{len(failures)} of {len(due)} alerts could not be escalated", failures)

    def _one_step(self, alert_id: uuid.UUID) -> Callable[[UnitOfWork], Awaitable[None]]:
        async def work(uow: UnitOfWork) -> None:
            shown = await alerts.lock_overdue(uow.connection, alert_id, uow.now)
            if shown is not None:
                await self._escalate(uow, *shown)

        return work

    async def alerts(self, principal: Principal, command: Command, query: AlertQuery) -> Page[AlertOut]:
        """Alerts of the caller's places and of the caller's orders, newest first; audited."""
        before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
        states = {query.state} if query.state is not None else WAITING

        async def work(uow: UnitOfWork) -> Page[AlertOut]:
            within = reach(principal, Permission.LAB_ORDER_READ)
            listed = await alerts.page(
                uow.connection,
                within,
                states=frozenset(AlertState) if query.every else states,
                patient_id=query.patient_id,
                place=query.location,
                before=before,
                limit=query.limit + 1,
            )
            shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one[0].id))
            detail = {"alerts": [str(alert.id) for alert, _, _ in shown]}
            uow.audit("lab.alerts_read", entity="lab_alert", entity_id="list", detail=detail)
            return Page[AlertOut](items=[_out(principal, one) for one in shown], next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[AlertOut], work)

    async def get_alert(self, principal: Principal, command: Command, alert_id: uuid.UUID) -> AlertHistory:
        """One alert with all that happened, and who was told when; audited.

        Raises ``not_found``, ``forbidden``.
        """

        async def work(uow: UnitOfWork) -> AlertHistory:
            require(principal, Permission.LAB_ORDER_READ)
            shown = found(await alerts.by_id(uow.connection, alert_id), "that alert")
            alert, order, test = shown
            await require_told_at_or_own(uow, Permission.LAB_ORDER_READ, order, test.id)
            uow.audit("lab.alert_read", entity="lab_alert", entity_id=alert.id, patient_id=order.patient_id)
            events = await alerts.events(uow.connection, alert_id)
            told = await self._notifications.receipts_of(uow, Subject("lab_alert", str(alert_id)))
            people = {user for event in events for user in (event.by, *event.told)}
            people |= {receipt.user_id for receipt in told}
            names = await self._identity.names_of(uow.connection, people)
            return AlertHistory(
                **_out(principal, shown).model_dump(),
                events=[_event(one, names) for one in events],
                receipts=[_receipt(one, names) for one in told],
            )

        return await self._units.execute(principal, replace(command, key=None), AlertHistory, work)

    async def _moved_alert(
        self,
        uow: UnitOfWork,
        what: AlertMove,
        permission: Permission,
        alert_id: uuid.UUID,
        move: Callable[[Alert], Alert],
        *,
        at: datetime,
        note: str | None = None,
    ) -> ShownAlert:
        """Lock, check the scope on what was locked, let ``move`` decide, store, and account for it."""
        require(uow.principal, permission)
        alert, order, test = found(await alerts.lock(uow.connection, alert_id), "that alert")
        await require_told_at_or_own(uow, permission, order, test.id)
        uow.command.check_version(alert.version)
        after = await alerts.save(uow.connection, move(alert))
        await self._account(uow, after, what, note=note, occurred_at=at)
        cause = Cause.ACKNOWLEDGED if what is AlertMove.ACKNOWLEDGE else Cause.FLAG
        uow.record(AlertChanged(order, test, after, cause))
        action = f"lab.alert_{what.value}"
        uow.audit(action, entity="lab_alert", entity_id=alert_id, patient_id=order.patient_id)
        return after, order, test


def _out(principal: Principal, found: ShownAlert) -> AlertOut:
    alert, order, test = found
    named = {"patient_name": order.patient_name, "mrn": order.mrn, "restricted": order.restricted}
    return AlertOut(
        id=alert.id,
        test_id=test.id,
        order_id=order.id,
        patient_id=order.patient_id,
        **whose(principal, named),
        test=test.code,
        test_name=test.name,
        location=alert.place,
        ordered_by=order.ordered_by,
        result_version=alert.result_version,
        flag=alert.flag,
        state=alert.state,
        raised_at=alert.raised_at,
        escalate_at=alert.escalate_at,
        relayed_by=alert.relayed_by,
        relayed_at=alert.relayed_at,
        read_back_by=alert.read_back_by,
        read_back_at=alert.read_back_at,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_at=alert.acknowledged_at,
        note=alert.note,
        closed_by=alert.closed_by,
        closed_at=alert.closed_at,
        step=alert.step,
        nobody_on_call=alert.nobody_on_call,
        superseded_by=alert.superseded_by,
        version=alert.version,
    )


def _event(event: AlertEvent, names: Mapping[uuid.UUID, str]) -> AlertEventOut:
    return AlertEventOut(
        move=event.move,
        step=event.step,
        by=event.by,
        by_name=names.get(event.by, "server"),
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        told=[names.get(user, str(user)) for user in event.told],
        note=event.note,
    )


def _receipt(receipt: Receipt, names: Mapping[uuid.UUID, str]) -> AlertReceipt:
    return AlertReceipt(
        user_id=receipt.user_id,
        name=names.get(receipt.user_id, str(receipt.user_id)),
        told_at=receipt.created_at,
        seen_at=receipt.seen_at,
    )
