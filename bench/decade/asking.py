"""Every list that the server declares, asked over REST with each of its filters: a first and a deep page.

What is asked follows from the declarations, so a new list or filter is asked without a word here.
"""

import base64
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin

import orjson

from handlers import ROUTES
from hms_rt.kernel.paging import PageQuery
from hms_rt.web.endpoints import Endpoint
from hms_rt.web.server import endpoints

MIDDLE = datetime(2021, 1, 1, tzinfo=UTC)
"""Half of the ten years: where a deep page begins."""

DAY = "2025-12-30"
"""The last day but one of the ten years."""

LIMIT = 50


@dataclass(frozen=True, slots=True)
class Known:
    """Things that exist: an admitted patient, a user, an order, a lot of a medicine, a refunded payment, a
    shift at a counter; and the middle of what has numbers."""

    patient: uuid.UUID
    user: uuid.UUID
    admission: uuid.UUID
    order: uuid.UUID
    lot: uuid.UUID
    payment: uuid.UUID
    shift: uuid.UUID
    rows: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One list with one filter."""

    endpoint: Endpoint
    path: str
    query: Mapping[str, str]

    @property
    def name(self) -> str:
        """As tables show it."""
        said = "&".join(f"{key}={_short(value)}" for key, value in self.query.items())
        return self.endpoint.path + (f"?{said}" if said else "")


LISTS = [
    one
    for one in endpoints(ROUTES)
    if one.safe and one.query is not None and issubclass(one.query, PageQuery) and not one.public
]


def every(known: Known) -> Iterator[Asked]:
    """Every list, plain and with each filter by itself; a period also with both its ends."""
    for endpoint in LISTS:
        assert endpoint.query is not None
        path = _path(endpoint, known)
        required = {
            _alias(endpoint, name): _values(name, info.annotation, known)[0]
            for name, info in _filters(endpoint)
            if info.is_required()
        }
        if endpoint.path not in _BY_ONE:
            yield Asked(endpoint, path, required)
        for name, info in _filters(endpoint):
            for value in [] if info.is_required() else _values(name, info.annotation, known):
                more = {"first_day": DAY} if name == "last_day" else {}
                yield Asked(endpoint, path, {**required, **more, _alias(endpoint, name): value})
        if {"since", "until"} <= endpoint.query.model_fields.keys():
            year = {"since": MIDDLE.isoformat(), "until": MIDDLE.replace(year=2022).isoformat()}
            yield Asked(
                endpoint, path, {**required, **{_alias(endpoint, name): at for name, at in year.items()}}
            )


_BY_ONE = {"/patients", "/doses", "/lab/specimens"}
"""Asked by exactly one of their filters."""


def _filters(endpoint: Endpoint) -> list[tuple[str, Any]]:
    assert endpoint.query is not None
    return [
        (name, info) for name, info in endpoint.query.model_fields.items() if name not in {"limit", "cursor"}
    ]


def _alias(endpoint: Endpoint, name: str) -> str:
    assert endpoint.query is not None
    return endpoint.query.model_fields[name].alias or name


def _path(endpoint: Endpoint, known: Known) -> str:
    path = endpoint.path
    for parameter in endpoint.parameters:
        place = "C01" if path.startswith(("/clinics", "/opd")) else "W01"
        value = {"code": "CARDIO" if "on-call" in path else place, "date": DAY, "text": "T01"}
        path = path.replace("{" + parameter.name + "}", value.get(parameter.kind, str(known.patient)))
    return path


def _values(name: str, kind: Any, known: Known) -> list[str]:
    """What a filter of that name and type is asked with."""
    inner = _without_none(kind)
    if isinstance(inner, type) and issubclass(inner, Enum):
        return [str(member.value) for member in inner]
    if inner is bool:
        return ["true"]
    if name == "action":
        return ["bed.change", "record.break_glass"]  # one line in five, and one in five thousand
    return [_BY_NAME.get(name) or _by_type(name, inner, known)]


_BY_NAME = {
    "since": MIDDLE.isoformat(),
    "until": MIDDLE.isoformat(),
    "at": MIDDLE.isoformat(),
    "order": "oldest",
    "kind": "vitals",
    "ward": "W01",
    "clinic": "C01",
    "location": "ward:W01",
    "place": "W01",
    "name": "smi",
    "mrn": "MRN-000000007",
    "phone": "+436607",
    "identifier": "N7",
    "test": "T01",
    "barcode": "LAB000000007",
    "dispensary": "MAIN",
    "store": "MAIN",
    "service": "S01",
    "counter": "K1",
    "code": "T01",
    "medicine": "M01",
}


def _by_type(name: str, kind: Any, known: Known) -> str:
    if kind is uuid.UUID:
        things = {
            "admission_id": known.admission,
            "order_id": known.order,
            "lot_id": known.lot,
            "payment_id": known.payment,
            "shift_id": known.shift,
        }
        return str(things.get(name) or (known.patient if "patient" in name else known.user))
    if kind is datetime:
        return MIDDLE.isoformat()
    if kind is date:
        return DAY
    return "7" if kind is int else "T01"


def _without_none(kind: Any) -> Any:
    """The type inside ``X | None`` and ``Annotated``."""
    if get_origin(kind) in {Union, UnionType}:
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    return _without_none(get_args(kind)[0]) if hasattr(kind, "__metadata__") else kind


def deepened(cursor: str, known: Known) -> str:
    """A cursor of the same list, half of the ten years away."""
    key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return (
        base64.urlsafe_b64encode(
            orjson.dumps({name: _deep(name, value, known) for name, value in key.items()})
        )
        .rstrip(b"=")
        .decode()
    )


def _deep(name: str, value: Any, known: Known) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return known.rows if name == "id" else value
    if isinstance(value, str) and len(value) == 36 and value.count("-") == 4:
        milliseconds = int(MIDDLE.timestamp() * 1000)
        return str(uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62)))
    if isinstance(value, str) and value[4:5] == "-" and value[:4].isdigit():
        return MIDDLE.isoformat() if "T" in value else MIDDLE.date().isoformat()
    return value


def _short(value: str) -> str:
    return "…" if len(value) > 20 else value
