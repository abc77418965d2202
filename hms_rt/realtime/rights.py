"""Live rights: when a session ends or a right changes, its sockets lose the rooms or the connection."""

import asyncio
import uuid
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.kernel.clock import Clock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.realtime import metrics
from hms_rt.realtime.hub import Hub
from hms_rt.realtime.rooms import State
from hms_rt.realtime.subscriber import Subscriber
from hms_rt.realtime.subscriptions import SURE_S, Subscriptions, revoke
from hms_rt.storage.change_log import LogEntry

log = structlog.get_logger(__name__)

ASK_AGAIN_S = 0.5
CONCURRENT_CHECKS = 8
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

    def __init__(self, hub: Hub, authority: Authority, subscriptions: Subscriptions, clock: Clock) -> None:
        self._hub = hub
        self._authority = authority
        self._subscriptions = subscriptions
        self._clock = clock
        self._by_key: dict[uuid.UUID, set[Subscriber]] = {}
        self._ends: dict[uuid.UUID, datetime] = {}
        self._due: set[Subscriber] = set()
        self._asking = asyncio.Semaphore(CONCURRENT_CHECKS)
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
            raise _over()
        return current

    async def standing(self, subscriber: Subscriber) -> Principal:
        """Who the client acts as: as known here, or as PostgreSQL says if nothing was swept lately.

        Raises ``unauthenticated``, and ``unavailable`` when nobody can say.
        """
        if subscriber.principal.over(self._clock.now()):
            raise _over()
        if self._hub.sweep_age() <= SURE_S:
            return subscriber.principal
        return await self.now(subscriber.principal)

    def watch(self, subscriber: Subscriber) -> None:
        """Act on this client's sockets from now on."""
        principal = subscriber.principal
        for key in (principal.id, principal.session_id):
            self._by_key.setdefault(key, set()).add(subscriber)
        if principal.until is not None:
            self._ends[principal.session_id] = principal.until

    def unwatch(self, subscriber: Subscriber) -> None:
        """The client is gone."""
        for key in (subscriber.principal.id, subscriber.principal.session_id):
            watched = self._by_key.get(key)
            if watched is not None:
                watched.discard(subscriber)
                if not watched:
                    del self._by_key[key]
                    self._ends.pop(key, None)

    def expire(self) -> None:
        """End the sockets of sessions whose time is up: nobody needs to be asked, and no timer to come by."""
        now = self._clock.now()
        for session in [session for session, until in self._ends.items() if until <= now]:
            del self._ends[session]
            for subscriber in list(self._by_key.get(session, ())):
                self._spawn(_end(subscriber))

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
        if subscriber not in self._due:
            self._due.add(subscriber)
            self._spawn(self._check(subscriber))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="rights")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, subscriber: Subscriber) -> None:
        """Until it is known, however long PostgreSQL is away: a right taken away stays taken away."""
        while not subscriber.gone:
            try:
                principal = await self._ask(subscriber)
            except (HmsError, SQLAlchemyError, OSError) as error:
                metrics.rights_checked(metrics.Checked.UNKNOWN)
                log.warning("rights.unknown", error=type(error).__name__)
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            except Exception:
                await _fail(subscriber)
                return
            try:
                await self._act(subscriber, principal)
            except Exception:
                await _fail(subscriber)
            return
        self._due.discard(subscriber)

    async def _ask(self, subscriber: Subscriber) -> Principal | None:
        async with self._asking:
            self._due.discard(subscriber)  # a change from here on is another one
            return await self._authority.current(subscriber.principal)

    async def _act(self, subscriber: Subscriber, principal: Principal | None) -> None:
        if principal is None:
            metrics.rights_checked(metrics.Checked.ENDED)
            await _end(subscriber)
        elif principal != subscriber.principal:
            metrics.rights_checked(metrics.Checked.CHANGED)
            subscriber.principal = principal
            await self._subscriptions.reconsider(subscriber)
        else:
            metrics.rights_checked(metrics.Checked.UNCHANGED)


def _over() -> HmsError:
    return HmsError(Code.UNAUTHENTICATED, "the session is over: sign in again")


async def _fail(subscriber: Subscriber) -> None:
    """A mistake of ours: hang up, and it comes back with the rights of now."""
    log.exception("rights.failed")
    await _end(subscriber, Code.UNAVAILABLE)


async def _end(subscriber: Subscriber, code: Code = Code.UNAUTHENTICATED) -> None:
    """Take every room and hang up."""
    for room in list(subscriber.rooms):
        revoke(subscriber, room, code)
    await subscriber.outlet.close()
