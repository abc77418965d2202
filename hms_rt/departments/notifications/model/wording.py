"""What notifications say: phrases with slots, put into words in the language of whoever reads. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

FALLBACK = "en"


class Phrase(StrEnum):
    """Everything that is said; the words stand in ``texts``."""

    CRITICAL_LOW = "critical_low"
    CRITICAL_HIGH = "critical_high"
    CRITICAL_LOW_AGAIN = "critical_low_again"  # escalated: nobody acknowledged it
    CRITICAL_HIGH_AGAIN = "critical_high_again"
    CRITICAL_WITHDRAWN = "critical_withdrawn"
    CRITICAL_ACKNOWLEDGED = "critical_acknowledged"
    RESULT_CORRECTED = "result_corrected"
    SPECIMEN_REJECTED = "specimen_rejected"
    REVIEW_DUE_ALONE = "review_due_alone"
    REVIEW_DUE_CORRECTED = "review_due_corrected"
    REVIEW_OVERDUE_ALONE = "review_overdue_alone"
    REVIEW_OVERDUE_CORRECTED = "review_overdue_corrected"
    CLEANING_OVERDUE = "cleaning_overdue"
    TIMER_FAILED = "timer_failed"
    GLASS_RESTRICTED = "glass_restricted"
    GLASS_ELSEWHERE = "glass_elsewhere"
    GROUP_LEFT = "group_left"
    ROTA_JOINED = "rota_joined"
    ROTA_ENDED = "rota_ended"
    SHIFT_GIVEN = "shift_given"
    SHIFT_CANCELLED = "shift_cancelled"
    SHIFT_COVERED = "shift_covered"
    COVER_CANCELLED = "cover_cancelled"
    ON_CALL_GAP = "on_call_gap"
    LOT_RECALLED = "lot_recalled"
    LOT_RECALLED_GOT = "lot_recalled_got"
    NOT_DISPENSED = "not_dispensed"
    STOCK_LOW = "stock_low"
    STOCK_EXPIRED = "stock_expired"
    STOCK_NEAR_EXPIRY = "stock_near_expiry"
    ALLERGY_ALERT = "allergy_alert"
    WEBHOOK_FAILED = "webhook_failed"


@dataclass(frozen=True, slots=True)
class Wording:
    """A phrase with what stands in its slots; slots hold names of things and numbers, never of patients."""

    phrase: Phrase
    slots: Mapping[str, str] = field(default_factory=dict)


def say(phrase: Phrase, **slots: object) -> Wording:
    """``phrase`` with these slots."""
    return Wording(phrase, {name: str(value) for name, value in slots.items()})
