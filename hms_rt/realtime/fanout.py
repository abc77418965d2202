"""One room and audience: a change is projected once and encoded once; every socket gets the same bytes."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import orjson

from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.changes import Op
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.errors import Code
from hms_rt.realtime import metrics
from hms_rt.realtime.broadcaster import Broadcaster
from hms_rt.realtime.follower import Follower
from hms_rt.realtime.frames import Frame
from hms_rt.realtime.hub import Hub
from hms_rt.realtime.members import Members
from hms_rt.realtime.rooms import RoomKind
from hms_rt.storage.change_log import LogEntry

if TYPE_CHECKING:
    from hms_rt.realtime.subscriber import Subscriber

CONFLATE_BYTES = 64 * 1024

REMEMBERED = 16
"""Versions from which clients resume at the same time: after a restart all stopped at about the same one."""


class RoomView:
    """The sockets that see ``room`` as ``audience``.

    ``sent`` is the last version that went into a frame, ``head`` the last one that every socket was handed.
    Changes that arrive before a broadcast begins, or while one is under way, leave as one frame. A
    ``closed`` view hears nothing any more: do not join it.
    """

    def __init__(
        self,
        hub: Hub,
        broadcaster: Broadcaster,
        kind: RoomKind,
        room: str,
        audience: Audience,
        follower: Follower,
    ) -> None:
        self.kind = kind
        self.room = room
        self.audience = audience
        self.follower = follower
        self.subscribers = Members()
        self.sent = follower.version or 0
        self.head = self.sent
        self.closed = False
        self._seen = self.sent  # silent changes after ``sent`` included: nobody looks at them again
        self.passed_over = 0
        """Sockets of the broadcast under way that are too slow for it."""
        self._hub = hub
        self._shown_epoch = hub.epoch
        self._wire_epoch = (hub.epoch, wire_epoch(hub.epoch, kind, audience))
        self._under_way: tuple[int, int, datetime] | None = None
        self._broadcaster = broadcaster
        self._project = kind.views[audience]
        self._state: tuple[str, int, bytes] | None = None
        self._snapshot: tuple[str, int, Frame] | None = None
        self._resumes: tuple[tuple[str, int], dict[int, bytes]] = (("", 0), {})

    @property
    def epoch(self) -> str:
        """The opaque epoch on the wire: another one for another epoch, audience or view revision."""
        if self._wire_epoch[0] != self._hub.epoch:
            self._wire_epoch = (self._hub.epoch, wire_epoch(self._hub.epoch, self.kind, self.audience))
        return self._wire_epoch[1]

    @property
    def version(self) -> int:
        """The version that a snapshot taken now would have."""
        return self.follower.version or 0

    def state(self) -> dict[str, Mapping[str, Any]]:
        """What this audience sees of the follower's state."""
        seen: dict[str, Mapping[str, Any]] = {}
        for key, value in self.follower.state.items():
            shown = self._project(key, value)
            if shown is not None:
                seen[key] = shown
        return seen

    def ops(self, entries: Sequence[LogEntry]) -> list[dict[str, Any]]:
        """The entries' operations as this audience sees them; an entity it may not see is a remove."""
        shown: dict[str, dict[str, Any]] = {}
        for entry in entries:
            for op in entry.ops:
                key = op["key"]
                value = self._project(key, op["value"]) if op["op"] == Op.PUT else None
                shown.pop(key, None)
                if value is not None:
                    shown[key] = {"op": "put", "key": key, "value": value, "cause": op["cause"]}
                elif op["op"] == Op.REMOVE or self.kind.hides:
                    shown[key] = {"op": "remove", "key": key, "cause": op["cause"]}
        return list(shown.values())

    def fell_behind(self, subscriber: "Subscriber") -> None:
        """It gets no change until it was sent a snapshot."""
        self.subscribers.behind.add(subscriber)
        self._broadcaster.lagging.add(self)

    def changed(self) -> None:
        """The follower advanced: broadcast before the loop's next turn ends, or after the one under way."""
        if self.subscribers:
            self._broadcaster.wants(self)

    def restart(self) -> None:
        """The first client joins: it is told everything up to now."""
        self.sent = self.head = self._seen = self.version

    def replace(self) -> None:
        """Send everybody a snapshot: the ring does not reach back, or the epoch changed."""
        if self.follower.version is None:
            return  # forgotten again meanwhile; once it is loaded, this is called again
        reason = metrics.Snapshot.RING if self._hub.epoch == self._shown_epoch else metrics.Snapshot.EPOCH
        if reason is metrics.Snapshot.RING:
            metrics.ring_missed(metrics.Reader.VIEW)
        self._shown_epoch = self._hub.epoch
        self._under_way = None
        self.sent = self._seen = self.version
        frame = self.snapshot_frame()
        metrics.snapshot_sent(reason, sockets=len(self.subscribers), size=len(frame.body))
        self._broadcaster.start(self, methodcaller("send_snapshot", self.room, frame))

    def begin(self) -> None:
        """The broadcaster's question: what is there to send since ``sent``?"""
        version = self.follower.version
        if version is None or version <= self._seen:
            return
        if not self.follower.reaches(self._seen):
            self.replace()
            return
        entries = self.follower.after(self._seen)
        ops = self.ops(entries)
        self._seen = version
        if not ops:
            return  # silent for this audience: the next frame's "from" still joins on
        body = orjson.dumps(
            {
                "room": self.room,
                "epoch": self.epoch,
                "from": self.sent,
                "to": version,
                "at": rfc3339(entries[-1].at),
                "ops": ops,
            }
        )
        self.sent = version
        self.passed_over = 0
        self._under_way = len(body), len(entries), entries[0].at
        self._broadcaster.start_change(self, Frame(self.kind.namespace, "change", body))

    def done(self, handed: int) -> None:
        """The broadcaster handed the frame to everybody still here; more may have come meanwhile."""
        self.head = self.sent
        if self._under_way is not None:
            self._measure(handed, *self._under_way)
            self._under_way = None
        if (self.follower.version or 0) > self._seen:
            self.changed()

    def _measure(self, handed: int, size: int, changes: int, committed_at: datetime) -> None:
        metrics.broadcast(
            self.kind.namespace,
            self.kind.name,
            self.audience.value,
            sockets=handed - self.passed_over,
            size=size,
            changes=changes,
            committed_at=committed_at,
        )

    def encoded_state(self) -> bytes:
        """The state as JSON, projected and encoded once per version: a thousand boards come back at once."""
        epoch, version = self.epoch, self.version
        if self._state is None or self._state[:2] != (epoch, version):
            self._state = (epoch, version, orjson.dumps(self.state()))
        return self._state[2]

    def changes(self, version: int, entries: Sequence[LogEntry]) -> list[dict[str, Any]]:
        """``entries``, which follow ``version`` up to now, as one change; none if they show nothing."""
        ops = self.ops(entries)
        if not ops:
            return []
        return [{"from": version, "to": self.version, "at": rfc3339(entries[-1].at), "ops": ops}]

    def encoded_since(self, version: int) -> bytes:
        """The changes after ``version``, which the ring reaches, as JSON; once for all who stopped there."""
        at = (self.epoch, self.version)
        if self._resumes[0] != at or len(self._resumes[1]) >= REMEMBERED:
            self._resumes = (at, {})
        encoded = self._resumes[1].get(version)
        if encoded is None:
            encoded = orjson.dumps(self.changes(version, self.follower.after(version)))
            self._resumes[1][version] = encoded
        return encoded

    def snapshot_frame(self) -> Frame:
        """The ``snapshot`` of this moment, framed once per version."""
        epoch, version = self.epoch, self.version
        if self._snapshot is None or self._snapshot[:2] != (epoch, version):
            body = orjson.dumps(
                {
                    "room": self.room,
                    "audience": self.audience,
                    "epoch": epoch,
                    "version": version,
                    "as_of": rfc3339(self._hub.as_of(self.follower)),
                    "state": orjson.Fragment(self.encoded_state()),
                }
            )
            self._snapshot = (epoch, version, Frame(self.kind.namespace, "snapshot", body))
        return self._snapshot[2]

    def catch_up(
        self, subscriber: "Subscriber", reason: metrics.Snapshot = metrics.Snapshot.CONFLATION
    ) -> None:
        """One snapshot for a client that was conflated and has drained, or that was moved here.

        While the state is being loaded there is none to show: then it gets what everybody gets afterwards.
        """
        if self.follower.version is None:
            subscriber.fall_behind(self)
            return
        frame = self.snapshot_frame()
        metrics.snapshot_sent(reason, size=len(frame.body))
        subscriber.send_snapshot(self.room, frame)


