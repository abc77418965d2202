"""The values of beds' streams, and what each audience sees of them (allow-lists)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.beds.model import BedStatus
from hms_rt.kernel.clock import rfc3339

HOSPITAL_STREAM = "beds/hospital"

DISPLAY_FIELDS = frozenset({"code", "room", "kind", "status", "reserved_until"})
STAFF_FIELDS = frozenset(
    {
        *DISPLAY_FIELDS,
        "id",
        "features",
        "isolation",
        "isolation_kind",
        "room_isolation",
        "since",
        "out_of_service_reason",
        "expected_back_at",
        "leaving_since",
        "beside",
        "cleaning",
        "version",
    }
)
CLEANING_ON_DISPLAY = frozenset({"state", "due_at"})


def ward_stream(ward: str) -> str:
    """The stream of a ward's board."""
    return f"beds/ward:{ward}"


def bed_key(bed_id: object) -> str:
    """The key of a bed on its ward's stream."""
    return f"bed:{bed_id}"


def cleaning_stream(ward: str) -> str:
    """The stream of a ward's open requests to housekeeping."""
    return f"beds/cleaning:{ward}"


def cleaning_key(cleaning_id: object) -> str:
    """The key of a request on its ward's stream."""
    return f"request:{cleaning_id}"


def cleaning_value(row: Row[Any]) -> dict[str, Any]:
    """A row of ``repository.cleaning.shown`` as the stream's value. Nothing of a patient is in it."""
    return {
        "id": str(row.id),
        "bed_id": str(row.bed_id),
        "ward": row.ward_code,
        "room": row.room_code,
        "bed": row.code,
        "kind": row.kind,
        "state": row.state,
        "note": row.note,
        "requested_at": rfc3339(row.requested_at),
        "due_at": rfc3339(row.due_at),
        "claimed_at": _moment(row.claimed_at),
        "claimed_by": str(row.claimed_by) if row.claimed_by else None,
        "claimed_by_name": row.claimed_by_name,
        "finished_at": _moment(row.finished_at),
        "overdue_at": _moment(row.overdue_at),
        "version": row.version,
    }


def bed_value(row: Row[Any]) -> dict[str, Any]:
    """A row of ``repository.board.board_rows`` as the stream's value."""
    return {
        "id": str(row.id),
        "code": row.code,
        "room": row.room_code,
        "kind": row.kind,
        "features": list(row.features),
        "status": row.status,
        "isolation": row.isolation,
        "isolation_kind": row.isolation_kind,
        "organism": row.organism,
        "room_isolation": row.room_isolation,
        "room_organism": row.room_organism,
        "since": rfc3339(row.since),
        "reserved_until": _moment(row.reserved_until),
        "out_of_service_reason": row.out_of_service_reason,
        "expected_back_at": _moment(row.expected_back_at),
        "leaving_since": _moment(row.leaving_since),
        "beside": row.beside,
        "cleaning": _cleaning(row),
        "hold": _hold(row),
        "occupant": _occupant(row),
        "version": row.version,
    }


def _occupant(row: Row[Any]) -> dict[str, Any] | None:
    if row.patient_id is None:
        return None
    return {
        "stay_id": str(row.stay_id),
        "patient_id": str(row.patient_id),
        "name": row.patient_name,
        "mrn": row.mrn,
        "sex": row.sex,
        "birth_date": row.birth_date.isoformat() if row.birth_date else None,
        "since": rfc3339(row.occupied_since),
        "outstanding": row.outstanding,
    }


def _hold(row: Row[Any]) -> dict[str, Any] | None:
    if row.hold_admission_id is None:
        return None
    return {
        "admission_id": str(row.hold_admission_id),
        "patient_id": str(row.hold_patient_id),
        "name": row.hold_name,
        "mrn": row.hold_mrn,
        "from_ward": row.hold_from_ward,
        "from_bed": row.hold_from_bed,
    }


def _cleaning(row: Row[Any]) -> dict[str, Any] | None:
    if row.cleaning_id is None:
        return None
    return {
        "id": str(row.cleaning_id),
        "kind": row.cleaning_kind,
        "state": row.cleaning_state,
        "due_at": rfc3339(row.cleaning_due_at),
    }


def _moment(at: datetime | None) -> str | None:
    return rfc3339(at) if at is not None else None


def occupancy_value(row: Row[Any]) -> dict[str, int]:
    """A row of occupancy as the ward stream's value."""
    counts = {status.value: getattr(row, status.value) for status in BedStatus}
    return {"total": sum(counts.values()), **counts}


def hospital_value(row: Row[Any], name: str) -> dict[str, Any]:
    """A row of occupancy as the hospital stream's value."""
    return {"code": row.ward_code, "name": name, **occupancy_value(row)}


def display(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A corridor board: no name, no isolation, no identifiers; but until when a bed is held or cleaned."""
    shown = dict(_bed_fields(key, value, DISPLAY_FIELDS))
    if key.startswith("bed:"):
        cleaning = value.get("cleaning")
        shown["cleaning"] = cleaning and {name: cleaning[name] for name in sorted(CLEANING_ON_DISPLAY)}
    return shown


def staff(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those who run the ward but do not treat: everything but who is in the bed."""
    return _bed_fields(key, value, STAFF_FIELDS)


def _bed_fields(key: str, value: Mapping[str, Any], fields: frozenset[str]) -> Mapping[str, Any]:
    if not key.startswith("bed:"):
        return value
    return {name: item for name, item in value.items() if name in fields}
