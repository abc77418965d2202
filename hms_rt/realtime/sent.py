"""JSON schemas of what the server sends: events and acknowledgements.

The server writes these messages by hand, because speed counts there; a test holds what it sends to this.
"""

from collections.abc import Mapping
from typing import Any

from hms_rt.kernel.errors import Code

Json = dict[str, Any]

REVOKED = (Code.FORBIDDEN, Code.UNAUTHENTICATED, Code.UNKNOWN_ROOM, Code.UNAVAILABLE, Code.CONFLICT)
"""Why a room is taken away: rights, session, room gone; or the rights could not be looked up just now."""

_TIME = {"type": "string", "format": "date-time"}
_VERSION = {"type": "integer", "minimum": 0}
_EPOCH = {"type": "string", "description": "Opaque. Another one than yours: subscribe anew."}
_ROOM = {"type": "string"}


def object_schema(required: Mapping[str, Json], **optional: Json) -> Json:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": sorted(required),
        "additionalProperties": False,
    }


def _op() -> Json:
    put = object_schema(
        {
            "op": {"const": "put"},
            "key": {"type": "string"},
            "value": {"type": "object"},
            "cause": {"type": "string"},
        }
    )
    remove = object_schema(
        {"op": {"const": "remove"}, "key": {"type": "string"}, "cause": {"type": "string"}}
    )
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
    missed = object_schema({"from": _VERSION, "to": _VERSION, "at": _TIME, "ops": _ops()})
    return {
        "oneOf": [
            object_schema({**common, "mode": {"const": "snapshot"}, "state": _state()}),
            object_schema(
                {**common, "mode": {"const": "resume"}, "changes": {"type": "array", "items": missed}}
            ),
        ]
    }


def wire_schemas() -> Json:
    """Schemas of what the server sends, and of the acknowledgements."""
    revoked = {"type": "string", "enum": [code.value for code in REVOKED]}
    error = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "enum": [code.value for code in Code]},
            "message": {"type": "string"},
            "retry_after_ms": {"type": "integer", "minimum": 0},
        },
        "required": ["code", "message"],
    }
    # Says the same to readers of draft 7, which AsyncAPI is based on, and of later drafts.
    head = {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 2, "maxItems": 2}
    head["description"] = "Epoch and version"
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
        "Change": object_schema(change),
        "Snapshot": object_schema({**snapshot, "as_of": _TIME, "state": _state()}),
        "Heartbeat": object_schema({"at": _TIME, "heads": heads}),
        "Revoked": object_schema({"room": _ROOM, "code": revoked}),
        "GoingAway": object_schema({"retry_in_ms": {"type": "integer", "minimum": 0}}),
        "Joined": _joined(),
        "Done": object_schema({"ok": {"const": True}}),
        "Refused": object_schema({"ok": {"const": False}, "error": error}),
    }
