"""Live rights: when a session ends or a right changes, its sockets lose the rooms or the connection."""

import asyncio
import uuid
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.realtime.hub import Hub
from hms_rt.realtime.rooms import State
from hms_rt.realtime.subscriber import Subscriber
from hms_rt.realtime.subscriptions import Subscriptions
from hms_rt.storage.change_log import LogEntry

log = structlog.get_logger(__name__)

ASK_AGAIN_S = 0.5
RIGHTS_STREAM = "identity/rights"


class Authority(Protocol):
    """Knows who a session is now."""

    async def current(self, principal: Principal) -> Principal | None:
        """The principal as of now, or None when the session is over."""

    def drop(self, key: uuid.UUID) -> None:
        """Forget what is cached for a principal's or session's id."""

    def clear(self) -> None:
        """Forget what is cached of everybody: changes of rights were missed."""


class Rights:
    """Follows the internal stream of rights and acts on the sockets concerned."""

    def __init__(self, hub: Hub, authority: Authority, subscriptions: Subscriptions) -> None:
        self._hub = hub
        self._authority = authority
        self._subscriptions = subscriptions
        self._by_key: dict[uuid.UUID, set[Subscriber]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to follow; the stream is never unfollowed."""

        async def nothing(connection: AsyncConnection) -> State | None:
            return {}

        follower = await self._hub.follow(RIGHTS_STREAM, nothing)
        follower.listeners.append(self._changed)
        follower.skipped.append(self._missed_some)

    async def now(self, principal: Principal) -> Principal:
        """The principal as of now; raises ``unauthenticated`` when the session is over."""
        current = await self._authority.current(principal)
        if current is None:
            raise HmsError(Code.UNAUTHENTICATED, "the session is over: sign in again")
        return current

    def watch(self, subscriber: Subscriber) -> None:
        """Act on this client's sockets from now on."""
        for key in (subscriber.principal.id, subscriber.principal.session_id):
            self._by_key.setdefault(key, set()).add(subscriber)

    def unwatch(self, subscriber: Subscriber) -> None:
        """The client is gone."""
        for key in (subscriber.principal.id, subscriber.principal.session_id):
            watched = self._by_key.get(key)
            if watched is not None:
                watched.discard(subscriber)
                if not watched:
                    del self._by_key[key]

    def _changed(self, entry: LogEntry) -> None:
        for op in entry.ops:
            try:
                key = uuid.UUID(op["key"])
            except ValueError:
                log.warning("rights.bad_key")
                continue
            self._authority.drop(key)
            for subscriber in list(self._by_key.get(key, ())):
                self.check(subscriber)

    def _missed_some(self) -> None:
        """Entries were jumped over (a new epoch, a long gap): look again at everybody."""
        self._authority.clear()
        for subscriber in set().union(*self._by_key.values()):
            self.check(subscriber)

    def check(self, subscriber: Subscriber) -> None:
        """Look again, in a task, at what this client may do."""
        task = asyncio.create_task(self._check(subscriber), name="rights")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, subscriber: Subscriber) -> None:
        """Until it is known, however long PostgreSQL is away: a right taken away stays taken away."""
        while not subscriber.gone:
            try:
                principal = await self._authority.current(subscriber.principal)
            except (HmsError, SQLAlchemyError, OSError) as error:
                log.warning("rights.unknown", error=type(error).__name__)
                await asyncio.sleep(ASK_AGAIN_S)
            else:
                await self._act(subscriber, principal)
                return

    async def _act(self, subscriber: Subscriber, principal: Principal | None) -> None:
        if principal is None:
            for room in list(subscriber.rooms):
                subscriber.leave(room)
                subscriber.send("revoked", {"room": room, "code": Code.UNAUTHENTICATED.value})
            await subscriber.outlet.close()
            return
        if principal != subscriber.principal:
            subscriber.principal = principal
            await self._subscriptions.reconsider(subscriber)
