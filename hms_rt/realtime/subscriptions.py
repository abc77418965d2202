"""Subscribing without a hole: no ``await`` stands between the snapshot that is told and the join."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.errors import Code, HmsError, conflict
from hms_rt.kernel.principal import Principal
from hms_rt.realtime import metrics
from hms_rt.realtime.fanout import RoomView, Views
from hms_rt.realtime.follower import RING
from hms_rt.realtime.hub import Hub
from hms_rt.realtime.rooms import RoomKind, Rooms, authorise
from hms_rt.realtime.subscriber import MAX_ROOMS, Subscriber
from hms_rt.realtime.wire import Since, Subscribe
from hms_rt.realtime.witnesses import Witnesses
from hms_rt.storage import change_log
from hms_rt.storage.change_log import LogEntry

Account = Callable[[Subscriber, str, Audience], Awaitable[None]]
"""Audits a join: principal, namespace, room, audience."""

ATTEMPTS = 5
SUBSCRIBE_S = 10.0
"""Time for one subscribe, with everything that it waits for."""

SURE_S = 5.0
"""Without a sweep for so long this process may have missed a change of rights: it knows nothing by itself."""


class Subscriptions:
    """Joins and leaves rooms, and moves clients when their rights change."""

    def __init__(self, engine: AsyncEngine, hub: Hub, views: Views, rooms: Rooms, account: Account) -> None:
        self._engine = engine
        self._hub = hub
        self._views = views
        self._rooms = rooms
        self._account = account
        self._witnesses = Witnesses()

    async def subscribe(self, subscriber: Subscriber, wanted: Subscribe) -> dict[str, Any]:
        """Join ``wanted.room`` and give the acknowledgement, which precedes its first change.

        Raises ``unknown_room``, ``forbidden``, ``too_many_rooms``, ``unavailable``.
        """
        room = wanted.room
        joined = sum(len(client.rooms) for client in subscriber.siblings.values())
        if joined >= MAX_ROOMS and room not in subscriber.rooms:
            raise HmsError(Code.TOO_MANY_ROOMS, f"a connection follows at most {MAX_ROOMS} rooms")
        try:
            async with asyncio.timeout(SUBSCRIBE_S):
                return await self._subscribe(subscriber, wanted)
        except TimeoutError:
            raise _unavailable() from None

    async def _subscribe(self, subscriber: Subscriber, wanted: Subscribe) -> dict[str, Any]:
        room = wanted.room
        for _ in range(ATTEMPTS):
            principal = subscriber.principal
            view = await self._open(subscriber, room)
            epoch = view.epoch
            missed = await self._missed(principal, view, wanted.since)
            if subscriber.gone or subscriber.outlet.lost():
                raise HmsError(Code.UNAVAILABLE, "the connection is closing")
            moved = subscriber.principal is not principal or view.epoch != epoch
            if moved or view.closed or view.follower.version is None:
                continue
            if missed is not None and not view.follower.reaches(_reached(missed, wanted.since)):
                missed = None
            self._join(subscriber, room, view)
            return self._acknowledge(view, wanted.since, missed)
        raise _rights_are_changing()

    async def _open(self, subscriber: Subscriber, room: str) -> RoomView:
        """The view of ``room`` that is the client's, accounted for unless it has it already.

        Nobody joins while changes are not swept: it would look current, and rights may be of long ago.
        """
        if self._hub.sweep_age() > SURE_S:
            raise _unavailable()
        await self._learn(subscriber, room)
        principal = subscriber.principal
        kind, argument, audience = self._authorise(subscriber, room)
        held = subscriber.rooms.get(room)
        if audience is not Audience.DISPLAY and (held is None or held.audience is not audience):
            await self._account(subscriber, room, audience)
        return await self._views.open(kind, room, audience, kind.argument_of(principal, argument))

    async def _learn(self, subscriber: Subscriber, room: str) -> None:
        kind, argument = self._rooms.find(subscriber.namespace, room)
        if kind.learn is not None:
            await kind.learn(argument)

    def _authorise(self, subscriber: Subscriber, room: str) -> tuple[RoomKind, str, Audience]:
        kind, argument = self._rooms.find(subscriber.namespace, room)
        return kind, argument, authorise(kind, subscriber.principal, room, argument)

    @staticmethod
    def _join(subscriber: Subscriber, room: str, view: RoomView) -> None:
        if not view.subscribers:
            view.restart()
        subscriber.join(room, view)

    async def _missed(
        self, principal: Principal, view: RoomView, since: Since | None
    ) -> list[LogEntry] | None:
        """What the client missed, if the log still tells and it is not too much; None: send a snapshot."""
        if since is None or since.epoch != view.epoch:
            return None
        if since.version > view.version:
            await self._ahead(principal, view, since)
            return None
        if view.follower.reaches(since.version):
            return []
        metrics.ring_missed(metrics.Reader.CLIENT)
        if view.version - since.version > RING:
            return None
        missed = await self._hub.since(view.follower.stream, since.version)
        if missed and missed[-1].version - since.version != len(missed):
            return None  # months of the log were detached
        view.follower.recall(missed)
        return [] if view.follower.reaches(since.version) else missed

    async def _ahead(self, principal: Principal, view: RoomView, since: Since) -> None:
        """The client knows a version that we do not: it comes, or the database went back in time."""
        heads = await change_log.heads(self._engine, [view.follower.stream])
        behind = since.version > heads.get(view.follower.stream, 0)
        if behind and self._witnesses.add(principal.id):
            await self._hub.went_back("clients were ahead of the head")

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
        metrics.subscribed(resumed=missed is not None and since is not None)
        if missed is None or since is None:
            return {**common, "mode": "snapshot", "state": orjson.Fragment(view.encoded_state())}
        if not missed:
            return {**common, "mode": "resume", "changes": orjson.Fragment(view.encoded_since(since.version))}
        changes = view.changes(since.version, [*missed, *view.follower.after(missed[-1].version)])
        return {**common, "mode": "resume", "changes": changes}

    async def reconsider(self, subscriber: Subscriber) -> None:
        """Rights changed: take what is no longer theirs at once, then move to another audience's view.

        A room that stays as it is needs nothing from the database, so a passing failure costs no room. One
        whose new view cannot be shown now is revoked as ``unavailable``: the client asks again by itself.
        """
        moved = [room for room, view in list(subscriber.rooms.items()) if self._moves(subscriber, view)]
        for room in moved:
            try:
                async with asyncio.timeout(SUBSCRIBE_S):
                    await self._move(subscriber, room)
            except TimeoutError:
                revoke(subscriber, room, Code.UNAVAILABLE)
            except HmsError as error:
                revoke(subscriber, room, error.code)

    def _moves(self, subscriber: Subscriber, view: RoomView) -> bool:
        """Take the room if its view is another one for the rights of now; True if there may be another."""
        try:
            kind, argument, audience = self._authorise(subscriber, view.room)
        except HmsError as error:
            revoke(subscriber, view.room, error.code)
            return False
        stream = kind.streams.stream(kind.argument_of(subscriber.principal, argument))
        if audience is view.audience and stream == view.follower.stream:
            return False
        subscriber.leave(view.room)
        return True

    async def _move(self, subscriber: Subscriber, room: str) -> None:
        for _ in range(ATTEMPTS):
            principal = subscriber.principal
            view = await self._open(subscriber, room)
            if subscriber.gone or room in subscriber.rooms:
                return  # it asked by itself meanwhile
            if subscriber.principal is principal and not view.closed and view.follower.version is not None:
                self._join(subscriber, room, view)
                view.catch_up(subscriber, metrics.Snapshot.RIGHTS)
                return
        raise _rights_are_changing()


def revoke(subscriber: Subscriber, room: str, code: Code) -> None:
    """Take ``room`` from a client and say why. ``unavailable`` and ``conflict`` pass: it may ask again."""
    subscriber.leave(room)
    subscriber.send("revoked", {"room": room, "code": code.value})


def _rights_are_changing() -> HmsError:
    return conflict("your rights are changing: subscribe again")


def _unavailable() -> HmsError:
    return HmsError(
        Code.UNAVAILABLE,
        "the server cannot tell what is current: try again",
        retry_after_ms=random.randint(500, 2_000),
    )


def _reached(missed: list[LogEntry] | None, since: Since | None) -> int:
    if missed:
        return missed[-1].version
    return since.version if since is not None else 0
