"""Warnings that are gone past, each with its reason."""

from collections.abc import Sequence

from hms_rt.departments.pharmacy.model.safety import SafetyWarning
from hms_rt.departments.pharmacy.schemas.prescriptions import OverrideIn
from hms_rt.kernel.errors import Code, HmsError


def overridden(
    raised: Sequence[SafetyWarning], overrides: Sequence[OverrideIn]
) -> list[tuple[SafetyWarning, str]]:
    """Each warning with the reason to go past it; raises ``conflict`` that names those without, by line.

    The refusal says no more than kind, line and medicine: what the patient is allergic to is clinical.
    """
    reasons = {(one.line_id, one.kind): one.reason for one in overrides}
    open_ones = [one for one in raised if (one.line_id, one.kind) not in reasons]
    if open_ones:
        named = [
            {"line_id": str(one.line_id), "kind": one.kind.value, "medicine": one.medicine}
            for one in open_ones
        ]
        kinds = ", ".join(sorted({one.kind.value for one in open_ones}))
        raise HmsError(
            Code.CONFLICT,
            f"warnings need a reason to go past them: {kinds}; read them, then send overrides",
            fields={"warnings": named},
        )
    return [(one, reasons[one.line_id, one.kind]) for one in raised]
