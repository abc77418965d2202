"""Path parameters, typed by their declaration: ``{id}``, ``{ward_code}``, ``{number:int}``.

``{id}`` and ``{…_id}`` are UUIDs, ``{code}`` and ``{…_code}`` place codes; any other name says its kind
after a colon.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hms_rt.kernel.errors import Code, HmsError, not_found
from hms_rt.kernel.schema import PlaceCode

_BRACES = re.compile(r"\{([^{}]*)\}")
_DECLARED = re.compile(r"([a-z][a-z_]*)(?::([a-z]+))?")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INT = re.compile(r"[0-9]{1,9}")
_TEXT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")

_PLACE: TypeAdapter[str] = TypeAdapter(PlaceCode)


class Kind(StrEnum):
    """What a path parameter holds."""

    UUID = "uuid"
    CODE = "code"
    INT = "int"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One path parameter of an endpoint."""

    name: str
    kind: Kind


def _invalid(name: str, problem: str) -> HmsError:
    return HmsError(
        Code.INVALID, f"{name}: {problem}", fields={"problems": [{"field": name, "problem": problem}]}
    )


def _uuid(name: str, text: str) -> uuid.UUID:
    if not _UUID.fullmatch(text):
        raise not_found("what the address names")
    return uuid.UUID(text)


def _code(name: str, text: str) -> str:
    try:
        return _PLACE.validate_python(_text(name, text))
    except ValidationError:
        raise _invalid(name, "a code is 1 to 16 of A-Z, 0-9, - and _") from None


def _int(name: str, text: str) -> int:
    if not _INT.fullmatch(text):
        raise _invalid(name, "a number of at most 9 digits is meant")
    return int(text)


def _date(name: str, text: str) -> date:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise _invalid(name, "a day is written YYYY-MM-DD") from None


def _text(name: str, text: str) -> str:
    if not _TEXT.fullmatch(text):
        raise _invalid(name, "1 to 200 characters, none of them control characters")
    return text


_PARSERS: dict[Kind, Callable[[str, str], Any]] = {
    Kind.UUID: _uuid,
    Kind.CODE: _code,
    Kind.INT: _int,
    Kind.DATE: _date,
    Kind.TEXT: _text,
}

SCHEMAS: dict[Kind, dict[str, Any]] = {
    Kind.UUID: {"type": "string", "format": "uuid"},
    Kind.CODE: _PLACE.json_schema(),
    Kind.INT: {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.TEXT: {"type": "string", "minLength": 1, "maxLength": 200},
}
"""JSON schema of each kind."""


def _kind(name: str, written: str | None, path: str) -> Kind:
    if written is not None:
        return Kind(written)
    if name == "id" or name.endswith("_id"):
        return Kind.UUID
    if name == "code" or name.endswith("_code"):
        return Kind.CODE
    raise ValueError(f"{path}: say what {{{name}}} holds, such as {{{name}:{Kind.TEXT}}}")


def read_path(path: str) -> tuple[str, tuple[Parameter, ...]]:
    """The bare template of ``path`` and its parameters; raises ``ValueError`` for a bad declaration."""
    parameters: list[Parameter] = []
    for inner in _BRACES.findall(path):
        declared = _DECLARED.fullmatch(inner)
        if declared is None:
            raise ValueError(f"{path}: {{{inner}}} is not a parameter")
        name = declared.group(1)
        if any(known.name == name for known in parameters):
            raise ValueError(f"{path}: {{{name}}} appears twice")
        parameters.append(Parameter(name, _kind(name, declared.group(2), path)))
    return _BRACES.sub(lambda found: "{" + found.group(1).split(":")[0] + "}", path), tuple(parameters)


def parse_path(parameters: tuple[Parameter, ...], matched: Mapping[str, str]) -> dict[str, Any]:
    """The values of ``parameters``; ``not_found`` for a malformed UUID, ``invalid`` for other kinds."""
    return {p.name: _PARSERS[p.kind](p.name, matched[p.name]) for p in parameters}
