"""The values of the pharmacy's streams, and what each audience sees of them (allow-lists).

Room ``dispensary:<code>`` shows the prescriptions that the dispensary has to fill, or that are on hold there.
Which these are depends on rows alone, never on the clock.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hms_rt.departments.pharmacy.model.prescription import Line, Prescription, PrescriptionState
from hms_rt.departments.pharmacy.model.shelf import Shelf
from hms_rt.departments.pharmacy.model.stock import Held
from hms_rt.kernel.audiences import masked
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.quantity import written


def dispensary_stream(code: str) -> str:
    """The stream of a dispensary's queue."""
    return f"pharmacy/dispensary:{code}"


def prescription_key(prescription_id: object) -> str:
    """The key of a prescription on every stream."""
    return f"prescription:{prescription_id}"


def prescription_value(prescription: Prescription, lines: Sequence[Line], *, ready: bool) -> dict[str, Any]:
    """A prescription as the dispensary's stream holds it; ``ready``: something of it can be picked up."""
    return {
        "id": str(prescription.id),
        "number": prescription.number,
        "patient_id": str(prescription.patient_id),
        "patient_name": prescription.patient_name,
        "mrn": prescription.mrn,
        "restricted": prescription.restricted,
        "ward": prescription.ward,
        "clinic": prescription.clinic,
        "take_home": prescription.take_home,
        "state": prescription.state.value,
        "ready": ready and prescription.state is not PrescriptionState.ON_HOLD,
        "prescribed_at": rfc3339(prescription.prescribed_at),
        "lines": [_line(line) for line in lines],
        "version": prescription.version,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "medicine": line.medicine,
        "name": line.name,
        "quantity": written(line.quantity),
        "dispensed": written(line.dispensed),
        "dispense_unit": line.dispense_unit,
        "controlled": line.controlled,
        "not_dispensed": line.not_dispensed is not None,
        "allergy_alert": line.allergy_alert,
    }


def staff(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The dispensary: a restricted patient has a number and an MRN, and that is what handing over needs."""
    return masked(value, mrn=True)


def pick_up(key: str, value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A screen before the counter: number and state of what is picked up there; nothing of the wards."""
    if value["ward"] is not None and not value["take_home"]:
        return None
    return {"number": value["number"], "state": value["state"], "ready": value["ready"]}


def stock_stream(store: str) -> str:
    """The stream of a store's stock."""
    return f"pharmacy/stock:{store}"


def lot_key(lot_id: object) -> str:
    """The key of a lot on the streams of stock."""
    return f"lot:{lot_id}"


def shelf_key(medicine: str) -> str:
    """The key of what a store has of a medicine, of all its lots."""
    return f"medicine:{medicine}"


def shelf_value(shelf: Shelf) -> dict[str, Any]:
    """How much of a medicine a store may hand over, and whether that is little."""
    level = shelf.reorder_level
    return {
        "medicine": shelf.medicine,
        "usable": written(shelf.usable),
        "reorder_level": written(level) if level is not None else None,
        "low": shelf.low,
    }


def stock_value(held: Held) -> dict[str, Any]:
    """How much of a lot a store has."""
    return {
        "lot_id": str(held.lot.id),
        "medicine": held.lot.medicine,
        "lot": held.lot.number,
        "expires_on": held.lot.expires_on.isoformat(),
        "recalled": held.lot.recalled_at is not None,
        "expired": held.lot.expired_at is not None,
        "near_expiry": held.near_expiry and held.lot.expired_at is None,
        "quantity": written(held.quantity),
    }
