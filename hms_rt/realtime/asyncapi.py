"""The AsyncAPI 3 document of the sockets, made from the room kinds, command tables and wire schemas.

``receive`` and ``send`` are the server's point of view, as the specification has it.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hms_rt import __version__
from hms_rt.kernel.errors import Code
from hms_rt.realtime.pulse import HEARTBEAT_S, STUCK_S
from hms_rt.realtime.rooms import RoomKind, Rooms
from hms_rt.realtime.subscriber import EVENT_BURST, EVENTS_PER_SECOND, MAX_ROOMS
from hms_rt.realtime.transport import MAX_MESSAGE_BYTES
from hms_rt.realtime.wire import CommandEnvelope, SocketCommand, Subscribe, Unsubscribe

Namespaces = Mapping[str, Mapping[str, SocketCommand]]
Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_TIME = {"type": "string", "format": "date-time"}
_VERSION = {"type": "integer", "minimum": 0}
_EPOCH = {"type": "string", "description": "Opaque. Another one than yours: subscribe anew."}
_ROOM = {"type": "string"}


def _object(required: Mapping[str, Json], **optional: Json) -> Json:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": sorted(required),
        "additionalProperties": False,
    }


def _op() -> Json:
    put = _object(
        {
            "op": {"const": "put"},
            "key": {"type": "string"},
            "value": {"type": "object"},
            "cause": {"type": "string"},
        }
    )
    remove = _object({"op": {"const": "remove"}, "key": {"type": "string"}, "cause": {"type": "string"}})
    return {"oneOf": [put, remove], "description": "Absolute: a put carries the whole value."}


def _ops() -> Json:
    return {"type": "array", "items": {"$ref": "#/components/schemas/Op"}}


def _state() -> Json:
    return {"type": "object", "additionalProperties": {"type": "object"}}


def _joined() -> Json:
    common: Json = {
        "ok": {"const": True},
        "room": _ROOM,
        "audience": {"type": "string"},
        "epoch": _EPOCH,
        "version": _VERSION,
        "as_of": _TIME,
    }
    missed = _object({"from": _VERSION, "to": _VERSION, "at": _TIME, "ops": _ops()})
    return {
        "oneOf": [
            _object({**common, "mode": {"const": "snapshot"}, "state": _state()}),
            _object({**common, "mode": {"const": "resume"}, "changes": {"type": "array", "items": missed}}),
        ]
    }


def _wire_schemas() -> Json:
    """Schemas of what the server sends, and of the acknowledgements."""
    revoked = {"type": "string", "enum": [Code.FORBIDDEN, Code.UNAUTHENTICATED, Code.UNKNOWN_ROOM]}
    error = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "enum": [code.value for code in Code]},
            "message": {"type": "string"},
            "retry_after_ms": {"type": "integer", "minimum": 0},
        },
        "required": ["code", "message"],
    }
    head = {"type": "array", "prefixItems": [_EPOCH, _VERSION], "minItems": 2, "maxItems": 2}
    heads = {"type": "object", "additionalProperties": head}
    change: Json = {
        "room": _ROOM,
        "epoch": _EPOCH,
        "from": _VERSION,
        "to": _VERSION,
        "at": _TIME,
        "ops": _ops(),
    }
    snapshot: Json = {"room": _ROOM, "audience": {"type": "string"}, "epoch": _EPOCH, "version": _VERSION}
    return {
        "Op": _op(),
        "Change": _object(change),
        "Snapshot": _object({**snapshot, "as_of": _TIME, "state": _state()}),
        "Heartbeat": _object({"at": _TIME, "heads": heads}),
        "Revoked": _object({"room": _ROOM, "code": revoked}),
        "GoingAway": _object({"retry_in_ms": {"type": "integer", "minimum": 0}}),
        "Joined": _joined(),
        "Done": _object({"ok": {"const": True}}, result={"type": "object"}),
        "Refused": _object({"ok": {"const": False}, "error": error}),
    }


SENT = {
    "change": ("Change", "What one or more commits changed in a room, from version `from` to `to`."),
    "snapshot": ("Snapshot", "Replaces everything: after conflation, a new epoch, or changed rights."),
    "heartbeat": (
        "Heartbeat",
        f"Every {HEARTBEAT_S:g} s while changes are swept; 15 s of silence mean stale.",
    ),
    "revoked": ("Revoked", "This room is no longer yours."),
    "going_away": ("GoingAway", "Before a restart: come back after this time, which is spread at random."),
}
"""Events of the server: schema and meaning."""

_NOTES = f"""Socket.IO 5 over WebSocket only, JSON text only. The session cookie of `POST /api/v1/auth/login`
authenticates the handshake; a page's Origin must be this server's or listed.

