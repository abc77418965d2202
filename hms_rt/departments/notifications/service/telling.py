"""Telling users, and what they have seen."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications import views
from hms_rt.departments.notifications.model.notification import (
    ROOM_LIMIT,
    Kind,
    Notification,
    Priority,
    Subject,
    lock_screen_title,
)
from hms_rt.departments.notifications.repository import notifications as repository
from hms_rt.departments.notifications.schemas.notifications import (
    NotificationCursor,
    NotificationOut,
    NotificationQuery,
    Seen,
    SeenOut,
    SubjectOut,
)
from hms_rt.departments.notifications.service.foundation import Foundation
from hms_rt.departments.patients import service as patients
from hms_rt.kernel.changes import Cause, Change, Op
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import forbidden
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Telling(Foundation):
    """Durable messages to users: a row and a change in the transaction of what they tell of."""

    async def notify(
        self,
        uow: UnitOfWork,
        user_ids: Collection[uuid.UUID],
        kind: Kind,
        title: str,
        subject: Subject,
        patient_id: uuid.UUID | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> list[uuid.UUID]:
        """Tell these users, for other departments inside their transaction; answers the notifications' ids.

        ``title`` must not name the patient; one that does is replaced by a neutral one. Puts each on the
        stream of its user, and removes the oldest beyond the limit of the room. Call it after all locks.
        """
        users = sorted(set(user_ids))
        if not users:
            return []
        name = None
        if patient_id is not None:
            known = (await patients.brief(uow, [patient_id])).get(patient_id)
            name = known.name if known is not None else None
        shown = lock_screen_title(kind, title, name)
        made = [
            Notification(uow.ids.new(), user, kind, shown, subject, patient_id, priority, uow.now, None, True)
            for user in users
        ]
        await repository.add(uow.connection, made)
        for one in made:
            uow.change(
                Change(views.user_stream(one.user_id), Op.PUT, str(one.id), Cause.NOTIFIED, views.value(one))
            )
        for user, displaced in await repository.displace(uow.connection, users, ROOM_LIMIT):
            uow.change(Change(views.user_stream(user), Op.REMOVE, str(displaced), Cause.COUNT))
        return [one.id for one in made]

    async def seen(self, principal: Principal, command: Command, receipts: Seen) -> SeenOut:
        """Mark the caller's notifications as seen; they leave the room. Unknown and foreign ids are ignored,
        and doing it twice changes nothing."""

        async def work(uow: UnitOfWork) -> SeenOut:
            _require_user(principal)
            for one in await repository.mark_seen(uow.connection, principal.id, receipts.ids, uow.now):
                uow.audit(
                    "notification.seen",
                    entity="notification",
                    entity_id=one.id,
                    patient_id=one.patient_id,
                )
                if one.in_room:
                    uow.change(Change(views.user_stream(principal.id), Op.REMOVE, str(one.id), Cause.SEEN))
            return SeenOut(unseen=await repository.count_unseen(uow.connection, principal.id))

        return await self._units.execute(principal, command, SeenOut, work)

    async def list_own(self, principal: Principal, query: NotificationQuery) -> Page[NotificationOut]:
        """The caller's notifications, newest first."""
        _require_user(principal)
        before = decode_cursor(query.cursor, NotificationCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            found = await repository.page(
                connection, principal.id, unseen=query.unseen, before=before, limit=query.limit + 1
            )
        shown, cursor = cut(found, query.limit, lambda one: NotificationCursor(id=one.id))
        return Page[NotificationOut](items=[_out(one) for one in shown], next_cursor=cursor)

    @staticmethod
    async def room_state(connection: AsyncConnection, user_id: str) -> dict[str, dict[str, Any]]:
        """What the room ``me`` of this user shows: the unseen, as far as the room holds them."""
        rows = await repository.in_room(connection, uuid.UUID(user_id))
        return {str(one.id): views.value(one) for one in rows}


def _require_user(principal: Principal) -> None:
    require(principal, Permission.NOTIFICATIONS_OWN)
    if principal.kind is not PrincipalKind.USER:
        raise forbidden("only users have notifications")


def _out(one: Notification) -> NotificationOut:
    return NotificationOut(
        id=one.id,
        kind=one.kind,
        title=one.title,
        subject=SubjectOut(type=one.subject.type, id=one.subject.id),
        patient_id=one.patient_id,
        priority=one.priority,
        created_at=one.created_at,
        seen_at=one.seen_at,
    )
