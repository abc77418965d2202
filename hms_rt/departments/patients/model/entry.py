"""What may stand in an entry of the clinical record, by kind.

Bodies are free documents within bounds: names of fields in snake case, whole numbers, decimals as
strings (so that what is read is what was written, digit by digit), and a few fields every kind needs.
"""

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from hms_rt.kernel.errors import Code, HmsError, conflict

MAX_DEPTH = 6
MAX_NODES = 400
MAX_TEXT = 20_000
MAX_TOTAL_TEXT = 60_000
MAX_VITALS = 40
MAX_INT = 2**53
MAX_ATTACHMENT = 180_000
"""Bytes of what is attached to a document; larger things are kept elsewhere and linked."""
MAX_BASE64 = MAX_ATTACHMENT // 3 * 4

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")


class EntryKind(StrEnum):
    """Kinds of entries."""

    NOTE = "note"
    NURSING_NOTE = "nursing_note"
    MEDICAL_NOTE = "medical_note"
    ENCOUNTER = "encounter"
    VITALS = "vitals"
    DIAGNOSIS = "diagnosis"
    PROCEDURE = "procedure"
    MEDICATION = "medication"
    DOCUMENT = "document"


class ContextKind(StrEnum):
    """During what an entry was written."""

    VISIT = "visit"  # of an outpatient
    ADMISSION = "admission"


@dataclass(frozen=True, slots=True)
class Context:
    """The visit or admission that an entry belongs to."""

    kind: ContextKind
    id: uuid.UUID


