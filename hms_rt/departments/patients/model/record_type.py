"""Kinds of record entries: what is built in, and what a hospital defines or adds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from hms_rt.departments.patients.model.entry import MAX_BASE64, EntryKind
from hms_rt.kernel.errors import Code, HmsError

Schema = Mapping[str, Any]


class WrittenAs(StrEnum):
    """Who writes entries of a hospital's own kind: whoever writes this."""

    NOTE = "note"
    VITALS = "vitals"
    DIAGNOSIS = "diagnosis"


@dataclass(frozen=True, slots=True)
class RecordType:
    """A definition by the hospital: of a kind of its own, or of what it adds to a built-in one.

    ``written_as`` is None exactly for a built-in kind. ``schema`` is JSON Schema 2020-12.
    """

    code: str
    name: str
    written_as: WrittenAs | None
    schema: Schema
    active: bool
    version: int
    updated_at: datetime
    updated_by: UUID


def check_writer(code: str, written_as: WrittenAs | None) -> None:
    """Raises ``invalid`` unless a kind of the hospital's own says who writes it; a built-in one must not."""
    built_in = code in frozenset(EntryKind)
    if built_in and written_as is not None:
        raise HmsError(Code.INVALID, "written_as: a built-in kind is written by those who always wrote it")
    if not built_in and written_as is None:
        raise HmsError(Code.INVALID, "written_as: say who writes a kind of your own")


def _text(field: str, **more: Schema) -> Schema:
    """A body with one text that it must have; further fields are free."""
    words = {"type": "string", "minLength": 1, "maxLength": 20_000}
    return {"type": "object", "properties": {field: words, **more}, "required": [field]}


_LINE: Schema = {"type": "string", "maxLength": 500}
_CODE: Schema = {"type": "string", "minLength": 1, "maxLength": 80}

BUILT_IN: Mapping[EntryKind, tuple[str, Schema]] = {
    EntryKind.NOTE: ("Note", _text("text")),
    EntryKind.NURSING_NOTE: ("Nursing note", _text("text", shift=_LINE)),
    EntryKind.MEDICAL_NOTE: ("Medical note", _text("text")),
    EntryKind.ENCOUNTER: (
        "Encounter",
        _text("reason", findings={"type": "string"}, assessment={"type": "string"}, plan={"type": "string"}),
    ),
    EntryKind.VITALS: (
        "Vital signs",
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 40,
            "additionalProperties": {"type": ["integer", "string"], "maxLength": 20},
            "description": "Readings, whole or as decimal strings; systolic is above diastolic.",
        },
    ),
    EntryKind.DIAGNOSIS: (
        "Diagnosis",
        {
            **_text("text", code=_CODE, code_system=_CODE),
            "dependentRequired": {"code_system": ["code"]},
            "description": "`code` of `code_system` (such as ICD-10), and in words.",
        },
    ),
    EntryKind.PROCEDURE: ("Procedure", _text("name", code=_CODE, code_system=_CODE)),
    EntryKind.MEDICATION: ("Medication", _text("name", code=_CODE, code_system=_CODE)),
    EntryKind.DOCUMENT: (
        "Document",
        {
            **_text(
                "title",
                media_type={
                    "enum": ["application/pdf", "image/jpeg", "image/png", "text/plain", "application/dicom"]
                },
                filename={"type": "string", "maxLength": 200},
                content={"type": "string", "maxLength": MAX_BASE64, "contentEncoding": "base64"},
                size={"type": "integer"},
                sha256={"type": "string"},
            ),
            "dependentRequired": {"content": ["media_type"]},
            "description": "`content` in base64; `size` and `sha256` are added by the server.",
        },
    ),
}
"""Kind -> name and JSON Schema of the body. Bounds of readings are checked beyond that (``entry``)."""
