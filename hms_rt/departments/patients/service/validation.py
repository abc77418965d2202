"""Bodies against JSON Schemas. What is wrong is told by place and rule, without echoing the body."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, cast

import orjson
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators
from jsonschema.exceptions import SchemaError

from hms_rt.departments.patients.model.record_type import Schema
from hms_rt.kernel.errors import Code, HmsError

MAX_MATCHED = 256
"""Characters of a text that a pattern is matched against; a longer one does not match."""
MAX_PROBLEMS = 10

_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and (len(instance) > MAX_MATCHED or not re.search(pattern, instance)):
        yield ValidationError("does not match")


_formats = FormatChecker(formats=())


@_formats.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or date.fromisoformat(value) is not None


@_formats.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@_formats.checks("time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or time.fromisoformat(value) is not None


@_formats.checks("decimal")
def _is_decimal(value: object) -> bool:
    return not isinstance(value, str) or _DECIMAL.fullmatch(value) is not None


_Bounded: type[Draft202012Validator] = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern}
)


@lru_cache(maxsize=256)
def _compiled(schema: bytes) -> Draft202012Validator:
    return _Bounded(orjson.loads(schema), format_checker=_formats)


def check_definition(schema: Schema) -> None:
    """Raises ``invalid`` unless ``schema`` is a JSON Schema 2020-12."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path)
        raise HmsError(Code.INVALID, f"schema.{place}: is not JSON Schema 2020-12") from None


def check_against(schema: Schema, body: Mapping[str, Any]) -> None:
    """Raises ``invalid`` with every problem, by place and rule."""
    validator = _compiled(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))
    problems: list[dict[str, str]] = []
    for error in validator.iter_errors(body):
        problems.append(_problem(error))
        if len(problems) == MAX_PROBLEMS:
            break
    if problems:
        first = problems[0]
        raise HmsError(Code.INVALID, f"{first['field']}: {first['problem']}", fields={"problems": problems})


def _problem(error: ValidationError) -> dict[str, str]:
    field = ".".join(["body", *(str(part) for part in error.absolute_path)])
    rule, value = str(error.validator), cast(Any, error.validator_value)
    if rule == "required":
        missing = [name for name in value if name not in cast(Any, error.instance)]
        return {"field": field, "problem": f"needs {', '.join(missing)}"}
    if rule == "additionalProperties":
        return {"field": field, "problem": "has a field that this kind does not know"}
    told = orjson.dumps(value).decode() if isinstance(value, str | int | list) else "the schema"
    return {"field": field, "problem": f"breaks the rule {rule}: {told[:200]}"}
