"""Base of every schema at the two doors, and the one place that turns a schema error into an answer."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationError,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from hms_rt.kernel import strict_json
from hms_rt.kernel.errors import Code, HmsError

_EARLIEST = datetime(1880, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _written_out(moment: object) -> object:
    """Pydantic would take numbers, also as text, for seconds or milliseconds since 1970."""
    if isinstance(moment, datetime) or (isinstance(moment, str) and _DATE.match(moment)):
        return moment
    raise ValueError("must be a time such as 2026-03-02T08:00:00Z")


def _sane(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError("must lie between 1880 and 2200")
    return moment.astimezone(UTC)


def _storable(text: str) -> str:
    if any(ord(c) < 32 and c not in "\t\n\r" for c in text):
        raise ValueError("must not contain control characters")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("must not contain lone surrogates")
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_sane)]
"""A point in time with a zone, kept as UTC, between 1880 and 2200."""

PlaceCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_-]{0,15}$")]
"""Code of a facility, ward, clinic or counter: upper-case letters, digits, ``-`` and ``_``; at most 16."""

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=120, strip_whitespace=True),
    AfterValidator(_storable),
]
"""One line of text that people read, 1 to 120 characters."""

Text = Annotated[str, StringConstraints(max_length=4000, strip_whitespace=True), AfterValidator(_storable)]
"""Free text, at most 4,000 characters."""

Reason = Annotated[
    str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True), AfterValidator(_storable)
]
"""Why something was done, 3 to 500 characters, kept in the audit trail."""


class Schema(BaseModel):
    """A shape on the wire: unknown fields are refused, values are immutable, times are RFC 3339 UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Strings below fields describe them; read when a document is made, since it costs seconds."""
        made = handler(core)
        properties = handler.resolve_ref_schema(made).get("properties", {})
        for base in reversed(cls.__mro__):
            for name, text in field_texts(base).items():
                shown = cls.model_fields[name].alias or name if name in cls.model_fields else name
                if shown in properties:
                    properties[shown].setdefault("description", text)
        return made


@cache
def _module_texts(module: str) -> dict[str, dict[str, str]]:
    """The strings below the fields of every class of a module."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = dict(_texts_of(node))
    return found


def _texts_of(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(node.body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            yield field.target.id, inspect.cleandoc(below.value.value)


def field_texts(schema: type) -> dict[str, str]:
    """The strings below the fields that ``schema`` itself declares."""
    if not issubclass(schema, Schema) or schema is Schema:
        return {}
    return _module_texts(schema.__module__).get(schema.__name__.partition("[")[0], {})


class DocumentSchemas(GenerateJsonSchema):
    """JSON schemas as the published documents have them.

    A time of the day is by the hospital's clock, without an offset; ``format: time`` would demand one.
    """

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        """Hours and minutes, with or without seconds."""
        return {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"}


S = TypeVar("S", bound=BaseModel)


def invalid(error: ValidationError) -> HmsError:
    """``error`` as an answer that names each field and what is wrong with it, without echoing input."""
    problems = [
        {"field": ".".join(str(part) for part in item["loc"]) or "(body)", "problem": item["msg"]}
        for item in error.errors(include_url=False, include_context=False, include_input=False)[:20]
    ]
    first = problems[0]
    return HmsError(Code.INVALID, f"{first['field']}: {first['problem']}", fields={"problems": problems})


def parse(schema: type[S], value: Any) -> S:
    """Validate decoded JSON (or a mapping of query parameters); raises ``invalid``."""
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None


def parse_json(schema: type[S], body: bytes) -> S:
    """Decode strictly, then validate; raises ``malformed`` or ``invalid``."""
    return parse(schema, strict_json.loads(body))
