"""Who is told of a critical value, step by step, in the transaction that makes the step."""

import uuid
from collections.abc import Collection
from datetime import datetime

from hms_rt.departments.lab.events import AlertChanged, CriticalRaised, CriticalSuperseded
from hms_rt.departments.lab.model.alert import Alert, AlertMove, AlertState, Step, new_alert, next_step
from hms_rt.departments.lab.model.catalogue import Flag
from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.repository import alerts
from hms_rt.departments.lab.repository.alerts import AlertEvent
from hms_rt.departments.lab.service.foundation import Foundation
from hms_rt.departments.notifications.service import Kind, Phrase, Priority, Subject, say
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.principal import AssignmentKind, Role
from hms_rt.storage.unit_of_work import UnitOfWork

People = set[uuid.UUID]


_CRITICAL = {
    (True, False): Phrase.CRITICAL_LOW,
    (False, False): Phrase.CRITICAL_HIGH,
    (True, True): Phrase.CRITICAL_LOW_AGAIN,
    (False, True): Phrase.CRITICAL_HIGH_AGAIN,
}
"""By whether the value is low, and whether nobody acknowledged it in time."""


class Told(Foundation):
    """Raising, escalating and superseding alerts, with everybody who must hear of it."""

    async def _raise_critical(
        self, uow: UnitOfWork, order: LabOrder, test: LabTest, flag: Flag, informed: Collection[uuid.UUID]
    ) -> None:
        """In the transaction of the result: the alert, and its first step. Records ``CriticalRaised``.

        ``informed`` heard of an earlier critical version of the result, and hear of this one at once.
        """
        alert = new_alert(
            uow.ids.new(),
            test_id=test.id,
            result_version=test.result_version or 0,
            flag=flag,
            place=order.location,
            ordered_by=order.ordered_by,
            now=uow.now,
        )
        reached, people = await self._reach(uow, alert, order, Step.DOCTOR)
        people |= set(informed)
        await alerts.add(uow.connection, reached)
        await self._account(uow, reached, AlertMove.RAISE, people)
        uow.record(CriticalRaised(alert.id, test.id, order.patient_id, flag))
        uow.record(AlertChanged(order, test, reached, Cause.CRITICAL))
        await self._tell(uow, people, Kind.CRITICAL_RESULT, reached, order, test)

    async def _escalate(self, uow: UnitOfWork, alert: Alert, order: LabOrder, test: LabTest) -> None:
        """The next step of a locked alert that nobody acknowledged in time."""
        step = next_step(alert.step, outpatient=alert.outpatient)
        reached, people = await self._reach(uow, alert, order, step)
        after = await alerts.save(uow.connection, reached)
        await self._account(uow, after, AlertMove.ESCALATE, people)
        uow.audit(
            "lab.alert_escalate",
            entity="lab_alert",
            entity_id=alert.id,
            patient_id=order.patient_id,
            detail={"step": after.step.value, "told": len(people), "nobody_on_call": after.nobody_on_call},
        )
        uow.record(AlertChanged(order, test, after, Cause.CRITICAL))
        await self._tell(uow, people, Kind.CRITICAL_ESCALATED, after, order, test)

    async def _supersede(self, uow: UnitOfWork, order: LabOrder, test: LabTest, flag: Flag | None) -> People:
        """After a new version of a result: earlier alerts are moot, and everybody they told hears of it.

        Answers those people. A new version that is critical itself tells them with its own alert.
        """
        earlier = await alerts.lock_of_test(uow.connection, test.id)
        informed = await alerts.recipients(uow.connection, [one.id for one in earlier])
        for alert in earlier:
            if alert.state is AlertState.CLOSED:
                continue
            moot = alert.supersede(uow.principal.id, uow.now, test.result_version or 0)
            after = await alerts.save(uow.connection, moot)
            await self._account(uow, after, AlertMove.SUPERSEDE, set())
            uow.record(CriticalSuperseded(alert.id, test.id, order.patient_id))
            uow.record(AlertChanged(order, test, after, Cause.CORRECTED))
        if informed and (flag is None or not flag.critical):
            await self._send(
                uow,
                informed - {uow.principal.id},
                Kind.RESULT_CORRECTED,
                say(Phrase.CRITICAL_WITHDRAWN, test=test.name),
                Subject("lab_test", str(test.id)),
                order.patient_id,
                Priority.CRITICAL,
            )
        return informed

    async def _reach(
        self, uow: UnitOfWork, alert: Alert, order: LabOrder, step: Step
    ) -> tuple[Alert, People]:
        """Tell ``step``, or the first one after it that finds somebody; the last finds the administrators."""
        people = await self._people(uow, order, step)
        nobody_on_call = step is Step.ON_CALL and not people
        while not people and step is not Step.EVERYBODY:
            step = next_step(step, outpatient=alert.outpatient)
            people = await self._people(uow, order, step)
            nobody_on_call = nobody_on_call or (step is Step.ON_CALL and not people)
        return alert.told(step, uow.now, self._limits, nobody_on_call=nobody_on_call), people

    async def _people(self, uow: UnitOfWork, order: LabOrder, step: Step) -> People:
        """Who is told at a step; active users only."""
        if step is Step.DOCTOR:
            active = await self._with(uow, None, role=Role.DOCTOR)
            return {order.ordered_by} & active or await self._with(uow, order, role=Role.DOCTOR)
        if step is Step.WARD_NURSE:
            return await self._nurses(uow, order)
        on_call = await self._on_call(uow, order)
        if step is Step.ON_CALL:
            return on_call
        doctors = await self._with(uow, order, role=Role.DOCTOR)
        charge = await self._with(uow, order, kind=AssignmentKind.CHARGE_NURSE)
        administrators = await self._with(uow, None, role=Role.ADMIN)
        return on_call | doctors | charge | administrators

    async def _on_call(self, uow: UnitOfWork, order: LabOrder) -> People:
        """Who is on call for the place now: by assignment and its rotas, else by the hospital's rotas."""
        found = await self._with(uow, order, kind=AssignmentKind.ON_CALL)
        duty = self._notifications
        for group in await duty.groups_of(uow, ward=order.ward, clinic=order.clinic):
            found |= set(await duty.on_call(uow, group, uow.now))
        if not found:
            for group in await duty.groups_of(uow, hospital=True):
                found |= set(await duty.on_call(uow, group, uow.now))
        return found

    async def _with(
        self,
        uow: UnitOfWork,
        order: LabOrder | None,
        *,
        role: Role | None = None,
        kind: AssignmentKind | None = None,
    ) -> People:
        found = await self._identity.users_with(
            uow.connection,
            roles=[role] if role is not None else None,
            ward=order.ward if order is not None else None,
            clinic=order.clinic if order is not None else None,
            assignment_kind=kind,
        )
        return {user.id for user in found}

    async def _account(
        self,
        uow: UnitOfWork,
        alert: Alert,
        move: AlertMove,
        told: Collection[uuid.UUID] = (),
        *,
        note: str | None = None,
        occurred_at: datetime | None = None,
    ) -> None:
        """Append to the history of a saved alert, and remember who was told."""
        event = AlertEvent(
            alert.id,
            alert.version,
            move,
            alert.step,
            uow.principal.id,
            occurred_at or uow.now,
            uow.now,
            sorted(told),
            note,
        )
        await alerts.tell(uow.connection, event)

    async def _tell(
        self, uow: UnitOfWork, people: People, kind: Kind, alert: Alert, order: LabOrder, test: LabTest
    ) -> None:
        phrase = _CRITICAL[alert.flag is Flag.CRITICAL_LOW, kind is Kind.CRITICAL_ESCALATED]
        await self._send(
            uow,
            people,
            kind,
            say(phrase, test=test.name),
            Subject("lab_alert", str(alert.id)),
            order.patient_id,
            Priority.CRITICAL,
        )
