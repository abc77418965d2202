"""Which view of a stream a principal gets. Chosen by the server, never asked for by the client."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

MASK = "Restricted"
"""What is shown instead of the name of a restricted patient."""


class Audience(StrEnum):
    """Audiences, from the widest allow-list to the narrowest."""

    CLINICAL = "clinical"  # those who treat the patients shown
    STAFF = "staff"  # those who work there but do not treat
    SELLER = "seller"  # those who sell at a counter: the drawer there, and no invoice of the cashiers
    DISPLAY = "display"  # a screen that visitors can read: no name, no flag
    OWN = "own"  # the principal's own notifications


def masked(value: Mapping[str, Any], *, mrn: bool) -> Mapping[str, Any]:
    """``value`` as those see it who do not treat: without the name of a restricted patient.

    ``mrn``: keep the record number, for those who handle a tube or a medicine of the patient and must know
    whose it is. Ids stay: by them an audited way leads to the record.
    """
    if not value.get("restricted"):
        return value
    hidden: dict[str, Any] = {"patient_name": MASK}
    if not mrn:
        hidden["mrn"] = ""
    return {**value, **hidden}
