"""What the activities of an event log mean: a TOML file that maps each to actions of the hospital.

Texts may name columns of the row, as in ``ward = "{Ward}"``. The actions are a fixed set, one class each.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator

from hms_rt.kernel.principal import Role
from hms_rt.kernel.schema import PlaceCode, Schema

_COLUMN = re.compile(r"\{([^{}]+)\}")

Template = str
"""Text in which ``{Column}`` stands for the row's value."""


class MappingError(Exception):
    """A mapping cannot be used; the message says where it is wrong."""


class Arrive(Schema):
    """Reception registers the patient and issues a token. A patient treated before is identified instead.

    In the clinics of ``by_appointment`` the patient has booked the next slot with a place, if there is one.
    """

    do: Literal["arrive"]
    clinic: Template
    priority: Template = "routine"
    category: Template | None = None
    by_appointment: tuple[PlaceCode, ...] = ()


class Return(Schema):
    """A patient of this case comes again: a new visit, with a new token."""

    do: Literal["return"]
    clinic: Template
    priority: Template = "routine"
    category: Template | None = None


class Serve(Schema):
    """The patient is called to a free counter and served: by a nurse at triage, by a doctor in a clinic.

    ``then``: the token stays there until the visit is finished, waits for its next turn, or is done.
    """

    do: Literal["serve"]
    role: Role = Role.NURSE
    then: Literal["stay", "wait", "done"] = "stay"


class Finish(Schema):
    """The visit is over: the token is done, and called before if it was waiting."""

    do: Literal["finish"]
    role: Role = Role.NURSE


class Record(Schema):
    """An entry of the clinical record, written by a doctor or a nurse.

    ``body`` fields that turn out empty are left out; ``columns`` are copied under names in snake_case.
    Without the column ``only_if`` the action does not apply to the row.
    """

    do: Literal["record"]
    kind: Literal["note", "vitals", "diagnosis", "procedure", "medication"]
    role: Literal[Role.DOCTOR, Role.NURSE] = Role.NURSE
    body: dict[str, Template] = Field(default_factory=dict)
    columns: tuple[str, ...] = ()
    only_if: str | None = None


class Stage(StrEnum):
    """Steps of a laboratory test, in their order."""

    ORDER = "order"  # by a doctor, where the patient is
    COLLECT = "collect"  # by a nurse; the laboratory receives the specimen
    ENTER = "enter"
    RELEASE = "release"  # verified by another person before
    ACKNOWLEDGE = "acknowledge"  # a doctor answers the alert of a critical value


class Lab(Schema):
    """A laboratory test: all of its ``stages``, or some of them in one activity and some in a later one.

    Rows of one case and moment become one order. A row without ``value`` to enter is skipped. Of
    ``unanswered`` critical values, one is left alone until the server has told it to ``until`` (0: every one
    is answered at once); a nurse relays it on the way, and another doctor takes it over.
    """

    do: Literal["lab"]
    test: Template
    value: Template = ""
    priority: Template = "routine"
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = tuple(Stage)
    unanswered: Annotated[int, Field(ge=0, le=1000)] = 0
    until: Literal["ward_nurse", "on_call", "everybody"] = "everybody"


class Admit(Schema):
    """Into any available bed of a ward: admission for a patient who has none, else a transfer.

    ``clean``: the bed that a transfer leaves is cleaned at once.
    """

    do: Literal["admit"]
    ward: Template
    reason: Template = "admitted from the clinic"
    clean: bool = True


class Release(Schema):
    """Discharge ordered and patient gone, or, for a patient in no ward, the end of the visit.

    ``order``: whether a doctor orders the discharge first. ``clean``: the bed is cleaned at once.
    """

    do: Literal["release"]
    disposition: Template = "home"
    order: bool = True
    clean: bool = True


class Clean(Schema):
    """Housekeeping makes the bed that the case left available."""

    do: Literal["clean"]


Action = Annotated[
    Arrive | Return | Serve | Finish | Record | Lab | Admit | Release | Clean, Field(discriminator="do")
]


class Time(Schema):
    """Where the time of a row stands. ``travel``: it goes along as ``occurred_at``; else it happens now."""

    column: str
    format: str
    zone: str = "UTC"
    travel: bool = True

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("not a time zone such as Europe/Vienna") from None
        return zone


class Person(Schema):
    """Who the patient of a case is; every text is taken from the case's first row that fills it.

    ``age`` in years at the first event stands in for a birth date. ``known``: what to do when the record
    number exists from before: a further visit of that patient, or nothing (the case was replayed already).
    """

    mrn: Template
    family_name: Template
    given_name: Template | None = None
    sex: Template | None = None
    birth_date: Template | None = None
    age: Template | None = None
    phone: Template | None = None
    known: Literal["reuse", "skip"] = "skip"


