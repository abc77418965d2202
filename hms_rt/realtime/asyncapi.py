"""The AsyncAPI 3 document of the sockets, made from the room kinds, command tables and wire schemas.

``receive`` and ``send`` are the server's point of view, as the specification has it.
"""

import inspect
from collections.abc import Iterable, Mapping
from functools import cache

import orjson
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from hms_rt import __version__
from hms_rt.kernel.schema import DocumentSchemas
from hms_rt.realtime.admission import WAITING
from hms_rt.realtime.fanout import CONFLATE_BYTES
from hms_rt.realtime.frames import MAX_MESSAGE_BYTES
from hms_rt.realtime.namespace import MAX_BUSY
from hms_rt.realtime.outlet import READY_BYTES
from hms_rt.realtime.pace import MESSAGE_BURST, MESSAGE_BYTES, MESSAGES_PER_SECOND
from hms_rt.realtime.pulse import HEARTBEAT_S, STUCK_S
from hms_rt.realtime.rooms import RoomKind, Rooms
from hms_rt.realtime.sent import Json, object_schema, wire_schemas
from hms_rt.realtime.server import CONNECT_S, Limits
from hms_rt.realtime.subscriber import EVENT_BURST, EVENTS_PER_SECOND, MAX_ROOMS
from hms_rt.realtime.wire import CommandEnvelope, SocketCommand, Subscribe, Unsubscribe

Namespaces = Mapping[str, Mapping[str, SocketCommand]]

STALE_S = 15.0
"""Silence after which a board says that it is stale."""

_REF = "#/components/schemas/{model}"

SENT = {
    "change": ("Change", "What one or more commits changed in a room, from version `from` to `to`."),
    "snapshot": ("Snapshot", "Replaces everything: after conflation, a new epoch, or changed rights."),
    "heartbeat": (
        "Heartbeat",
        f"Every {HEARTBEAT_S:g} s while changes are swept; {STALE_S:g} s of silence mean stale.",
    ),
    "revoked": (
        "Revoked",
        "This room is no longer yours. `unavailable` and `conflict` pass: ask again, later each time.",
    ),
    "going_away": ("GoingAway", "Before a restart: come back after this time, which is spread at random."),
}
"""Events of the server: schema and meaning."""

_NOTES = f"""Socket.IO 5 over WebSocket only, JSON text only. The session cookie of `POST /api/v1/auth/login`
authenticates the handshake; a page's Origin must be this server's or listed.

Client rule: epoch differs -> subscribe anew; `to` <= mine -> ignore; `from` <= mine < `to` -> apply;
`from` > mine -> subscribe with `since`.

Limits: {MAX_MESSAGE_BYTES // 1024} KiB a message, {EVENTS_PER_SECOND:g} events a second (bursts of
{EVENT_BURST:g}), {MAX_ROOMS} rooms a connection, {CONNECT_S:g} s from open to the first namespace. A client
that does not read gets one snapshot once it has drained, and is dropped after {STUCK_S:g} s without
progress."""

_CLOSE_CODES = {
    "1000": "the session is over, or the server is going away",
    "1003": "only Socket.IO text messages are understood",
    "1006": f"dropped: {STUCK_S:g} s without progress, or no namespace within {CONNECT_S:g} s",
    "1008": f"a packet was malformed, or over {MESSAGES_PER_SECOND:g} messages a second went on and on",
    "1009": "the message was too large",
}


def _limits() -> Json:
    return {
        "message_bytes": MAX_MESSAGE_BYTES,
        "binary_messages": 0,
        "messages_per_second": MESSAGES_PER_SECOND,
        "message_burst": MESSAGE_BURST,
        "received_bytes_per_second": MESSAGES_PER_SECOND * MESSAGE_BYTES,
        "events_per_second": EVENTS_PER_SECOND,
        "event_burst": EVENT_BURST,
        "rooms_per_connection": MAX_ROOMS,
        "connections_per_principal": Limits.per_principal,
        "connections_per_address": Limits.per_address,
        "handshakes_waiting": WAITING,
        "connect_s": CONNECT_S,
        "pending_events_per_connection": 1,
        "pending_events_per_process": MAX_BUSY,
        "unread_change_bytes": CONFLATE_BYTES,
        "unread_bytes": READY_BYTES,
        "without_progress_s": STUCK_S,
        "heartbeat_s": HEARTBEAT_S,
        "stale_after_s": STALE_S,
    }


