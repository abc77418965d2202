"""Warnings that are gone past, each with its reason."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Protocol, TypeVar

from hms_rt.departments.pharmacy.model.safety import SafetyWarning, WarningKind
from hms_rt.departments.pharmacy.schemas.prescriptions import OverrideIn
from hms_rt.kernel.errors import Code, HmsError


class Warned(Protocol):
    """What prescriber and seller are warned of alike."""

    @property
    def kind(self) -> WarningKind:
        """What the matter is."""

    @property
    def medicine(self) -> str:
        """Which medicine it is about."""


W = TypeVar("W", bound=Warned)
K = TypeVar("K", bound=Hashable)


def overridden(
    raised: Sequence[SafetyWarning], overrides: Sequence[OverrideIn]
) -> list[tuple[SafetyWarning, str]]:
    """Each warning of a prescription with the reason to go past it, by line; raises as :func:`gone_past`."""
    return gone_past(
        raised,
        {(one.line_id, one.kind): one.reason for one in overrides},
        lambda one: (one.line_id, one.kind),
        lambda one: {"line_id": str(one.line_id)},
        "read them",
    )


def gone_past(
    raised: Sequence[W],
    reasons: Mapping[K, str],
    key: Callable[[W], K],
    place: Callable[[W], dict[str, str]],
    first: str,
) -> list[tuple[W, str]]:
    """Each warning with the reason to go past it; raises ``conflict`` that names those without.

    The refusal says no more than ``place``, kind and medicine, and what to do ``first``: what the patient is
    allergic to is clinical.
    """
    open_ones = [one for one in raised if key(one) not in reasons]
    if open_ones:
        kinds = ", ".join(sorted({one.kind.value for one in open_ones}))
        named = [{**place(one), "kind": one.kind.value, "medicine": one.medicine} for one in open_ones]
        raise HmsError(
            Code.CONFLICT,
            f"warnings need a reason to go past them: {kinds}; {first}, then send overrides",
            fields={"warnings": named},
        )
    return [(one, reasons[key(one)]) for one in raised]