Client rule: epoch differs -> subscribe anew; `to` <= mine -> ignore; `from` <= mine < `to` -> apply;
`from` > mine -> subscribe with `since`.

Limits: {MAX_MESSAGE_BYTES // 1024} KiB a message, {EVENTS_PER_SECOND:g} events a second (bursts of
{EVENT_BURST:g}), {MAX_ROOMS} rooms a connection, 10 s from open to the first namespace. A client that does
not read gets one snapshot once it has drained, and is dropped after {STUCK_S:g} s without progress. Close
code 1003: binary or foreign packets; 1009: too large."""


def _message(name: str, schema: Json, summary: str) -> Json:
    return {"name": name, "title": name, "summary": summary, "payload": schema}


def _command_schema(command: SocketCommand) -> Json:
    return {
        "allOf": [
            {"$ref": _REF.format(model=CommandEnvelope.__name__)},
            {"$ref": _REF.format(model=command.schema.__name__)},
        ]
    }


def _model_schemas(namespaces: Namespaces) -> Json:
    models: set[type[BaseModel]] = {Subscribe, Unsubscribe, CommandEnvelope}
    models |= {command.schema for commands in namespaces.values() for command in commands.values()}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, definitions = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    found: Json = definitions["$defs"]
    for model in ordered:  # a command's own fields and the envelope's come in one object
        found[model.__name__].pop("additionalProperties", None)
    return found


def _rooms_text(kinds: Iterable[RoomKind]) -> str:
    lines = []
    for kind in kinds:
        name = f"{kind.name}:<code>" if kind.takes_argument else kind.name
        lines.append(f"- `{name}`, audiences {', '.join(sorted(kind.views))}")
    return "Rooms:\n" + "\n".join(lines)


def asyncapi_document(rooms: Rooms, namespaces: Namespaces) -> Json:
    """The whole document, ready to be served as JSON."""
    channels: Json = {}
    operations: Json = {}
    for namespace, commands in namespaces.items():
        name = namespace.strip("/")
        kinds = [kind for (place, _), kind in rooms.kinds.items() if place == namespace]
        channels[name] = _channel(namespace, commands, kinds)
        operations |= _operations(name, commands)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "hms-rt sockets", "version": __version__, "description": _NOTES},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"schemas": {**_model_schemas(namespaces), **_wire_schemas()}},
    }


def _channel(namespace: str, commands: Mapping[str, SocketCommand], kinds: list[RoomKind]) -> Json:
    messages = {
        "subscribe": _message("subscribe", {"$ref": _REF.format(model="Subscribe")}, "Join a room"),
        "unsubscribe": _message("unsubscribe", {"$ref": _REF.format(model="Unsubscribe")}, "Leave a room"),
        "joined": _message("joined", {"$ref": _REF.format(model="Joined")}, "Acknowledges subscribe"),
        "done": _message("done", {"$ref": _REF.format(model="Done")}, "Acknowledges a command"),
        "refused": _message("refused", {"$ref": _REF.format(model="Refused")}, "Refuses any event"),
    }
    for event, (schema, summary) in SENT.items():
        messages[event] = _message(event, {"$ref": _REF.format(model=schema)}, summary)
    for event, command in commands.items():
        summary = f"{command.summary} (permission {command.permission})"
        messages[event] = _message(event, _command_schema(command), summary)
    return {"address": namespace, "description": _rooms_text(kinds), "messages": messages}


def _operations(name: str, commands: Mapping[str, SocketCommand]) -> Json:
    channel = {"$ref": f"#/channels/{name}"}

    def messages(*events: str) -> list[Json]:
        return [{"$ref": f"#/channels/{name}/messages/{event}"} for event in events]

    found: Json = {}
    answers = {"subscribe": "joined", "unsubscribe": "done"} | dict.fromkeys(commands, "done")
    for event, answer in answers.items():
        found[f"{name}.{event}"] = {
            "action": "receive",
            "channel": channel,
            "messages": messages(event),
            "reply": {"channel": channel, "messages": messages(answer, "refused")},
        }
    for event in SENT:
        found[f"{name}.{event}"] = {"action": "send", "channel": channel, "messages": messages(event)}
    return found


def asyncapi_routes(rooms: Rooms, namespaces: Namespaces) -> list[web.RouteDef]:
    """Serves the document at ``/asyncapi.json``; it is made when first asked for."""

    @cache
    def body() -> bytes:
        return orjson.dumps(asyncapi_document(rooms, namespaces))

    async def asyncapi(_: web.Request) -> web.Response:
        return web.Response(body=body(), content_type="application/json")

    return [web.get("/asyncapi.json", asyncapi)]
