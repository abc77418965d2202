"""What external servers see of each stream: the allow-list of the audience "reporting".

What is not listed here goes to nobody: neither another stream, nor another kind of entity, nor another field.
Free text is never listed: it may say who somebody is. Without the scope ``identified`` a patient is a
pseudonym, with a year of birth; names, record numbers, and numbers that are printed beside a name are left
out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from hms_rt.departments.reporting.model.pseudonyms import Pseudonyms
from hms_rt.departments.reporting.model.scopes import kind_of
from hms_rt.kernel.audiences import masked

OLDEST = 90
"""Years. Who is older is as old as that: there are so few that the year would tell who it is."""


class Show(Enum):
    """How a field is shown."""

    PLAIN = auto()  # as it is
    PATIENT = auto()  # the id of a patient: a pseudonym, unless identified
    STAFF = auto()  # the id of somebody who works here: likewise
    BIRTH = auto()  # a date of birth: the year, unless identified
    NAMING = auto()  # only if identified


Fields = Mapping[str, "Show | Fields"]


def _plain(*names: str) -> dict[str, "Show | Fields"]:
    return dict.fromkeys(names, Show.PLAIN)


_OF_PATIENT: Fields = {
    "patient_id": Show.PATIENT,
    "patient_name": Show.NAMING,
    "mrn": Show.NAMING,
    "restricted": Show.NAMING,
}
_COUNTS = _plain("total", "available", "reserved", "occupied", "cleaning", "contaminated", "out_of_service")
_BED: Fields = {
    **_plain("id", "code", "room", "kind", "features", "status", "isolation", "isolation_kind", "since"),
    **_plain("reserved_until", "expected_back_at", "leaving_since", "version"),
    "cleaning": _plain("id", "kind", "state", "due_at"),
    # A bed does not say whether who lies there is restricted: so it names nobody.
    "hold": {**_plain("admission_id", "from_ward", "from_bed"), "patient_id": Show.PATIENT},
    "occupant": {
        **_plain("stay_id", "sex", "since", "outstanding"),
        "patient_id": Show.PATIENT,
        "birth_date": Show.BIRTH,
    },
}
_CLEANING: Fields = {
    **_plain("id", "bed_id", "ward", "room", "bed", "kind", "state", "requested_at", "due_at"),
    **_plain("claimed_at", "finished_at", "overdue_at", "version"),
    "claimed_by": Show.STAFF,
}
_TOKEN: Fields = {
    **_plain("id", "state", "priority", "category", "counter", "origin", "day", "issued_at", "queued_at"),
    **_plain("due_at", "called_at", "serving_at", "version"),
    **_OF_PATIENT,
    "doctor_id": Show.STAFF,
    "number": Show.NAMING,
    "label": Show.NAMING,
}
_SUMMARY = _plain(
    *("waiting", "called", "serving", "on_hold", "no_show", "done", "cancelled", "active_counters"),
    *("service_p50_s", "service_p90_s", "wait_p50_s", "wait_p90_s"),
)
_APPOINTMENT: Fields = {
    **_plain("id", "state", "starts_at", "ends_at", "category", "overbooked", "arrived_at", "token_id"),
    **_plain("version"),
    **_OF_PATIENT,
    "doctor_id": Show.STAFF,
}
_TEST: Fields = {
    **_plain("id", "order_id", "test", "test_name", "specimen_kind", "state", "priority", "specimen_id"),
    **_plain("location", "ordered_at", "resulted_at", "released_at", "result_version", "review_due"),
    **_plain("panel", "recollect", "corrected", "version"),
    **_OF_PATIENT,
    "specimen_barcode": Show.NAMING,
}
_ALERT: Fields = {
    **_plain("id", "test_id", "order_id", "test", "test_name", "location", "alert", "step", "raised_at"),
    **_plain("escalate_at", "nobody_on_call", "relayed", "read_back", "red", "version"),
    **_OF_PATIENT,
}
_PRESCRIPTION: Fields = {
    **_plain("id", "ward", "clinic", "take_home", "state", "prescribed_at", "version"),
    **_OF_PATIENT,
    "number": Show.NAMING,
    "lines": _plain(
        *("id", "medicine", "name", "quantity", "dispensed", "dispense_unit", "controlled", "not_dispensed")
    ),
}
_MEDICINE: Fields = {
    **_plain("line_id", "admission_id", "name", "dose", "dose_unit", "route", "controlled"),
    **_OF_PATIENT,
}
_LAB: Mapping[str, Fields] = {"test": _TEST, "alert": _ALERT}

STREAMS: Mapping[str, Mapping[str, Fields]] = {
    "beds/ward": {"ward": _plain("code", "name"), "occupancy": _COUNTS, "bed": _BED},
    "beds/hospital": {"*": {**_plain("code", "name"), **_COUNTS}},
    "beds/cleaning": {"request": _CLEANING},
    "opd/clinic": {
        "clinic": _plain("code", "name", "day"),
        "summary": _SUMMARY,
        "token": _TOKEN,
        "counter": _plain("code", "name", "open"),
    },
    "opd/day": {"clinic": _plain("code", "name", "day"), "appointment": _APPOINTMENT},
    "lab/worklist": _LAB,
    "lab/alerts": _LAB,
    "lab/ward": _LAB,
    "lab/clinic": _LAB,
    "pharmacy/dispensary": {"prescription": _PRESCRIPTION},
    "pharmacy/stock": {"lot": _plain("lot_id", "medicine", "lot", "expires_on", "recalled", "quantity")},
    "ipd/ward": {
        "dose": {**_MEDICINE, **_plain("id", "due_at", "state", "version")},
        "as_needed": {**_MEDICINE, **_plain("max_per_24h", "recent", "starts_at", "ends_at")},
        "sum": _plain("due", "overdue"),
    },
    "billing/cashier": {
        "invoice": {
            **_plain("id", "state", "total", "due", "version"),
            "patient_id": Show.PATIENT,
            "number": Show.NAMING,
        },
        "shift": {**_plain("id", "opened_at", "cash", "version"), "cashier": Show.STAFF},
    },
}
"""Kind of stream -> kind of entity (its key up to the colon; ``*`` for any) -> fields."""

NEVER = {
    "notifications/user": "what one person is told",
    "identity/rights": "internal",
    "opd/doctor": "what the clinics show, under a name that says who the doctor is",
}
"""Streams that no external server reads, and why."""


@dataclass(frozen=True, slots=True)
class Lens:
    """How one account sees: by pseudonyms, or identified."""

    pseudonyms: Pseudonyms
    identified: bool

    def value(self, stream: str, key: str, value: Mapping[str, Any], at: datetime) -> dict[str, Any] | None:
        """What is shown of an entity; None if the account is to know nothing of it."""
        fields = _fields(stream, key)
        return None if fields is None else self._shown(fields, masked(value, mrn=False), at)

    def shows(self, stream: str, key: str) -> bool:
        """True if the account may know that there is such an entity."""
        return _fields(stream, key) is not None

    def _shown(self, fields: Fields, value: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, how in fields.items():
            if name in value:
                made.update(self._field(name, how, value[name], at))
        return made

    def _field(self, name: str, how: Show | Fields, value: Any, at: datetime) -> dict[str, Any]:
        match how:
            case Show.PLAIN:
                return {name: value}
            case Show.PATIENT:
                return {name: self._person("patient", value)}
            case Show.STAFF:
                return {name: self._person("staff", value)}
            case Show.BIRTH if not self.identified:
                return {"birth_year": None if value is None else max(int(value[:4]), at.year - OLDEST)}
            case Show.BIRTH | Show.NAMING:
                return {name: value} if self.identified else {}
            case _:
                return {name: self._nested(how, value, at)}

    def _nested(self, fields: Fields, value: Any, at: datetime) -> Any:
        if isinstance(value, list):
            return [self._shown(fields, one, at) for one in value]
        return None if value is None else self._shown(fields, value, at)

    def _person(self, kind: str, identifier: str | None) -> str | None:
        if identifier is None or self.identified:
            return identifier
        return self.pseudonyms.of(kind, identifier)


def _fields(stream: str, key: str) -> Fields | None:
    entities = STREAMS.get(kind_of(stream), {})
    return entities.get(key.partition(":")[0], entities.get("*"))
