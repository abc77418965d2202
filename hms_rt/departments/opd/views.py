"""The values of the clinics' streams, and what each audience sees of them (allow-lists)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.opd.model.announcing import Announcement
from hms_rt.departments.opd.model.appointment import Appointment
from hms_rt.departments.opd.model.token import Token
from hms_rt.departments.opd.model.waiting import Pace, Wait, estimate
from hms_rt.kernel.audiences import masked
from hms_rt.kernel.clock import rfc3339

CLINIC_KEY = "clinic"
SUMMARY_KEY = "summary"
LINE_KEY = "line"

DISPLAY_FIELDS = frozenset({"label", "order", "state", "counter", "called_at", "due_at"})
STAFF_FIELDS = frozenset(
    {
        *DISPLAY_FIELDS,
        "id",
        "number",
        "priority",
        "category",
        "origin",
        "day",
        "issued_at",
        "queued_at",
        "serving_at",
        "patient_id",
        "patient_name",
        "mrn",
        "restricted",
        "doctor_id",
        "clinic",
        "version",
    }
)


def clinic_stream(clinic: str) -> str:
    """The stream of a clinic's queue."""
    return f"opd/clinic:{clinic}"


def day_stream(clinic: str) -> str:
    """The stream of a clinic's appointments of the day that it is in."""
    return f"opd/day:{clinic}"


def doctor_stream(doctor_id: object) -> str:
    """The stream of a doctor's own list, over all clinics."""
    return f"opd/doctor:{doctor_id}"


def of_doctor(clinic: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A token's or appointment's value on a doctor's list: there it says in which clinic."""
    return {**value, "clinic": clinic}


def doctor_staff(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A doctor's list for those who receive patients in every clinic; restricted ones without a name."""
    return day_staff(key, value) if key.startswith("appointment:") else staff(key, value)


def appointment_key(appointment_id: object) -> str:
    """The key of an appointment on its clinic's list of the day."""
    return f"appointment:{appointment_id}"


def appointment_value(appointment: Appointment) -> dict[str, Any]:
    """An appointment as the stream's value, for those who receive patients."""
    return {
        "id": str(appointment.id),
        "state": appointment.state.value,
        "starts_at": rfc3339(appointment.starts_at),
        "ends_at": rfc3339(appointment.ends_at),
        "doctor_id": str(appointment.doctor_id),
        "patient_id": str(appointment.patient_id),
        "patient_name": appointment.patient_name,
        "mrn": appointment.mrn,
        "restricted": appointment.restricted,
        "category": appointment.category,
        "note": appointment.note,
        "overbooked": appointment.overbooked,
        "arrived_at": _time(appointment.arrived_at),
        "token_id": str(appointment.token_id) if appointment.token_id is not None else None,
        "version": appointment.version,
    }


def token_key(token_id: object) -> str:
    """The key of a token on its clinic's stream."""
    return f"token:{token_id}"


def counter_key(counter: str) -> str:
    """The key of a counter on its clinic's stream."""
    return f"counter:{counter}"


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment is not None else None


def token_value(token: Token) -> dict[str, Any]:
    """A token as the stream's value. Sorted by ``order``, waiting tokens stand in line."""
    return {
        "id": str(token.id),
        "number": token.number,
        "label": token.label,
        "order": f"{token.priority.rank} {rfc3339(token.queued_at)} {token.number:06}",
        "state": token.state.value,
        "priority": token.priority.value,
        "category": token.category,
        "counter": token.counter,
        "origin": token.origin,
        "day": token.day.isoformat(),
        "issued_at": rfc3339(token.issued_at),
        "queued_at": rfc3339(token.queued_at),
        "due_at": _time(token.due_at),
        "called_at": _time(token.called_at),
        "serving_at": _time(token.serving_at),
        "patient_id": str(token.patient_id) if token.patient_id is not None else None,
        "patient_name": token.patient_name,
        "mrn": token.mrn,
        "restricted": token.restricted,
        "doctor_id": str(token.doctor_id) if token.doctor_id is not None else None,
        "version": token.version,
    }


def clinic_value(code: str, name: str, day: date) -> dict[str, Any]:
    """A clinic as the stream's value."""
    return {"code": code, "name": name, "day": day.isoformat()}


def announcing(clinic: dict[str, Any], said: Sequence[Announcement]) -> dict[str, Any]:
    """A clinic's value with what its screens say, language by language, when somebody is called."""
    return {**clinic, "announcements": [{"language": one.language, "text": one.text} for one in said]}


def line_value(row: Row[Any]) -> dict[str, Any]:
    """So many appointments were called in a row, and so many may be while a walk-in waits: with the times of
    the tokens this is all it takes to know who is next (``model.line``)."""
    return {"in_row": row.in_row, "at_most": row.at_most}


def counter_value(row: Row[Any]) -> dict[str, Any]:
    """A row of counters as the stream's value."""
    return {"code": row.code, "name": row.name, "open": row.open}


def pace(row: Row[Any]) -> Pace:
    """How fast the clinic of a row of ``queues.summary`` serves."""
    return Pace(
        services=row.services,
        mean_s=row.service_mean_s,
        deviation_s=row.service_deviation_s,
        counters=row.active_counters,
        busy=row.called + row.serving,
    )


def summary_value(row: Row[Any]) -> dict[str, Any]:
    """A row of ``queues.summary`` as the stream's value: unfinished tokens of whatever day, finished ones
    of the clinic's day, seconds of the last services, and the wait of a routine token issued now."""
    wait: Wait | None = estimate(row.waiting, pace(row))
    return {
        "waiting": row.waiting,
        "called": row.called,
        "serving": row.serving,
        "on_hold": row.on_hold,
        "no_show": row.no_show,
        "done": row.done,
        "cancelled": row.cancelled,
        "last_number": row.last_number,
        "active_counters": row.active_counters,
        "service_p50_s": row.service_p50_s,
        "service_p90_s": row.service_p90_s,
        "wait_p50_s": wait.p50_s if wait else None,
        "wait_p90_s": wait.p90_s if wait else None,
    }


def display(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The screen in the waiting room: a label and where it is to go; no name, no priority."""
    return _token_fields(key, value, DISPLAY_FIELDS)


def staff(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those who call patients: who it is, unless that is restricted, and nothing of why."""
    return masked(_token_fields(key, value, STAFF_FIELDS), mrn=False)


def day_staff(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those who receive patients: restricted ones come without name, MRN and note."""
    return without_note(masked(value, mrn=False))


def without_note(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What reception wrote for a restricted patient may say who it is."""
    return {**value, "note": ""} if value.get("restricted") else value


def _token_fields(key: str, value: Mapping[str, Any], fields: frozenset[str]) -> Mapping[str, Any]:
    if not key.startswith("token:"):
        return value
    return {name: item for name, item in value.items() if name in fields}
