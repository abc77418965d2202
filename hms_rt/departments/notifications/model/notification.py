"""What a notification is, and what its title may say."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hms_rt.departments.notifications.model.texts import words
from hms_rt.departments.notifications.model.wording import FALLBACK, Wording

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
    ON_CALL_GAP = "on_call_gap"
    TIMER_FAILED = "timer_failed"
    CLEANING_OVERDUE = "cleaning_overdue"
    GLASS_BROKEN = "glass_broken"
    STOCK_LOW = "stock_low"
    STOCK_NEAR_EXPIRY = "stock_near_expiry"
    STOCK_EXPIRED = "stock_expired"
    LOT_RECALLED = "lot_recalled"
    NOT_DISPENSED = "not_dispensed"
    ALLERGY_ALERT = "allergy_alert"
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
class Said:
    """A title: its wording, and, where it has none, the text."""

    title: str
    wording: Wording | None = None

    def title_in(self, language: str) -> str:
        """The title in one of ``texts.LANGUAGES``, on one line; what has no wording is as it was written."""
        return cut(words(self.wording, language)) if self.wording is not None else self.title


@dataclass(frozen=True, slots=True)
class Batch:
    """One telling of several people, and how many of them have seen and acknowledged it."""

    id: uuid.UUID
    sender_id: uuid.UUID
    kind: Kind
    said: Said
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
    wanted. ``held``: shown when the user's quiet hours end. ``language``: that of the room.
    """

    id: uuid.UUID
    user_id: uuid.UUID
    kind: Kind
    said: Said
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
    language: str = FALLBACK

    @property
    def title(self) -> str:
        """As the user's room shows it."""
        return self.said.title_in(self.language)


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
    return cut(line)


def cut(line: str) -> str:
    """As much of a line as a title holds."""
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1] + "…"


def say_safely(kind: Kind, title: str | Wording, patient_name: str | None) -> Said:
    """What is kept of a title: its wording, unless a slot holds a word of the patient's name."""
    if isinstance(title, str):
        return Said(lock_screen_title(kind, title, patient_name))
    written = words(title, FALLBACK)
    shown = lock_screen_title(kind, written, patient_name)
    return Said(shown, title if shown == cut(" ".join(written.split())) else None)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold())) - {"unknown"}