def wire_epoch(epoch: uuid.UUID, kind: RoomKind, audience: Audience) -> str:
    """Opaque to clients; differs whenever what they hold must be replaced."""
    text = f"{epoch}|{kind.streams.name}|{audience}|{kind.revision}"
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


class Views:
    """Every room and audience that this process shows."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.broadcaster = Broadcaster()
        self._views: dict[tuple[str, str, Audience, str], RoomView] = {}
        self._by_stream: dict[str, list[RoomView]] = {}
        hub.advanced = self._advanced
        hub.replaced = self._replaced
        hub.vanished = self._vanished

    async def open(self, kind: RoomKind, room: str, audience: Audience, argument: str) -> RoomView:
        """The view, its follower loaded. Raises ``unknown_room`` or ``unavailable``."""
        stream = kind.streams.stream(argument)

        async def read(connection: Any) -> Any:
            return await kind.streams.read(connection, argument)

        follower = await self._hub.follow(stream, read)
        key = (kind.namespace, room, audience, stream)
        view = self._views.get(key)
        if view is None or view.follower is not follower:
            view = RoomView(self._hub, self.broadcaster, kind, room, audience, follower)
            self._views[key] = view
            self._by_stream.setdefault(stream, []).append(view)
        return view

    def close_unused(self) -> None:
        """Drop views without sockets, and unfollow streams that nothing shows."""
        for key, view in list(self._views.items()):
            if not view.subscribers:
                del self._views[key]
                view.closed = True
                stream = view.follower.stream
                left = [other for other in self._by_stream.get(stream, []) if other is not view]
                if left:
                    self._by_stream[stream] = left
                else:
                    self._by_stream.pop(stream, None)
                    if not view.follower.listeners:
                        self._hub.unfollow(stream)

    def behind(self) -> "set[Subscriber]":
        """Clients that wait for a snapshot in some view. Nobody looks at the thousands of others for it."""
        lagging = {view for view in self.broadcaster.lagging if view.subscribers.behind}
        self.broadcaster.lagging = lagging
        return {subscriber for view in lagging for subscriber in view.subscribers.behind}

    def all(self) -> list[RoomView]:
        """Every view, for metrics and the status page."""
        return list(self._views.values())

    def _advanced(self, follower: Follower) -> None:
        for view in self._by_stream.get(follower.stream, ()):
            view.changed()

    def _replaced(self, follower: Follower) -> None:
        for view in self._by_stream.get(follower.stream, ()):
            view.replace()

    def _vanished(self, follower: Follower) -> None:
        """What the rooms show is gone: a restore went back to before it was defined."""
        for view in self._by_stream.pop(follower.stream, ()):
            view.closed = True
            self._views = {key: other for key, other in self._views.items() if other is not view}
            for subscriber in list(view.subscribers):
                subscriber.leave(view.room)
                subscriber.send("revoked", {"room": view.room, "code": Code.UNKNOWN_ROOM.value})
