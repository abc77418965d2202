"""The Socket.IO server: handshake, namespaces, and the life of every connection."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.realtime import metrics
from hms_rt.realtime.admission import Admission, going_away
from hms_rt.realtime.broadcaster import Broadcaster
from hms_rt.realtime.connections import Connection, Ended, SocketServer, check_handshake
from hms_rt.realtime.namespace import DepartmentNamespace
from hms_rt.realtime.pulse import Pulse
from hms_rt.realtime.rights import Rights
from hms_rt.realtime.stock import StockServer
from hms_rt.realtime.subscriber import Subscriber
from hms_rt.realtime.subscriptions import Subscriptions
from hms_rt.realtime.wire import SocketCommand

log = structlog.get_logger(__name__)

PATH = "/socket.io/"
REFUSAL = web.RequestKey("REFUSAL", Exception)
"""What a handshake is answered with, where that was decided before it was a request."""

CONNECT_S = 10.0
"""Time from the open socket to the first namespace."""

DRAIN_S = 8.0
"""How long commands under way may take when the server stops."""

SLICE = 200
"""Clients told, or connections closed, before anything else gets its turn."""


@dataclass(frozen=True)
class Limits:
    """How many connections one principal and one address may hold."""

    per_principal: int = 50
    per_address: int = 500


class RealtimeServer:
    """Authenticates before the 101, then hands each namespace its clients.

    ``busy`` counts the clients' events that are being handled. Once ``draining``, handshakes and commands
    are refused with the time to come back.
    """

    def __init__(
        self,
        *,
        subscriptions: Subscriptions,
        broadcaster: Broadcaster,
        rights: Rights,
        pulse: Pulse,
        authenticate: Callable[[web.Request], Awaitable[Principal | None]],
        address_of: Callable[[web.Request], str],
        limits: Limits | None = None,
        fastpath: bool = True,
    ) -> None:
        self.sio: SocketServer
        self.subscriptions = subscriptions
        self._broadcaster = broadcaster
        self.rights = rights
        self.pulse = pulse
        self._authenticate = authenticate
        self._address_of = address_of
        self._limits = limits or Limits()
        self._fastpath = fastpath
        self._admission = Admission()
        self._subscribers: dict[tuple[str, str], Subscriber] = {}
        self._principals: Counter[object] = Counter()
        self._addresses: Counter[str] = Counter()
        self.busy = 0
        self.draining = False

    def mount(self, namespaces: Mapping[str, Mapping[str, SocketCommand]]) -> None:
        """Register every department's namespace with its commands."""
        self.sio = _fast_server(self.over) if self._fastpath else StockServer(list(namespaces), self.over)
        self._broadcaster.spread = self.sio.spread
        for name, commands in namespaces.items():
            self.sio.register_namespace(DepartmentNamespace(name, self, commands))

    def attach(self, app: web.Application) -> None:
        """Serve the handshake on ``/socket.io/``; long polling is refused."""
        app.router.add_get(PATH, self._handshake)

    @property
    def sockets(self) -> int:
        """Open connections, those that are in no namespace yet included."""
        return sum(self._addresses.values())

    # --- connections

    async def _handshake(self, request: web.Request) -> web.StreamResponse:
        """Everything is decided before the 101, if it was not decided on the doorstep."""
        if REFUSAL in request:
            raise request[REFUSAL]
        connection = await self.admit(request)
        try:
            return await self.sio.open(request, connection)
        except BaseException:
            self.over(connection)
            raise

    async def admit(self, request: web.Request) -> Connection:
        """Who asks for a socket, counted among the open ones; its ``expiry`` runs. Origin was checked before.

        Raises ``unauthenticated``, ``malformed``, ``rate_limited`` for too many connections, ``unavailable``.
        Call :meth:`over` if the connection comes to nothing.
        """
        self._check_draining()
        with _COUNTED:
            check_handshake(request)
        async with self._admission:
            with _COUNTED:
                principal = await self._authenticate(request)
                if principal is None:
                    raise HmsError(Code.UNAUTHENTICATED, "sign in first")
        self._check_draining()  # begun meanwhile: it would not be told when to come back
        connection = Connection(principal, self._address_of(request))
        self._count(connection)
        metrics.handshaken()
        timer = asyncio.get_running_loop().call_later(CONNECT_S, _expire, connection)
        connection.expiry = timer
        return connection

    def _check_draining(self) -> None:
        if self.draining:
            metrics.refused(metrics.Refusal.DRAINING)
            raise going_away()

    def _count(self, connection: Connection) -> None:
        principal, address = connection.principal, connection.address
        over_principal = self._principals[principal.id] >= self._limits.per_principal
        if over_principal or self._addresses[address] >= self._limits.per_address:
            metrics.refused(
                metrics.Refusal.PRINCIPAL_LIMIT if over_principal else metrics.Refusal.ADDRESS_LIMIT
            )
            raise HmsError(
                Code.RATE_LIMITED, "too many connections from here", retry_after_ms=_spread(5_000, 15_000)
            )
        self._principals[principal.id] += 1
        self._addresses[address] += 1

    def over(self, connection: Connection) -> None:
        """The connection ended; may be called more than once."""
        if connection.over:
            return
        connection.over = True
        if connection.expiry is not None:
            connection.expiry.cancel()
        _take_one(self._principals, connection.principal.id)
        _take_one(self._addresses, connection.address)
        for namespace, subscriber in list(connection.subscribers.items()):
            self.forget(namespace, subscriber.sid)

    # --- namespaces

    async def accept(self, namespace: str, sid: str, connection: Connection) -> None:
        """A client enters a namespace with the rights of this moment; raises to refuse it.

        Between the handshake and here, or since it left another namespace, nobody watched its session.
        """
        if namespace in connection.subscribers:
            raise HmsError(Code.CONFLICT, "already connected to this namespace")
        principal = await self.rights.now(connection.principal)
        outlet = connection.outlet
        if connection.over or outlet is None or outlet.lost():
            raise HmsError(Code.UNAVAILABLE, "the connection is closing")
        subscriber = Subscriber(
            sid,
            namespace,
            principal,
            outlet,
            self.pulse.bucket(),
            connection.address,
            connection.subscribers,
        )
        if connection.expiry is not None:
            connection.expiry.cancel()
            connection.expiry = None
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

    # --- the end

    async def drain(self) -> None:
        """Before a restart: tell every client when to come back, spread at random; finish commands; close.

        Commands under way get their acknowledgements; none is begun after the first line of this.
        """
        self.draining = True
        metrics.drained()
        everyone = self.pulse.everyone()
        for number, subscriber in enumerate(everyone):
            subscriber.send("going_away", {"retry_in_ms": _spread(500, 5_000)})
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        if everyone:
            await asyncio.sleep(0.2)
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while self.busy:  # noqa: ASYNC110 - counted, not told
                    await asyncio.sleep(0.02)
        outlets = {id(subscriber.outlet): subscriber.outlet for subscriber in self.pulse.everyone()}
        for number, outlet in enumerate(outlets.values()):
            with suppress(Exception):
                await outlet.close()
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)


def _fast_server(ended: Ended) -> SocketServer:
    """Imported only here: what an upgrade of a library breaks must not break the way out of it."""
    from hms_rt.realtime.engine import FastServer

    return FastServer(ended)


_REASONS = {
    Code.MALFORMED: metrics.Refusal.PROTOCOL,
    Code.UNAUTHENTICATED: metrics.Refusal.UNAUTHENTICATED,
}


class _Refusals:
    """Counts what is refused inside of it."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, HmsError):
            metrics.refused(_REASONS.get(error.code, metrics.Refusal.UNAVAILABLE))


_COUNTED = _Refusals()


def _spread(low: int, high: int) -> int:
    return random.randint(low, high)


def _take_one(counts: Counter[Any], key: object) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]


def _expire(connection: Connection) -> None:
    if not connection.subscribers and connection.outlet is not None:
        log.info("socket.never_connected")
        metrics.aborted(metrics.Abort.NEVER_CONNECTED)
        connection.outlet.abort()
