"""The values of beds' streams, and what each audience sees of them (allow-lists)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.beds.model import BedStatus
from hms_rt.kernel.clock import rfc3339

HOSPITAL_STREAM = "beds/hospital"

DISPLAY_FIELDS = frozenset({"code", "room", "status"})
STAFF_FIELDS = frozenset({*DISPLAY_FIELDS, "id", "isolation", "since", "reserved_until", "version"})


def ward_stream(ward: str) -> str:
    """The stream of a ward's board."""
    return f"beds/ward:{ward}"


def bed_key(bed_id: object) -> str:
    """The key of a bed on its ward's stream."""
    return f"bed:{bed_id}"


def bed_value(row: Row[Any]) -> dict[str, Any]:
    """A row of ``repository.board_rows`` as the stream's value."""
    occupant = None
    if row.patient_id is not None:
        occupant = {
            "stay_id": str(row.stay_id),
            "patient_id": str(row.patient_id),
            "name": row.patient_name,
            "mrn": row.mrn,
            "sex": row.sex,
            "birth_date": row.birth_date.isoformat() if row.birth_date else None,
            "since": rfc3339(row.occupied_since),
        }
    return {
        "id": str(row.id),
        "code": row.code,
        "room": row.room_code,
        "status": row.status,
        "isolation": row.isolation,
        "since": rfc3339(row.since),
        "reserved_until": rfc3339(row.reserved_until) if row.reserved_until else None,
        "version": row.version,
        "occupant": occupant,
    }


def occupancy_value(row: Row[Any]) -> dict[str, int]:
    """A row of occupancy as the ward stream's value."""
    counts = {status.value: getattr(row, status.value) for status in BedStatus}
    return {"total": sum(counts.values()), **counts}


def hospital_value(row: Row[Any], name: str) -> dict[str, Any]:
    """A row of occupancy as the hospital stream's value."""
    return {"code": row.ward_code, "name": name, **occupancy_value(row)}


def display(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A corridor board: no name, no isolation, no identifiers."""
    return _bed_fields(key, value, DISPLAY_FIELDS)


def staff(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those who run the ward but do not treat: everything but who is in the bed."""
    return _bed_fields(key, value, STAFF_FIELDS)


def _bed_fields(key: str, value: Mapping[str, Any], fields: frozenset[str]) -> Mapping[str, Any]:
    if not key.startswith("bed:"):
        return value
    return {name: item for name, item in value.items() if name in fields}