class Clinic(Schema):
    """A clinic that the log needs, with so many counters."""

    code: PlaceCode
    name: str
    counters: Annotated[int, Field(ge=1, le=200)] = 1


class Schedule(Schema):
    """Slots of a doctor of the replay in a clinic, every day of the week from today on."""

    clinic: PlaceCode
    starts: str = "00:00"
    ends: str = "23:30"
    slot_minutes: Annotated[int, Field(ge=5, le=240)] = 30
    capacity: Annotated[int, Field(ge=1, le=50)] = 1


class Ward(Schema):
    """A ward that the log needs; without ``beds`` as many as the log has patients at its busiest."""

    code: PlaceCode
    name: str
    beds: Annotated[int, Field(ge=1, le=2000)] | None = None
    beds_per_room: Annotated[int, Field(ge=1, le=20)] = 2


class Setup(Schema):
    """What has to be there before the first event; ``tests`` are entries of the laboratory's catalogue."""

    clinics: tuple[Clinic, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    wards: tuple[Ward, ...] = ()
    tests: tuple[dict[str, Any], ...] = ()


class LogMapping(Schema):
    """A whole mapping. A file is recognised by having all columns of ``recognise``."""

    title: str
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    case: str
    activity: str
    time: Time
    recognise: Annotated[tuple[str, ...], Field(min_length=1)]
    person: Person
    setup: Setup = Setup()
    activities: Annotated[dict[str, tuple[Action, ...]], Field(min_length=1)]
    end: tuple[Action, ...] = ()
    end_after_minutes: Annotated[int, Field(ge=0, le=100_000)] = 0
    """When the ``end`` actions happen, after the last row of a case."""

    def columns(self) -> set[str]:
        """Every column that this mapping reads."""
        named = {self.case, self.activity, self.time.column, *self.recognise}
        for text in _texts(self.model_dump(include={"person", "activities", "end"})):
            named.update(_COLUMN.findall(text))
        for action in self._actions():
            if isinstance(action, Record):
                named.update(action.columns, [action.only_if] if action.only_if else [])
        return named

    def person_columns(self) -> set[str]:
        """The columns that describe the patient."""
        texts = _texts(self.person.model_dump())
        return {column for text in texts for column in _COLUMN.findall(text)}

    def serving_roles(self) -> set[Role]:
        """Who serves patients at counters."""
        return {action.role for action in self._actions() if isinstance(action, Serve | Finish)}

    def _actions(self) -> Iterator[Any]:
        for actions in self.activities.values():
            yield from actions
        yield from self.end


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def fill(template: Template, values: Mapping[str, str]) -> str:
    """``template`` with the row's values in place of ``{Column}``, trimmed."""
    return _COLUMN.sub(lambda found: values.get(found.group(1), ""), template).strip()


def snake_case(column: str) -> str:
    """A column's name as a field of a record entry: ``SIRSCritHeartRate`` -> ``sirs_crit_heart_rate``."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", column)
    plain = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
    return plain[:40] if plain[:1].isalpha() else f"c_{plain}"[:40]


def parse_mapping(text: str, where: str) -> LogMapping:
    """A mapping from TOML; raises :class:`MappingError` naming each wrong place."""
    try:
        return LogMapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{where}: {error}") from None
    except ValidationError as error:
        problems = [
            f"{where}: {'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise MappingError("\n".join(problems)) from None


def shipped() -> dict[str, LogMapping]:
    """The mappings that come with the program, by name."""
    folder = resources.files("hms_rt.replay") / "mappings"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=lambda i: i.name)
    return {
        item.name.removesuffix(".toml"): parse_mapping(item.read_text(encoding="utf-8"), item.name)
        for item in files
    }


def find_mapping(wanted: str | None, header: tuple[str, ...]) -> LogMapping:
    """The mapping of a name or file, or without either the shipped one whose columns are all in ``header``.

    Raises :class:`MappingError` when there is none.
    """
    known = shipped()
    if wanted is not None and wanted in known:
        return known[wanted]
    if wanted is not None:
        try:
            return parse_mapping(Path(wanted).read_text(encoding="utf-8"), wanted)
        except (OSError, UnicodeDecodeError) as error:
            raise MappingError(
                f"{wanted}: neither a readable file nor one of {', '.join(known)} ({type(error).__name__})"
            ) from error
    fitting = [mapping for mapping in known.values() if set(mapping.recognise) <= set(header)]
    if not fitting:
        raise MappingError(f"no mapping knows these columns: name one with --mapping ({', '.join(known)})")
    return max(fitting, key=lambda mapping: len(mapping.recognise))
