"""What every part of the laboratory's service works with."""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.lab import views
from hms_rt.departments.lab.events import BoardTrimmed, LabChange, LabTestsChanged
from hms_rt.departments.lab.model.alert import Limits
from hms_rt.departments.lab.model.labtest import LabMove, LabTest
from hms_rt.departments.lab.model.night import Night
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.repository import alerts, history, labtests
from hms_rt.departments.lab.repository.history import Happened
from hms_rt.departments.lab.repository.reach import Reach
from hms_rt.departments.lab.schemas.ordering import LabTestOut
from hms_rt.departments.notifications.service import Kind, NotificationsService, Priority, Subject, Wording
from hms_rt.departments.patients.service import ContextRef, PatientsService
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.errors import not_found
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from hms_rt.security.permissions import Permission, clinics, may, require, require_place, wards
from hms_rt.storage.mongo import Documents
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

T = TypeVar("T")

EncounterOf = Callable[[AsyncConnection, uuid.UUID, str | None], Awaitable[ContextRef | None]]
"""A patient's open visit in this clinic, or, without one, the open admission; None if there is none."""

TOLD_AT_ONCE = 500
"""People that one call of notifications tells at most."""


class Foundation:
    """The collaborators of the service; ``night`` is when one may release alone, by the clock of ``zone``;
    ``limits`` how long each step of the loop of critical values waits; ``language`` that of labels;
    ``encounter_of`` finds what an order belongs to."""

    def __init__(
        self,
        units: UnitsOfWork,
        documents: Documents,
        patients: PatientsService,
        identity: IdentityService,
        notifications: NotificationsService,
        zone: ZoneInfo,
        night: Night | None = None,
        limits: Limits | None = None,
        language: str = "en",
        encounter_of: EncounterOf | None = None,
    ) -> None:
        self._units = units
        self._documents = documents
        self._patients = patients
        self._identity = identity
        self._notifications = notifications
        self._zone = zone
        self._night = night or Night()
        self._limits = limits or Limits()
        self._language = language
        self._encounter_of = encounter_of

    async def _nurses(self, uow: UnitOfWork, order: LabOrder) -> set[uuid.UUID]:
        """The nurses of the place where the patient is treated now."""
        found = await self._identity.users_with(
            uow.connection, roles=[Role.NURSE], ward=order.ward, clinic=order.clinic
        )
        return {user.id for user in found}

    async def _send(
        self,
        uow: UnitOfWork,
        people: Collection[uuid.UUID],
        kind: Kind,
        title: Wording,
        subject: Subject,
        patient_id: uuid.UUID,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """Tell people, however many: too many at once would be refused, and nobody told."""
        users = sorted(people)
        for begin in range(0, len(users), TOLD_AT_ONCE):
            several = users[begin : begin + TOLD_AT_ONCE]
            await self._notifications.notify(uow, several, kind, title, subject, patient_id, priority)

    @staticmethod
    async def _trim(uow: UnitOfWork, board: str) -> None:
        """After a release: the oldest released tests give way. Records ``BoardTrimmed``."""
        gone = await labtests.trim_board(uow.connection, board, views.BOARD_LIMIT)
        if gone:
            uow.record(BoardTrimmed(board, tuple(gone)))


def found(thing: T | None, what: str) -> T:
    """``thing``; raises ``not_found`` for None."""
    if thing is None:
        raise not_found(what)
    return thing


def require_at(principal: Principal, permission: Permission, order: LabOrder) -> None:
    """Raises ``forbidden`` unless ``permission`` reaches the place where the patient is treated now."""
    require_place(
        principal,
        permission,
        wards_of=[order.ward] if order.ward is not None else [],
        clinics_of=[order.clinic] if order.clinic is not None else [],
    )


def require_at_or_own(principal: Principal, permission: Permission, order: LabOrder) -> None:
    """Like :func:`require_at`; the doctor who ordered keeps the right when the patient has moved on."""
    require(principal, permission)
    if order.ordered_by != principal.id:
        require_at(principal, permission, order)


def reach(principal: Principal, permission: Permission) -> Reach:
    """Whose orders ``principal`` may see; raises ``forbidden`` for nobody's."""
    require(principal, permission)
    return Reach(wards(principal, permission), clinics(principal, permission), principal.id)


def out(principal: Principal, order: LabOrder, test: LabTest) -> LabTestOut:
    """A test as ``principal`` may see it."""
    value = views.value(order, test)
    works_there = may(principal, Permission.LAB_WORKLIST_READ) is not None
    return LabTestOut.model_validate(whose(principal, value if works_there else views.clinical("", value)))


def whose(principal: Principal, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """``value`` with whom it is about only as far as ``principal`` may know: those who treat, all of it."""
    treats = principal.has(Role.DOCTOR, Role.NURSE) or principal.kind is PrincipalKind.SYSTEM
    return value if treats else views.staff("", value)


async def require_told_at_or_own(
    uow: UnitOfWork, permission: Permission, order: LabOrder, test_id: uuid.UUID
) -> None:
    """Like :func:`require_at_or_own`; who was told of a critical value of the test may act on it too, such as
    somebody on call for a ward that is not their own."""
    require(uow.principal, permission)
    if not await alerts.was_told(uow.connection, test_id, uow.principal.id):
        require_at_or_own(uow.principal, permission, order)


async def save(
    uow: UnitOfWork,
    order: LabOrder,
    pairs: Collection[tuple[LabTest, LabTest]],
    cause: Cause,
    move: LabMove,
    *,
    at: datetime | None = None,
    reason: str | None = None,
) -> Sequence[LabTest]:
    """Write locked tests, given before and after, append to their history, and record ``LabTestsChanged``.

    ``at``: when it happened, if not now. Answers the saved tests.
    """
    saved = await labtests.save(uow.connection, [after for _, after in pairs])
    what = Happened(move.value, uow.principal.id, at or uow.now, uow.now, reason)
    await history.append(uow.connection, saved, what)
    changes = (LabChange(order, before, after) for (before, _), after in zip(pairs, saved, strict=True))
    uow.record(LabTestsChanged(tuple(changes), cause))
    return saved
