"""Critical values: who is told, who takes them over, and what happens when nobody does."""

import uuid
from collections.abc import Callable
from dataclasses import replace

from hms_rt.departments.lab.events import CriticalAcknowledged, CriticalRaised
from hms_rt.departments.lab.model.alert import WAITING, Alert, AlertState
from hms_rt.departments.lab.model.catalogue import Flag
from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.repository import alerts
from hms_rt.departments.lab.repository.alerts import ShownAlert
from hms_rt.departments.lab.schemas.ordering import IdCursor, When
from hms_rt.departments.lab.schemas.results import AlertNote, AlertOut, AlertQuery
from hms_rt.departments.lab.service.foundation import Foundation, found, reach, require_at_or_own
from hms_rt.departments.notifications.service import Kind, Priority, Subject
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import AssignmentKind, Principal, Role
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

ESCALATE_AT_ONCE = 20
"""Alerts that one run of the timer escalates at most."""


class Alerts(Foundation):
    """Critical alerts: open, notified, perhaps escalated, acknowledged by a doctor, closed."""

    async def acknowledge(
        self, principal: Principal, command: Command, alert_id: uuid.UUID, said: AlertNote
    ) -> AlertOut:
        """A doctor of the patient's place, or the one who ordered, takes the critical value over.

        Records ``CriticalAcknowledged``. Raises ``illegal_move`` if somebody did before, ``forbidden``.
        """

        async def work(uow: UnitOfWork) -> AlertOut:
            at = occurred(said.occurred_at, uow.now)
            alert, order, test = await self._moved_alert(
                uow,
                "lab.alert_acknowledge",
                Permission.CRITICAL_ACKNOWLEDGE,
                alert_id,
                lambda one: one.acknowledge(principal.id, at, said.note or None),
            )
            uow.record(CriticalAcknowledged(alert.id, test.id, order.patient_id))
            return _out((alert, order, test))

        return await self._units.execute(principal, command, AlertOut, work)

    async def relay(
        self, principal: Principal, command: Command, alert_id: uuid.UUID, when: When
    ) -> AlertOut:
        """A nurse told a doctor: recorded, but the alert still waits for the doctor."""

        async def work(uow: UnitOfWork) -> AlertOut:
            at = occurred(when.occurred_at, uow.now)
            return _out(
                await self._moved_alert(
                    uow,
                    "lab.alert_relay",
                    Permission.CRITICAL_RELAY,
                    alert_id,
                    lambda one: one.relay(principal.id, at),
                )
            )

        return await self._units.execute(principal, command, AlertOut, work)

    async def read_back(
        self, principal: Principal, command: Command, alert_id: uuid.UUID, when: When
    ) -> AlertOut:
        """The laboratory telephoned and heard the value read back: recorded, but no acknowledgement."""

        async def work(uow: UnitOfWork) -> AlertOut:
            at = occurred(when.occurred_at, uow.now)
            return _out(
                await self._moved_alert(
                    uow,
                    "lab.alert_read_back",
                    Permission.CRITICAL_READ_BACK,
                    alert_id,
                    lambda one: one.read_back(principal.id, at),
                )
            )

        return await self._units.execute(principal, command, AlertOut, work)

    async def close_alert(
        self, principal: Principal, command: Command, alert_id: uuid.UUID, when: When
    ) -> AlertOut:
        """What an acknowledged value asked for was done; raises ``illegal_move``."""

        async def work(uow: UnitOfWork) -> AlertOut:
            at = occurred(when.occurred_at, uow.now)
            return _out(
                await self._moved_alert(
                    uow,
                    "lab.alert_close",
                    Permission.CRITICAL_ACKNOWLEDGE,
                    alert_id,
                    lambda one: one.close(principal.id, at),
                )
            )

        return await self._units.execute(principal, command, AlertOut, work)

    async def escalate_overdue(self, principal: Principal, command: Command) -> None:
        """The server's timer: alerts that no doctor acknowledged in time are told to more people.

        In a ward its doctors and charge nurses, in a clinic its doctors and who is on call; again and again.
        """

        async def work(uow: UnitOfWork) -> None:
            overdue = await alerts.lock_overdue(uow.connection, uow.now, ESCALATE_AT_ONCE)
            for alert, order, test in overdue:
                after = await alerts.save(uow.connection, alert.escalate(uow.now))
                uow.audit(
                    "lab.alert_escalate",
                    entity="lab_alert",
                    entity_id=alert.id,
                    patient_id=order.patient_id,
                )
                people = await self._seniors(uow, order)
                await self._tell(uow, people, Kind.CRITICAL_ESCALATED, after, order, test)

        await self._units.execute(principal, command, type(None), work)

    async def alerts(self, principal: Principal, command: Command, query: AlertQuery) -> Page[AlertOut]:
        """Alerts of the caller's places and of the caller's orders, newest first; audited."""
        before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
        states = {query.state} if query.state is not None else WAITING

        async def work(uow: UnitOfWork) -> Page[AlertOut]:
            within = reach(principal, Permission.LAB_ORDER_READ)
            listed = await alerts.page(
                uow.connection, within, states=states, before=before, limit=query.limit + 1
            )
            shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one[0].id))
            detail = {"alerts": [str(alert.id) for alert, _, _ in shown]}
            uow.audit("lab.alerts_read", entity="lab_alert", entity_id="list", detail=detail)
            return Page[AlertOut](items=[_out(one) for one in shown], next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[AlertOut], work)

    async def _raise_critical(self, uow: UnitOfWork, order: LabOrder, test: LabTest, flag: Flag) -> None:
        """In the transaction of the result: the alert, and who must know. Records ``CriticalRaised``."""
        opened = Alert.opened(uow.ids.new(), test.id, test.result_version or 0, flag, uow.now)
        alert = opened.notified()
        await alerts.add(uow.connection, alert)
        uow.record(CriticalRaised(alert.id, test.id, order.patient_id, flag))
        people = {order.ordered_by} | await self._nurses(uow, order)
        await self._tell(uow, people, Kind.CRITICAL_RESULT, alert, order, test)

    async def _tell(
        self,
        uow: UnitOfWork,
        people: set[uuid.UUID],
        kind: Kind,
        alert: Alert,
        order: LabOrder,
        test: LabTest,
    ) -> None:
        which = "low" if alert.flag is Flag.CRITICAL_LOW else "high"
        again = ", not acknowledged" if alert.state is AlertState.ESCALATED else ""
        await self._notifications.notify(
            uow,
            people,
            kind,
            f"Critical result: {test.name} ({which}){again}",
            Subject("lab_alert", str(alert.id)),
            order.patient_id,
            Priority.CRITICAL,
        )

    async def _seniors(self, uow: UnitOfWork, order: LabOrder) -> set[uuid.UUID]:
        kind = AssignmentKind.CHARGE_NURSE if order.ward is not None else AssignmentKind.ON_CALL
        doctors = await self._identity.users_with(
            uow.connection, roles=[Role.DOCTOR], ward=order.ward, clinic=order.clinic
        )
        others = await self._identity.users_with(
            uow.connection, assignment_kind=kind, ward=order.ward, clinic=order.clinic
        )
        return {order.ordered_by} | {user.id for user in (*doctors, *others)}

    async def _moved_alert(
        self,
        uow: UnitOfWork,
        action: str,
        permission: Permission,
        alert_id: uuid.UUID,
        move: Callable[[Alert], Alert],
    ) -> ShownAlert:
        """Lock, check the scope on what was locked, let ``move`` decide, store, and account for it."""
        require(uow.principal, permission)
        alert, order, test = found(await alerts.lock(uow.connection, alert_id), "that alert")
        require_at_or_own(uow.principal, permission, order)
        uow.command.check_version(alert.version)
        after = await alerts.save(uow.connection, move(alert))
        uow.audit(action, entity="lab_alert", entity_id=alert_id, patient_id=order.patient_id)
        return after, order, test


def _out(shown: ShownAlert) -> AlertOut:
    alert, order, test = shown
    return AlertOut(
        id=alert.id,
        test_id=test.id,
        order_id=order.id,
        patient_id=order.patient_id,
        patient_name=order.patient_name,
        mrn=order.mrn,
        test=test.code,
        test_name=test.name,
        location=order.location,
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
        version=alert.version,
    )
