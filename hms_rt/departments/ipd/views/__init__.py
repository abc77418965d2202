"""The values of ``ipd/ward:<code>``, the medication of a ward: for those who treat there; and for the
pharmacy, which sees no name of a restricted patient.

What the room shows depends on rows alone, never on the clock: doses that are planned and not accounted for
(a timer makes them overdue), medicines to be given as needed, and the sums.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hms_rt.departments.ipd.model.medication import Dose, Medication
from hms_rt.kernel.audiences import Audience, masked
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.quantity import written

SUM_KEY = "sum"


def ward_stream(ward: str) -> str:
    """The stream of a ward's medication."""
    return f"ipd/ward:{ward}"


def dose_key(dose_id: object) -> str:
    """The key of a dose."""
    return f"dose:{dose_id}"


def as_needed_key(line_id: object) -> str:
    """The key of a medicine to be given as needed."""
    return f"as_needed:{line_id}"


def dose_value(medication: Medication, dose: Dose) -> dict[str, Any]:
    """A dose that is due or overdue."""
    return {
        **_medicine(medication),
        "id": str(dose.id),
        "due_at": rfc3339(dose.due_at),
        "state": dose.state.value,
        "version": dose.version,
    }


def as_needed_value(medication: Medication, given: Sequence[datetime]) -> dict[str, Any]:
    """A medicine to be given as needed; ``recent``: when it was last, as often as it may be in 24 hours."""
    most = medication.max_per_24h or 0
    return {
        **_medicine(medication),
        "max_per_24h": most,
        "recent": [rfc3339(one) for one in sorted(given)[-most:]],
        "starts_at": rfc3339(medication.starts_at),
        "ends_at": rfc3339(medication.ends_at),
    }


def sum_value(due: int, overdue: int) -> dict[str, Any]:
    """How many doses of the ward are planned and on time, and how many are overdue."""
    return {"due": due, "overdue": overdue}


def _medicine(medication: Medication) -> dict[str, Any]:
    return {
        "line_id": str(medication.line_id),
        "admission_id": str(medication.admission_id),
        "patient_id": str(medication.patient_id),
        "patient_name": medication.patient_name,
        "mrn": medication.mrn,
        "restricted": medication.restricted,
        "name": medication.name,
        "dose": written(medication.dose),
        "dose_unit": medication.dose_unit,
        "route": medication.route,
        "controlled": medication.controlled,
        "note": medication.note,
    }


def staff(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pharmacy, which makes ready what the ward gives: a restricted patient by MRN alone."""
    return masked(value, mrn=True)


def named(audience: Audience, medication: Medication) -> Mapping[str, Any]:
    """Whose medication it is, as far as the audience may know."""
    value = {
        "patient_name": medication.patient_name,
        "mrn": medication.mrn,
        "restricted": medication.restricted,
    }
    return value if audience is Audience.CLINICAL else staff("", value)
