"""What users do with what they were told, and what the sender sees of it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications import views
from hms_rt.departments.notifications.model.notification import Batch, Kind, Notification, Subject
from hms_rt.departments.notifications.model.preferences import Preferences
from hms_rt.departments.notifications.model.texts import spoken
from hms_rt.departments.notifications.repository import batches
from hms_rt.departments.notifications.repository import notifications as repository
from hms_rt.departments.notifications.schemas.notifications import (
    NotificationCursor,
    NotificationOut,
    PreferencesShape,
    ReceiptOut,
    Seen,
    SeenOut,
    SentDetails,
    SentOut,
    SentQuery,
    SubjectOut,
)
from hms_rt.departments.notifications.service.foundation import connection_of
from hms_rt.departments.notifications.service.telling import Telling, notification_out, require_user
from hms_rt.kernel.changes import Cause, Change, Op
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Receipt:
    """Somebody who was told of something, and what they did."""

    user_id: uuid.UUID
    kind: Kind
    created_at: datetime
    seen_at: datetime | None
    acknowledged_at: datetime | None


class Receipts(Telling):
    """Seen, acknowledged, who has read what; and how users want to be told."""

    async def seen(self, principal: Principal, command: Command, receipts: Seen) -> SeenOut:
        """Mark the caller's notifications as seen. They leave the room, except what wants to be acknowledged.

        Unknown and foreign ids are ignored, and doing it twice changes nothing.
        """

        async def work(uow: UnitOfWork) -> SeenOut:
            require_user(principal)
            mine = await repository.lock_own(uow.connection, principal.id, receipts.ids)
            fresh = [one for one in mine if one.seen_at is None]
            await repository.mark_seen(uow.connection, fresh, uow.now)
            await batches.move(uow.connection, [one.batch_id for one in fresh])
            for one in fresh:
                uow.audit(
                    "notification.seen",
                    entity="notification",
                    entity_id=one.id,
                    patient_id=one.patient_id,
                )
                if one.in_room and not one.wants_acknowledgement:
                    _remove(uow, one)
                elif one.in_room:
                    (after,) = await repository.lock_own(uow.connection, principal.id, [one.id])
                    stream = views.user_stream(principal.id)
                    uow.change(Change(stream, Op.PUT, str(one.id), Cause.SEEN, views.value(after)))
            return SeenOut(unseen=await repository.count_unseen(uow.connection, principal.id))

        return await self._units.execute(principal, command, SeenOut, work)

    async def acknowledge(
        self, principal: Principal, command: Command, notification_id: uuid.UUID
    ) -> NotificationOut:
        """The caller takes notice, and says so; it leaves the room. Doing it twice changes nothing.

        Raises ``not_found``, and ``conflict`` for what wants no acknowledgement.
        """

        async def work(uow: UnitOfWork) -> NotificationOut:
            require_user(principal)
            found = await repository.lock_own(uow.connection, principal.id, [notification_id])
            if not found:
                raise not_found("that notification")
            (one,) = found
            if not one.wants_acknowledgement:
                raise conflict("this notification wants no acknowledgement: mark it as seen")
            if one.acknowledged_at is None:
                await repository.mark_acknowledged(uow.connection, one, uow.now)
                await batches.acknowledged(uow.connection, one.batch_id, unseen=one.seen_at is None)
                uow.audit(
                    "notification.acknowledge",
                    entity="notification",
                    entity_id=one.id,
                    patient_id=one.patient_id,
                )
                if one.in_room:
                    _remove(uow, one)
            (after,) = await repository.lock_own(uow.connection, principal.id, [notification_id])
            return notification_out(after, after.language)

        return await self._units.execute(principal, command, NotificationOut, work)

    async def sent(self, principal: Principal, query: SentQuery) -> Page[SentOut]:
        """What the caller's commands told others, newest first, with how many have read it."""
        require_user(principal)
        before = decode_cursor(query.cursor, NotificationCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            found = await batches.page(
                connection, principal.id, kind=query.kind, before=before, limit=query.limit + 1
            )
            language = await self._language_of(connection, principal.id)
        shown, cursor = cut(found, query.limit, lambda one: NotificationCursor(id=one.id))
        return Page[SentOut](items=[SentOut(**_sent(one, language)) for one in shown], next_cursor=cursor)

    async def sent_details(self, principal: Principal, batch_id: uuid.UUID) -> SentDetails:
        """One telling of the caller's, with everybody who was told; raises ``not_found``."""
        require_user(principal)
        async with self._units.reading() as connection:
            one = await batches.sent(connection, batch_id, principal.id)
            if one is None:
                raise not_found("that telling")
            rows = await batches.receipts(connection, batch_id=batch_id)
            names = await self._identity.names_of(connection, [row.user_id for row in rows])
            language = await self._language_of(connection, principal.id)
        told = [
            ReceiptOut(
                user_id=row.user_id,
                name=names.get(row.user_id, ""),
                seen_at=row.seen_at,
                acknowledged_at=row.acknowledged_at,
            )
            for row in rows
        ]
        return SentDetails(**_sent(one, language), receipts=told)

    async def receipts_of(
        self, asker: AsyncConnection | UnitOfWork, subject: Subject, kind: Kind | None = None
    ) -> list[Receipt]:
        """Who was told of ``subject`` and what they did, oldest first; for other departments."""
        rows = await batches.receipts(connection_of(asker), subject=subject, kind=kind)
        return [
            Receipt(row.user_id, Kind(row.kind), row.created_at, row.seen_at, row.acknowledged_at)
            for row in rows
        ]

    async def preferences(self, principal: Principal) -> PreferencesShape:
        """How the caller wants to be told."""
        require_user(principal)
        async with self._units.reading() as connection:
            wishes = (await batches.preferences(connection, [principal.id]))[principal.id]
        return PreferencesShape(
            muted=wishes.muted,
            quiet_from=wishes.quiet_from,
            quiet_until=wishes.quiet_until,
            language=wishes.language,
        )

    async def prefer(
        self, principal: Principal, command: Command, wanted: PreferencesShape
    ) -> PreferencesShape:
        """Say how the caller wants to be told from now on; what is critical is always shown at once. The room
        shows its titles in the language of choice."""

        async def work(uow: UnitOfWork) -> PreferencesShape:
            require_user(principal)
            wishes = Preferences(wanted.muted, wanted.quiet_from, wanted.quiet_until, wanted.language)
            await batches.save_preferences(uow.connection, principal.id, wishes, uow.now)
            language = spoken(wanted.language, self._language)
            for one in await repository.speak(uow.connection, principal.id, language):
                stream = views.user_stream(principal.id)
                uow.change(Change(stream, Op.PUT, str(one.id), Cause.NOTIFIED, views.value(one)))
            detail = {"muted": sorted(wanted.muted), "quiet": wanted.quiet_from is not None}
            uow.audit("notification.prefer", entity="user", entity_id=principal.id, detail=detail)
            return wanted

        return await self._units.execute(principal, command, PreferencesShape, work)


def _remove(uow: UnitOfWork, one: Notification) -> None:
    uow.change(Change(views.user_stream(one.user_id), Op.REMOVE, str(one.id), Cause.SEEN))


def _sent(one: Batch, language: str) -> dict[str, object]:
    return {
        "id": one.id,
        "kind": one.kind,
        "title": one.said.title_in(language),
        "subject": SubjectOut(type=one.subject.type, id=one.subject.id),
        "patient_id": one.patient_id,
        "priority": one.priority,
        "created_at": one.created_at,
        "acknowledge_by": one.acknowledge_by,
        "told": one.told,
        "seen": one.seen,
        "acknowledged": one.acknowledged,
    }
