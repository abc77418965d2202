"""Shapes of what clients send over a socket, and of the acknowledgements they get (DESIGN §5)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, Field, StringConstraints

from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.kernel.schema import Schema
from hms_rt.security.permissions import Permission

log = structlog.get_logger(__name__)

RoomName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9:_-]+$")]


class Since(Schema):
    """Where a client stopped."""

    epoch: Annotated[str, StringConstraints(max_length=64)]
    version: Annotated[int, Field(ge=0, lt=1 << 62)]


class Subscribe(Schema):
    """Join a room; with ``since``, resume where the client stopped if that is possible."""

    room: RoomName
    since: Since | None = None


class Unsubscribe(Schema):
    """Leave a room; leaving one that was not joined is fine."""

    room: RoomName


class CommandEnvelope(Schema):
    """What every command carries besides its own fields; ``id`` is the idempotency key."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
    expected_version: Annotated[int, Field(ge=0, lt=1 << 62)] | None = None


Answer = BaseModel | Mapping[str, Any] | None


@dataclass(frozen=True)
class SocketCommand:
    """One entry of a namespace's command table: nothing else can be called from outside.

    ``target`` names the fields that say what the command is about (such as ``bed_id``); they and the body
    are validated together by ``schema``. ``name`` is the service method, as on REST.
    """

    name: str
    schema: type[BaseModel]
    run: Callable[[Principal, Command, Any], Awaitable[Answer]]
    summary: str
    permission: Permission


def failure(error: HmsError) -> dict[str, Any]:
    """The negative acknowledgement."""
    told: dict[str, Any] = {"code": error.code.value, "message": error.detail, **error.fields}
    if error.retry_after_ms is not None:
        told["retry_after_ms"] = error.retry_after_ms
    return {"ok": False, "error": told}


def unexpected(error: Exception, namespace: str, event: str) -> dict[str, Any]:
    """An acknowledgement for our own mistakes: logged with the stack, told without it."""
    log.error("socket.failed", namespace=namespace, socket_event=event, exc_info=error)
    return failure(HmsError(Code.INTERNAL, "the server failed; it was logged"))
