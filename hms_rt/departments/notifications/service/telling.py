"""Telling users, and what they have seen."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications import views
from hms_rt.departments.notifications.model.notification import (
    ROOM_LIMIT,
    Batch,
    Kind,
    Notification,
    Priority,
    Subject,
    say_safely,
)
from hms_rt.departments.notifications.model.texts import spoken
from hms_rt.departments.notifications.model.wording import Wording
from hms_rt.departments.notifications.repository import batches
from hms_rt.departments.notifications.repository import notifications as repository
from hms_rt.departments.notifications.schemas.notifications import (
    NotificationCursor,
    NotificationOut,
    NotificationQuery,
    SubjectOut,
)
from hms_rt.departments.notifications.service.foundation import Foundation
from hms_rt.departments.patients import service as patients
from hms_rt.kernel.changes import Cause, Change, Op
from hms_rt.kernel.errors import forbidden
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.security.permissions import Permission, require
from hms_rt.storage import timers
from hms_rt.storage.unit_of_work import UnitOfWork

MOST_AT_ONCE = 1000
"""People that one telling reaches: more is a mistake."""

QUIET_OVER = "notifications.quiet_over"
UNACKNOWLEDGED = "notifications.unacknowledged"
EXPIRED = "notifications.expired"
"""Kinds of durable timers; their callbacks are in ``timed``."""


class Telling(Foundation):
    """Durable messages to users: a row and a change in the transaction of what they tell of."""

    async def notify(
        self,
        uow: UnitOfWork,
        user_ids: Collection[uuid.UUID],
        kind: Kind,
        title: str | Wording,
        subject: Subject,
        patient_id: uuid.UUID | None = None,
        priority: Priority = Priority.NORMAL,
        *,
        acknowledge_within: timedelta | None = None,
        expires_at: datetime | None = None,
    ) -> list[uuid.UUID]:
        """Tell these users, for other departments inside their transaction; answers the notifications' ids.

        ``title`` is a phrase (``say``), told to each in their language; it must not name the patient, and one
        that does is replaced by a neutral one. Puts each on the
        stream of its user, as far as the user's preferences show it now, and removes the oldest beyond the
        limit of the room. ``acknowledge_within``: seeing is not enough, and if nobody acknowledges in time,
        the hook of the kind is called (``on_unacknowledged``). Call it after all locks.
        """
        users = sorted(set(user_ids))
        if not users:
            return []
        if len(users) > MOST_AT_ONCE:
            raise ValueError(f"at most {MOST_AT_ONCE} people are told at once")
        name = None
        if patient_id is not None:
            known = (await patients.brief(uow, [patient_id])).get(patient_id)
            name = known.name if known is not None else None
        said = say_safely(kind, title, name)
        by = uow.now + acknowledge_within if acknowledge_within is not None else None
        sender = uow.principal.id
        batch = Batch(
            uow.ids.new(), sender, kind, said, subject, patient_id, priority, uow.now, by, len(users)
        )
        await batches.add(uow.connection, batch)
        made = await self._made(uow, batch, users, expires_at)
        await repository.add(uow.connection, made)
        await self._show(uow, [one for one in made if one.in_room])
        await self._wait_for(uow, batch, expires_at)
        return [one.id for one in made]

    async def _made(
        self, uow: UnitOfWork, batch: Batch, users: Collection[uuid.UUID], expires_at: datetime | None
    ) -> list[Notification]:
        """A notification per user, as their preferences want it; wakes those in quiet hours when they end."""
        wishes = await batches.preferences(uow.connection, users)
        made = []
        for user in users:
            wanted = wishes[user].shows(batch.kind, batch.priority)
            until = wishes[user].held_until(uow.now, batch.priority, self._zone) if wanted else None
            if until is not None:
                await timers.set_timer(uow, QUIET_OVER, str(user), until)
            made.append(
                Notification(
                    id=uow.ids.new(),
                    user_id=user,
                    kind=batch.kind,
                    said=batch.said,
                    subject=batch.subject,
                    patient_id=batch.patient_id,
                    priority=batch.priority,
                    created_at=uow.now,
                    seen_at=None,
                    in_room=wanted and until is None,
                    batch_id=batch.id,
                    wants_acknowledgement=batch.acknowledge_by is not None,
                    expires_at=expires_at,
                    held=until is not None,
                    language=spoken(wishes[user].language, self._language),
                )
            )
        return made

    async def _wait_for(self, uow: UnitOfWork, batch: Batch, expires_at: datetime | None) -> None:
        if batch.acknowledge_by is not None:
            await timers.set_timer(uow, UNACKNOWLEDGED, str(batch.id), batch.acknowledge_by)
        if expires_at is not None:
            await timers.set_timer(uow, EXPIRED, str(batch.id), expires_at)

    @staticmethod
    async def _show(uow: UnitOfWork, made: Collection[Notification]) -> None:
        """Put notifications into their users' rooms; the oldest make room."""
        for one in made:
            stream = views.user_stream(one.user_id)
            uow.change(Change(stream, Op.PUT, str(one.id), Cause.NOTIFIED, views.value(one)))
        users = {one.user_id for one in made}
        for user, displaced in await repository.displace(uow.connection, sorted(users), ROOM_LIMIT):
            uow.change(Change(views.user_stream(user), Op.REMOVE, str(displaced), Cause.COUNT))

    async def list_own(self, principal: Principal, query: NotificationQuery) -> Page[NotificationOut]:
        """The caller's notifications, newest first."""
        require_user(principal)
        before = decode_cursor(query.cursor, NotificationCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            found = await repository.page(connection, principal.id, query, before=before)
            language = await self._language_of(connection, principal.id)
        shown, cursor = cut(found, query.limit, lambda one: NotificationCursor(id=one.id))
        return Page[NotificationOut](
            items=[notification_out(one, language) for one in shown], next_cursor=cursor
        )

    async def _language_of(self, connection: AsyncConnection, user_id: uuid.UUID) -> str:
        """What this user reads titles in, now."""
        wishes = (await batches.preferences(connection, [user_id]))[user_id]
        return spoken(wishes.language, self._language)

    @staticmethod
    async def room_state(connection: AsyncConnection, user_id: str) -> dict[str, dict[str, Any]]:
        """What the room ``me`` of this user shows: the unseen, as far as the room holds them."""
        rows = await repository.in_room(connection, uuid.UUID(user_id))
        return {str(one.id): views.value(one) for one in rows}


def require_user(principal: Principal) -> None:
    """Raises ``forbidden`` unless it is somebody who can be told something."""
    require(principal, Permission.NOTIFICATIONS_OWN)
    if principal.kind is not PrincipalKind.USER:
        raise forbidden("only users have notifications")


def notification_out(one: Notification, language: str) -> NotificationOut:
    """A notification as its user sees it."""
    return NotificationOut(
        id=one.id,
        kind=one.kind,
        title=one.said.title_in(language),
        subject=SubjectOut(type=one.subject.type, id=one.subject.id),
        patient_id=one.patient_id,
        priority=one.priority,
        created_at=one.created_at,
        seen_at=one.seen_at,
        wants_acknowledgement=one.wants_acknowledgement,
        acknowledged_at=one.acknowledged_at,
        expires_at=one.expires_at,
    )
