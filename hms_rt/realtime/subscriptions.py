"""Subscribing without a hole: no ``await`` stands between the snapshot that is told and the join."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.errors import Code, HmsError, conflict
from hms_rt.kernel.principal import Principal
from hms_rt.realtime.fanout import RoomView, Views
from hms_rt.realtime.follower import RING
from hms_rt.realtime.hub import Hub
from hms_rt.realtime.rooms import Rooms, authorise
from hms_rt.realtime.subscriber import MAX_ROOMS, Subscriber
from hms_rt.realtime.wire import Since, Subscribe
from hms_rt.storage import change_log
from hms_rt.storage.change_log import LogEntry

Account = Callable[[Principal, str, str, Audience], Awaitable[None]]
"""Audits a join: principal, namespace, room, audience."""

ATTEMPTS = 5


class Subscriptions:
    """Joins and leaves rooms, and moves clients when their rights change."""

    def __init__(self, engine: AsyncEngine, hub: Hub, views: Views, rooms: Rooms, account: Account) -> None:
        self._engine = engine
        self._hub = hub
        self._views = views
        self._rooms = rooms
        self._account = account

    async def subscribe(self, subscriber: Subscriber, wanted: Subscribe) -> dict[str, Any]:
        """Join ``wanted.room`` and give the acknowledgement, which precedes its first change.

        Raises ``unknown_room``, ``forbidden``, ``too_many_rooms``, ``unavailable``.
        """
        room = wanted.room
        if len(subscriber.rooms) >= MAX_ROOMS and room not in subscriber.rooms:
            raise HmsError(Code.TOO_MANY_ROOMS, f"a connection follows at most {MAX_ROOMS} rooms")
        for _ in range(ATTEMPTS):
            principal = subscriber.principal
            view = await self._open(subscriber, room)
            missed = await self._missed(view, wanted.since)
            moved = subscriber.principal is not principal or subscriber.gone
            if moved or view.closed or view.follower.version is None:
                continue
            if missed is not None and not view.follower.reaches(_reached(missed, wanted.since)):
                missed = None
            self._join(subscriber, room, view)
            return self._acknowledge(view, wanted.since, missed)
        raise conflict("your rights are changing: subscribe again")

    async def _open(self, subscriber: Subscriber, room: str) -> RoomView:
        principal = subscriber.principal
        kind, argument = self._rooms.find(subscriber.namespace, room)
        audience = authorise(kind, principal, room, argument)
        if audience is not Audience.DISPLAY and room not in subscriber.rooms:
            await self._account(principal, subscriber.namespace, room, audience)
        return await self._views.open(kind, room, audience, kind.argument_of(principal, argument))

    @staticmethod
    def _join(subscriber: Subscriber, room: str, view: RoomView) -> None:
        if not view.subscribers:
            view.sent = view.version
        subscriber.join(room, view)

    async def _missed(self, view: RoomView, since: Since | None) -> list[LogEntry] | None:
        """What the client missed, if the log still tells and it is not too much; None: send a snapshot."""
        if since is None or since.epoch != view.epoch:
            return None
        if since.version > view.version:
            await self._ahead(view, since)
            return None
        if view.version - since.version > RING:
            return None
        if view.follower.reaches(since.version):
            return []
        return await change_log.since(self._engine, view.follower.stream, since.version, RING)

    async def _ahead(self, view: RoomView, since: Since) -> None:
        """The client knows a version that we do not: it comes, or the database went back in time."""
        heads = await change_log.heads(self._engine, [view.follower.stream])
        if since.version > heads.get(view.follower.stream, 0):
            await self._hub.went_back("a client was ahead of the head")

    def _acknowledge(
        self, view: RoomView, since: Since | None, missed: list[LogEntry] | None
    ) -> dict[str, Any]:
        common: dict[str, Any] = {
            "ok": True,
            "room": view.room,
            "audience": view.audience.value,
            "epoch": view.epoch,
            "version": view.version,
            "as_of": rfc3339(self._hub.as_of(view.follower)),
        }
        if missed is None or since is None:
            return {**common, "mode": "snapshot", "state": view.state()}
        entries = [*missed, *view.follower.after(_reached(missed, since))]
        changes = []
        if ops := view.ops(entries):
            changes.append(
                {"from": since.version, "to": view.version, "at": rfc3339(entries[-1].at), "ops": ops}
            )
        return {**common, "mode": "resume", "changes": changes}

    async def reconsider(self, subscriber: Subscriber) -> None:
        """Rights changed: leave rooms that are no longer theirs, and move to another audience's view."""
        for room, view in list(subscriber.rooms.items()):
            try:
                fresh = await self._open(subscriber, room)
            except HmsError as error:
                subscriber.leave(room)
                subscriber.send("revoked", {"room": room, "code": error.code.value})
                continue
            if fresh is not view and room in subscriber.rooms:
                self._join(subscriber, room, fresh)
                fresh.catch_up(subscriber)


def _reached(missed: list[LogEntry] | None, since: Since | None) -> int:
    if missed:
        return missed[-1].version
    return since.version if since is not None else 0