class EntryState(StrEnum):
    """Where an entry stands, derived from the entries that refer to it."""

    CURRENT = "current"
    CORRECTED = "corrected"  # a later entry supersedes it
    ENTERED_IN_ERROR = "entered_in_error"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, never changed. A row that is ``entered_in_error`` retracts the one it ``supersedes``."""

    id: uuid.UUID
    patient_id: uuid.UUID
    kind: str
    document_id: uuid.UUID
    occurred_at: datetime
    recorded_at: datetime
    author: uuid.UUID
    supersedes: uuid.UUID | None
    entered_in_error: bool
    context: Context | None = None
    schema_version: int | None = None
    state: EntryState = EntryState.CURRENT

    def check_correctable(self, kind: str) -> None:
        """Raises ``conflict`` unless this entry is the newest of its line and of the same ``kind``."""
        if self.state is not EntryState.CURRENT or self.entered_in_error:
            raise conflict("that entry was corrected or retracted before: read the record again")
        if self.kind != kind:
            raise conflict(f"that entry is of kind {self.kind}: it cannot be replaced by {kind}")


REQUIRED_TEXT: Mapping[EntryKind, str] = {
    EntryKind.NOTE: "text",
    EntryKind.NURSING_NOTE: "text",
    EntryKind.MEDICAL_NOTE: "text",
    EntryKind.ENCOUNTER: "reason",
    EntryKind.DOCUMENT: "title",
    EntryKind.DIAGNOSIS: "text",
    EntryKind.PROCEDURE: "name",
    EntryKind.MEDICATION: "name",
}
"""The field that every body of a kind must carry, as text."""

VITAL_BOUNDS: Mapping[str, tuple[str, str]] = {
    "systolic": ("20", "320"),  # mmHg
    "diastolic": ("5", "220"),  # mmHg
    "mean_arterial_pressure": ("10", "260"),  # mmHg
    "heart_rate": ("0", "400"),  # per minute; 0 is asystole
    "respiratory_rate": ("0", "150"),  # per minute
    "temperature_c": ("10", "47"),
    "spo2_percent": ("0", "100"),
    "fio2_percent": ("21", "100"),
    "glucose_mmol_l": ("0", "120"),
    "weight_kg": ("0.2", "700"),
    "height_cm": ("15", "280"),
    "pain_score": ("0", "10"),  # numeric rating scale
    "gcs": ("3", "15"),  # Glasgow Coma Scale
}
"""Least and greatest value that a living body or a working device shows: wide enough never to refuse a true
reading, narrow enough to catch a slip of the keyboard. Other keys are allowed without bounds."""


def _invalid(field: str, problem: str) -> HmsError:
    return HmsError(
        Code.INVALID, f"{field}: {problem}", fields={"problems": [{"field": field, "problem": problem}]}
    )


def check_body(kind: str, body: Mapping[str, Any]) -> None:
    """Raises ``invalid`` unless ``body`` keeps within the bounds of every body and of ``kind``."""
    _check_free({name: value for name, value in body.items() if not _attached(kind, name)})
    if kind == EntryKind.VITALS:
        _check_vitals(body)
    field = REQUIRED_TEXT.get(EntryKind(kind)) if kind in frozenset(EntryKind) else None
    if field is not None:
        text = body.get(field)
        if not isinstance(text, str) or not text.strip():
            raise _invalid(f"body.{field}", f"a {kind} needs this text")


def _attached(kind: str, field: str) -> bool:
    return kind == EntryKind.DOCUMENT and field == "content"


def with_attachment(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """``body`` as it is stored, with the measure of what is attached. Raises ``invalid``, ``too_large``."""
    stored = dict(body)
    content = stored.get("content")
    if kind != EntryKind.DOCUMENT or content is None:
        return stored
    if not isinstance(content, str) or len(content) > MAX_BASE64:
        raise HmsError(Code.TOO_LARGE, f"body.content: base64 of at most {MAX_ATTACHMENT:,} bytes")
    try:
        attached = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("body.content", "is not base64") from None
    if not attached:
        raise _invalid("body.content", "is empty")
    return {**stored, "size": len(attached), "sha256": hashlib.sha256(attached).hexdigest()}


def without_attachment(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """``body`` as lists show it: of what is attached only size and digest."""
    return {name: value for name, value in body.items() if not _attached(kind, name)}


def _check_free(body: Mapping[str, Any]) -> None:
    """Bounds that hold for every body: depth, number of values, text, numbers, names of fields."""
    waiting: list[tuple[str, Any, int]] = [("body", body, 0)]
    nodes = 0
    characters = 0
    while waiting:
        where, value, depth = waiting.pop()
        nodes += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise _invalid("body", f"at most {MAX_DEPTH} levels and {MAX_NODES} values")
        if isinstance(value, Mapping):
            waiting.extend((_key(where, key), item, depth + 1) for key, item in value.items())
        elif isinstance(value, list):
            waiting.extend((where, item, depth + 1) for item in value)
        else:
            characters += _check_leaf(where, value)
            if characters > MAX_TOTAL_TEXT:
                raise _invalid("body", f"at most {MAX_TOTAL_TEXT} characters of text")


def _key(where: str, key: str) -> str:
    if not _KEY.fullmatch(key):
        raise _invalid(where, "names of fields are a to z, 0 to 9 and _, at most 40, a letter first")
    return f"{where}.{key}"


def _check_leaf(where: str, value: object) -> int:
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise _invalid(where, f"at most {MAX_TEXT} characters")
        if any(ord(c) < 32 and c not in "\t\n\r" for c in value):
            raise _invalid(where, "must not contain control characters")
        return len(value)
    if isinstance(value, float):
        raise _invalid(where, 'write a decimal as a string, such as "36.6"')
    if isinstance(value, int) and not -MAX_INT <= value <= MAX_INT:
        raise _invalid(where, "the number is too large")
    return 0


def _check_vitals(body: Mapping[str, Any]) -> None:
    if not 1 <= len(body) <= MAX_VITALS:
        raise _invalid("body", f"1 to {MAX_VITALS} readings")
    read = {key: _reading(key, value) for key, value in body.items()}
    if "systolic" in read and "diastolic" in read and read["systolic"] <= read["diastolic"]:
        raise _invalid("body.systolic", "must be above diastolic")


def _reading(key: str, value: object) -> Decimal:
    field = f"body.{key}"
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _invalid(field, "a reading is a whole number or a decimal string")
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise _invalid(field, 'a decimal is written like "36.6"')
    number = Decimal(value)
    low, high = VITAL_BOUNDS.get(key, (None, None))
    if low is not None and high is not None and not Decimal(low) <= number <= Decimal(high):
        raise _invalid(field, f"must lie between {low} and {high}")
    return number