_BEYOND = {
    "message_bytes": "close code 1009",
    "binary_messages": "close code 1003",
    "messages_per_second": "not read from for the while; close code 1008 if it goes on and on",
    "message_burst": "as messages_per_second",
    "received_bytes_per_second": "as messages_per_second",
    "events_per_second": "error rate_limited with retry_after_ms",
    "event_burst": "as events_per_second",
    "rooms_per_connection": "error too_many_rooms",
    "connections_per_principal": "the handshake is refused: 429 rate_limited with Retry-After",
    "connections_per_address": "as connections_per_principal",
    "handshakes_waiting": "the handshake is refused: 503 unavailable with Retry-After",
    "connect_s": "close code 1006",
    "pending_events_per_connection": "the next event is handled when the one before has been answered",
    "pending_events_per_process": "error unavailable with retry_after_ms",
    "unread_change_bytes": "no further change; one snapshot once everything has been read",
    "unread_bytes": "not read from until most has been read",
    "without_progress_s": "close code 1006",
    "heartbeat_s": "not a limit: how often the server proves that its silence means nothing happened",
    "stale_after_s": "the client shows that it is stale",
}
"""What goes beyond a limit gets: an error code, a close code, or has to wait."""


def _message(name: str, schema: Json, summary: str) -> Json:
    return {"name": name, "title": name, "summary": summary, "payload": schema}


def _command_schema(command: SocketCommand) -> Json:
    return {
        "allOf": [
            {"$ref": _REF.format(model=CommandEnvelope.__name__)},
            {"$ref": _REF.format(model=command.schema.__name__)},
        ]
    }


def _answer_model(command: SocketCommand) -> type[BaseModel] | None:
    """What the command answers, as its function is annotated."""
    answer = inspect.signature(command.run).return_annotation
    return answer if isinstance(answer, type) and issubclass(answer, BaseModel) else None


def _answer_schema(model: type[BaseModel]) -> Json:
    return object_schema({"ok": {"const": True}, "result": {"$ref": _REF.format(model=model.__name__)}})


def _model_schemas(namespaces: Namespaces) -> Json:
    models: set[type[BaseModel]] = {Subscribe, Unsubscribe, CommandEnvelope}
    models |= {command.schema for commands in namespaces.values() for command in commands.values()}
    ordered = sorted(models, key=lambda model: model.__name__)
    answers = {_answer_model(command) for commands in namespaces.values() for command in commands.values()}
    told = sorted((model for model in answers if model), key=lambda model: model.__name__)
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in ordered]
    wanted += [(model, "serialization") for model in told]
    _, definitions = models_json_schema(wanted, ref_template=_REF, schema_generator=DocumentSchemas)
    found: Json = definitions["$defs"]
    for model in ordered:  # a command's own fields and the envelope's come in one object
        found[model.__name__].pop("additionalProperties", None)
    return found


def _room(kind: RoomKind) -> Json:
    return {
        "room": f"{kind.name}:{{code}}" if kind.takes_argument else kind.name,
        "parameters": ["code"] if kind.takes_argument else [],
        "audiences": sorted(kind.views),
        "stream": kind.streams.name,
    }


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
        "x-limits": _limits(),
        "x-beyond-limits": _BEYOND,
        "x-close-codes": _CLOSE_CODES,
        "channels": channels,
        "operations": operations,
        "components": {"schemas": {**_model_schemas(namespaces), **wire_schemas()}},
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
        if model := _answer_model(command):
            told = _message(_answer(event, command), _answer_schema(model), f"Acknowledges {event}")
            messages[told["name"]] = told
    return {
        "address": namespace,
        "description": _rooms_text(kinds),
        "messages": messages,
        "x-rooms": [_room(kind) for kind in kinds],
    }


def _answer(event: str, command: SocketCommand) -> str:
    return f"{event}_done" if _answer_model(command) else "done"


def _operations(name: str, commands: Mapping[str, SocketCommand]) -> Json:
    channel = {"$ref": f"#/channels/{name}"}

    def messages(*events: str) -> list[Json]:
        return [{"$ref": f"#/channels/{name}/messages/{event}"} for event in events]

    found: Json = {}
    answers = {"subscribe": "joined", "unsubscribe": "done"}
    answers |= {event: _answer(event, command) for event, command in commands.items()}
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
