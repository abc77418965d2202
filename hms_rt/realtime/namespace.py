"""A department's Socket.IO namespace: an explicit command table, and nothing else callable from outside."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
import socketio
from pydantic import BaseModel

from hms_rt.kernel.commands import Command, fingerprint
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.kernel.schema import parse
from hms_rt.realtime.admission import going_away
from hms_rt.realtime.connections import Connection
from hms_rt.realtime.subscriber import Subscriber
from hms_rt.realtime.wire import CommandEnvelope, SocketCommand, Subscribe, Unsubscribe, failure, unexpected

if TYPE_CHECKING:
    from hms_rt.realtime.server import RealtimeServer

MAX_BUSY = 2_000
"""Events of all clients of this process that are being handled; a client has one at a time."""

_ENVELOPE = frozenset(CommandEnvelope.model_fields)


class DepartmentNamespace(socketio.AsyncNamespace):  # type: ignore[misc]
    """Base of every namespace; a department adds its commands, never ``on_*`` methods."""

    def __init__(
        self, namespace: str, realtime: "RealtimeServer", commands: Mapping[str, SocketCommand]
    ) -> None:
        super().__init__(namespace)
        self.commands = dict(commands)
        self._realtime = realtime

    async def trigger_event(self, event: Any, *args: Any) -> Any:
        """The only entry. A client can send events named ``connect`` and ``disconnect`` with forged
        arguments: the real ones carry the server's own environ, or come when the client is gone."""
        sid = args[0]
        if event == "connect" and len(args) > 1:
            connection = self._realtime.sio.connection_of(args[1])
            if connection is not None:
                return await self._connect(sid, connection)
        if event == "disconnect" and not self._realtime.sio.connected(sid, self.namespace):
            await self._realtime.left(self.namespace, sid)
            return None
        return await self._event(sid, event, args[1:])

    async def _connect(self, sid: str, connection: Connection) -> None:
        """Accept who passed the handshake. Whatever goes wrong refuses: an exception would leave the
        socket inside the namespace."""
        try:
            await self._realtime.accept(self.namespace, sid, connection)
        except HmsError as error:
            raise socketio.exceptions.ConnectionRefusedError(error.code.value) from None
        except Exception as error:
            unexpected(error, self.namespace, "connect")
            raise socketio.exceptions.ConnectionRefusedError(Code.INTERNAL.value) from None

    async def _event(self, sid: str, event: Any, args: tuple[Any, ...]) -> dict[str, Any]:
        subscriber = self._realtime.subscriber(self.namespace, sid)
        if subscriber is not None:
            await subscriber.outlet.ready()  # not afterwards: changes would overtake the acknowledgement
        if subscriber is None or subscriber.gone or subscriber.outlet.lost():
            return failure(HmsError(Code.UNAUTHENTICATED, "connect to the namespace first"))
        if self._realtime.busy >= MAX_BUSY:
            return failure(HmsError(Code.UNAVAILABLE, "the server is busy: try again", retry_after_ms=1000))
        if not subscriber.may_send():
            return failure(HmsError(Code.RATE_LIMITED, "too many events: slow down", retry_after_ms=1000))
        self._realtime.busy += 1
        try:
            if len(args) != 1 or not isinstance(args[0], dict):
                raise HmsError(Code.MALFORMED, "send one JSON object with the event")
            return await self._dispatch(subscriber, event, args[0])
        except HmsError as error:
            return failure(error)
        except Exception as error:
            return unexpected(error, self.namespace, str(event)[:40])
        finally:
            self._realtime.busy -= 1

    async def _dispatch(self, subscriber: Subscriber, event: Any, data: dict[str, Any]) -> dict[str, Any]:
        if event == "subscribe":
            return await self._realtime.subscriptions.subscribe(subscriber, parse(Subscribe, data))
        if event == "unsubscribe":
            subscriber.leave(parse(Unsubscribe, data).room)
            return {"ok": True}
        command = self.commands.get(event) if isinstance(event, str) else None
        if command is None:
            raise HmsError(
                Code.UNKNOWN_COMMAND,
                "there is no such command in this namespace",
                fields={"commands": sorted([*self.commands, "subscribe", "unsubscribe"])},
            )
        return await self._command(subscriber, command, data)

    async def _command(
        self, subscriber: Subscriber, command: SocketCommand, data: dict[str, Any]
    ) -> dict[str, Any]:
        envelope = parse(CommandEnvelope, {key: data[key] for key in data if key in _ENVELOPE})
        if self._realtime.draining:
            raise going_away()
        body = parse(command.schema, {key: data[key] for key in data if key not in _ENVELOPE})
        principal = await self._realtime.rights.standing(subscriber)
        answer = await command.run(
            principal, self._envelope(principal, envelope, command, body, subscriber), body
        )
        if isinstance(answer, BaseModel):
            return {"ok": True, "result": answer.model_dump(mode="json")}
        return {"ok": True} if answer is None else {"ok": True, "result": dict(answer)}

    def _envelope(
        self,
        principal: Principal,
        envelope: CommandEnvelope,
        command: SocketCommand,
        body: BaseModel,
        subscriber: Subscriber,
    ) -> Command:
        canonical = orjson.dumps(body.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return Command(
            name=command.name,
            request_id=str(uuid.uuid4()),
            key=envelope.id,
            fingerprint=fingerprint(
                command.name.encode(), canonical, str(envelope.expected_version).encode()
            ),
            expected_version=envelope.expected_version,
            address=subscriber.address,
        )
