"""What happens to notifications by itself: quiet hours end, they expire, nobody acknowledges."""

import uuid
from collections.abc import Awaitable, Callable, Mapping

from hms_rt.departments.notifications import views
from hms_rt.departments.notifications.model.notification import Batch, Kind
from hms_rt.departments.notifications.repository import batches
from hms_rt.departments.notifications.repository import notifications as repository
from hms_rt.departments.notifications.service.telling import EXPIRED, QUIET_OVER, UNACKNOWLEDGED, Telling
from hms_rt.kernel.changes import Cause, Change, Op
from hms_rt.kernel.timers import Timer
from hms_rt.storage.unit_of_work import UnitOfWork

Hook = Callable[[UnitOfWork, Batch], Awaitable[None]]
"""What a department does about a telling that nobody acknowledged, inside one transaction."""


class Timed(Telling):
    """Callbacks of durable timers."""

    def on_unacknowledged(self, kind: Kind, hook: Hook) -> None:
        """Let ``hook`` run when nobody acknowledged a notification of ``kind`` in time; for ``app.py``.

        The hook looks whether there still is something to do, and tells whoever is next.
        """
        self._hooks[kind] = hook

    def timer_callbacks(self) -> Mapping[str, Callable[[UnitOfWork, Timer], Awaitable[None]]]:
        """Every kind of timer that this department sets."""
        return {QUIET_OVER: self._quiet_over, UNACKNOWLEDGED: self._unacknowledged, EXPIRED: self._expired}

    async def _quiet_over(self, uow: UnitOfWork, timer: Timer) -> None:
        """Show what waited; the key is the user."""
        await self._show(uow, await repository.release_held(uow.connection, uuid.UUID(timer.key), uow.now))

    async def _expired(self, uow: UnitOfWork, timer: Timer) -> None:
        """Take it out of the rooms; the key is the telling."""
        for user, gone in await repository.leave_room(uow.connection, uuid.UUID(timer.key), uow.now):
            uow.change(Change(views.user_stream(user), Op.REMOVE, str(gone), Cause.COUNT))

    async def _unacknowledged(self, uow: UnitOfWork, timer: Timer) -> None:
        """Call the hook of its kind, unless somebody has acknowledged; the key is the telling."""
        batch = await batches.lock(uow.connection, uuid.UUID(timer.key))
        if batch is None or batch.acknowledged:
            return
        detail = {"kind": batch.kind, "told": batch.told, "seen": batch.seen}
        uow.audit(
            "notification.unacknowledged",
            entity="notification_batch",
            entity_id=batch.id,
            patient_id=batch.patient_id,
            detail=detail,
        )
        hook = self._hooks.get(batch.kind)
        if hook is not None:
            await hook(uow, batch)
