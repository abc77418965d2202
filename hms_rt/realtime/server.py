"""The Socket.IO server: handshake, namespaces, and the life of every connection."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.realtime.namespace import DepartmentNamespace
from hms_rt.realtime.pulse import Pulse
from hms_rt.realtime.rights import Rights
from hms_rt.realtime.subscriber import Subscriber
from hms_rt.realtime.subscriptions import Subscriptions
from hms_rt.realtime.transport import OUTLET, GuardedServer
from hms_rt.realtime.wire import SocketCommand

log = structlog.get_logger(__name__)

PATH = "/socket.io/"
CONNECT_S = 10.0
"""Time from the open socket to the first namespace."""


@dataclass(frozen=True)
class Limits:
    """How many connections one principal and one address may hold."""

    per_principal: int = 50
    per_address: int = 500


@dataclass
class Connection:
    """What the handshake found out, kept on the request for the namespaces."""

    principal: Principal
    address: str
    subscribers: dict[str, Subscriber] = field(default_factory=dict)
    accepted: bool = False


CONNECTION = web.RequestKey("hms.connection", Connection)


class RealtimeServer:
    """Authenticates before the 101, then hands each namespace its clients."""

    def __init__(
        self,
        *,
        subscriptions: Subscriptions,
        rights: Rights,
        pulse: Pulse,
        authenticate: Callable[[web.Request], Awaitable[Principal | None]],
        check_origin: Callable[[web.Request], None],
        address_of: Callable[[web.Request], str],
        limits: Limits | None = None,
    ) -> None:
        self.sio = GuardedServer()
        self.subscriptions = subscriptions
        self.rights = rights
        self.pulse = pulse
        self._authenticate = authenticate
        self._check_origin = check_origin
        self._address_of = address_of
        self._limits = limits or Limits()
        self._subscribers: dict[tuple[str, str], Subscriber] = {}
        self._principals: Counter[object] = Counter()
        self._addresses: Counter[str] = Counter()
        self.draining = False

    def mount(self, namespaces: Iterable[tuple[str, Mapping[str, SocketCommand]]]) -> None:
        """Register every department's namespace with its commands."""
        for name, commands in namespaces:
            self.sio.register_namespace(DepartmentNamespace(name, self, commands))

    def attach(self, app: web.Application) -> None:
        """Serve the handshake on ``/socket.io/``; long polling is refused."""
        app.router.add_get(PATH, self._handshake)

    async def _handshake(self, request: web.Request) -> web.StreamResponse:
        """Everything is decided before the 101; returns when the connection is over."""
        if self.draining:
            raise HmsError(Code.UNAVAILABLE, "the server is going away", retry_after_ms=_spread(1000, 5000))
        self._check_origin(request)
        principal = await self._authenticate(request)
        if principal is None:
            raise HmsError(Code.UNAUTHENTICATED, "sign in first")
        address = self._address_of(request)
        self._admit(principal, address)
        connection = Connection(principal, address)
        request[CONNECTION] = connection
        timer = asyncio.get_running_loop().call_later(CONNECT_S, _expire, request, connection)
        try:
            response: web.StreamResponse = await self.sio.handle_request(request)
            return response
        finally:
            timer.cancel()
            self._principals[principal.id] -= 1
            self._addresses[address] -= 1
            for namespace, subscriber in list(connection.subscribers.items()):
                self.forget(namespace, subscriber.sid)
            await self.sio.finished(request)

    def _admit(self, principal: Principal, address: str) -> None:
        over_principal = self._principals[principal.id] >= self._limits.per_principal
        if over_principal or self._addresses[address] >= self._limits.per_address:
            raise HmsError(
                Code.RATE_LIMITED, "too many connections from here", retry_after_ms=_spread(5_000, 15_000)
            )
        self._principals[principal.id] += 1
        self._addresses[address] += 1

    async def accept(self, namespace: str, sid: str, request: web.Request) -> None:
        """A client enters a namespace with the rights of this moment; raises to refuse it.

        Between the handshake and here, or since it left another namespace, nobody watched its session.
        """
        connection = request[CONNECTION]
        if namespace in connection.subscribers:
            raise HmsError(Code.CONFLICT, "already connected to this namespace")
        principal = await self.rights.now(connection.principal)
        if self.sio.engine_sid(sid, namespace) is None or OUTLET not in request:
            raise HmsError(Code.UNAVAILABLE, "the connection is closing")
        subscriber = Subscriber(
            sid,
            namespace,
            principal,
            request[OUTLET],
            self.pulse.bucket(),
            connection.address,
            connection.subscribers,
        )
        connection.accepted = True
        connection.subscribers[namespace] = subscriber
        self._subscribers[(namespace, sid)] = subscriber
        self.pulse.add(subscriber)
        self.rights.watch(subscriber)

    def subscriber(self, namespace: str, sid: str) -> Subscriber | None:
        """The client with this id in this namespace."""
        return self._subscribers.get((namespace, sid))

    def forget(self, namespace: str, sid: str) -> None:
        """The client left the namespace, or its connection is over."""
        subscriber = self._subscribers.pop((namespace, sid), None)
        if subscriber is not None:
            subscriber.leave_all()
            self.pulse.remove(subscriber)
            self.rights.unwatch(subscriber)
            subscriber.siblings.pop(namespace, None)

    async def left(self, namespace: str, sid: str) -> None:
        """The client left the namespace; the last one takes the connection along, which nobody watches."""
        subscriber = self.subscriber(namespace, sid)
        self.forget(namespace, sid)
        if subscriber is not None and not subscriber.siblings:
            await subscriber.outlet.close()

    async def drain(self) -> None:
        """Before a restart: tell every client when to come back, spread at random, then close."""
        self.draining = True
        everyone = self.pulse.everyone()
        for subscriber in everyone:
            subscriber.send("going_away", {"retry_in_ms": _spread(500, 5_000)})
        if everyone:
            await asyncio.sleep(0.2)
        for outlet in {subscriber.outlet.eio_sid: subscriber.outlet for subscriber in everyone}.values():
            with suppress(Exception):
                await outlet.close()


def _spread(low: int, high: int) -> int:
    return random.randint(low, high)


def _expire(request: web.Request, connection: Connection) -> None:
    if not connection.accepted and request.transport is not None:
        log.info("socket.never_connected")
        request.transport.abort()
