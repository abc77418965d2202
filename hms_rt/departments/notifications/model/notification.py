"""What a notification is, and what its title may say."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

ROOM_LIMIT = 200
"""Unseen notifications that the room of one user shows; older ones wait in the list."""

MAX_TITLE = 120
_WORD = re.compile(r"\w{3,}")


class Kind(StrEnum):
    """Why somebody is notified."""

    CRITICAL_RESULT = "critical_result"
    CRITICAL_ESCALATED = "critical_escalated"
    CRITICAL_ACKNOWLEDGED = "critical_acknowledged"
    RESULT_RELEASED = "result_released"
    RESULT_CORRECTED = "result_corrected"
    SPECIMEN_REJECTED = "specimen_rejected"
    ADMISSION_REQUESTED = "admission_requested"
    PATIENT_ARRIVED = "patient_arrived"
    PATIENT_TRANSFERRED = "patient_transferred"
    DISCHARGE_ORDERED = "discharge_ordered"
    TOKEN_TRANSFERRED = "token_transferred"  # noqa: S105 - a patient's number in a queue
    REVIEW_DUE = "review_due"
    ON_CALL_CHANGED = "on_call_changed"
    TIMER_FAILED = "timer_failed"
    CLEANING_OVERDUE = "cleaning_overdue"
    GLASS_BROKEN = "glass_broken"
    STOCK_LOW = "stock_low"
    STOCK_NEAR_EXPIRY = "stock_near_expiry"
    STOCK_EXPIRED = "stock_expired"
    LOT_RECALLED = "lot_recalled"
    WEBHOOK_FAILED = "webhook_failed"


class Priority(StrEnum):
    """How loudly to tell."""

    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a notification is about: ``type`` such as ``lab_test``, and its id."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Batch:
    """One telling of several people, and how many of them have seen and acknowledged it."""

    id: uuid.UUID
    sender_id: uuid.UUID
    kind: Kind
    title: str
    subject: Subject
    patient_id: uuid.UUID | None
    priority: Priority
    created_at: datetime
    acknowledge_by: datetime | None
    told: int
    seen: int = 0
    acknowledged: int = 0


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one user.

    ``in_room``: shown in the user's room; false once displaced, and once seen, or acknowledged where that is
    wanted. ``held``: shown when the user's quiet hours end.
    """

    id: uuid.UUID
    user_id: uuid.UUID
    kind: Kind
    title: str
    subject: Subject
    patient_id: uuid.UUID | None
    priority: Priority
    created_at: datetime
    seen_at: datetime | None
    in_room: bool
    batch_id: uuid.UUID | None = None
    wants_acknowledgement: bool = False
    acknowledged_at: datetime | None = None
    expires_at: datetime | None = None
    held: bool = False


def neutral_title(kind: Kind) -> str:
    """A title that says nothing but the kind."""
    return kind.value.replace("_", " ").capitalize()


def lock_screen_title(kind: Kind, title: str, patient_name: str | None) -> str:
    """``title`` as a stranger may read it on a telephone's lock screen: one line, without the patient's name.

    A title that holds a word of the name is replaced by the neutral one: telling comes before wording.
    """
    line = " ".join(title.split())
    if not line or _words(line) & _words(patient_name or ""):
        return neutral_title(kind)
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1] + "…"


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold())) - {"unknown"}
