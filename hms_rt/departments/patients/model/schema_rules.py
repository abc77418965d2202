"""Which JSON Schemas a hospital may define: 2020-12, without what could stall or mislead the server.

No reference leaves the document, none goes in a circle, and the whole unfolds to a bounded number of parts.
Regular expressions are of a subset that is matched in bounded time.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hms_rt.kernel.errors import Code, HmsError

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES = 32 * 1024
MAX_DEPTH = 12
MAX_PARTS = 400
"""Subschemas, counted as often as they are referred to."""
MAX_PATTERN = 200
MAX_VARIABLE = 3
"""Quantifiers of one pattern that match more or less."""

_ONE = frozenset({"items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"})
_SEVERAL = frozenset({"prefixItems", "anyOf", "oneOf", "allOf"})
_NAMED = frozenset({"properties", "$defs", "dependentSchemas"})
_COUNTS = frozenset(
    {
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "minProperties",
        "maxProperties",
        "minContains",
        "maxContains",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
    }
)
_PLAIN = frozenset(
    {
        "$schema",
        "$ref",
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "type",
        "enum",
        "const",
        "required",
        "dependentRequired",
        "uniqueItems",
        "pattern",
        "format",
        "contentEncoding",
        "contentMediaType",
    }
)
KEYWORDS = _ONE | _SEVERAL | _NAMED | _COUNTS | _PLAIN
FORMATS = frozenset({"date", "date-time", "time", "decimal"})

_PROPERTY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_REFERENCE = re.compile(r"#/\$defs/([a-z][a-z0-9_]{0,39})")
_ATOM = r"(?:\\[dwsDWS.\-/+*?()\[\]{}^$|\\]|\[\^?(?:\\.|[^\]\\\[])+\]|[^\\\[\](){}*+?|^$])"
_QUANTIFIER = r"(?:\{\d{1,3}(?:,\d{1,3})?\}|[?*+])"
_CHOICE = r"\((?:\?:)?[A-Za-z0-9 _./:-]+(?:\|[A-Za-z0-9 _./:-]+)*\)\??"
_PATTERN = re.compile(rf"\^(?:{_CHOICE}|{_ATOM}{_QUANTIFIER}?)*\$")
_VARIABLE = re.compile(r"(?<!\\)(?:[*+]|\{\d+,\d+\})")


def _invalid(where: str, problem: str) -> HmsError:
    field = f"schema{where}"
    return HmsError(
        Code.INVALID, f"{field}: {problem}", fields={"problems": [{"field": field, "problem": problem}]}
    )


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises ``invalid``, with the place and what is allowed there, for a schema outside these rules."""
    if len(json.dumps(schema)) > MAX_BYTES:
        raise _invalid("", f"at most {MAX_BYTES // 1024} KiB")
    if schema.get("type") != "object":
        raise _invalid(".type", "a body is an object: write object")
    if schema.get("$schema", DIALECT) != DIALECT:
        raise _invalid(".$schema", f"write {DIALECT}, or nothing")
    for where, part, depth in _parts(schema):
        _check_part(where, part, depth)
    _check_size(schema)


def _parts(schema: Any) -> Iterator[tuple[str, Any, int]]:
    """Every subschema with where it is and how deep."""
    waiting: list[tuple[str, Any, int]] = [("", schema, 0)]
    while waiting:
        where, part, depth = waiting.pop()
        yield where, part, depth
        if isinstance(part, Mapping):
            waiting.extend((f"{where}.{name}", inner, depth + 1) for name, inner in _inner(part))


def _inner(part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The subschemas right inside one."""
    for keyword, value in part.items():
        if keyword in _ONE:
            yield keyword, value
        elif keyword in _SEVERAL and isinstance(value, list):
            yield from ((f"{keyword}.{number}", each) for number, each in enumerate(value))
        elif keyword in _NAMED and isinstance(value, Mapping):
            yield from ((f"{keyword}.{name}", each) for name, each in value.items())


def _check_part(where: str, part: Any, depth: int) -> None:
    if isinstance(part, bool):
        return
    if not isinstance(part, Mapping):
        raise _invalid(where, "a schema is an object, true or false")
    if depth > MAX_DEPTH:
        raise _invalid(where, f"at most {MAX_DEPTH} levels")
    for keyword, value in part.items():
        if keyword not in KEYWORDS:
            raise _invalid(where, f"the keyword is not one of {', '.join(sorted(KEYWORDS))}")
        _check_keyword(f"{where}.{keyword}", keyword, value)
    if "$defs" in part and where:
        raise _invalid(f"{where}.$defs", "definitions stand at the top")


def _check_keyword(where: str, keyword: str, value: Any) -> None:
    if keyword in _COUNTS and (isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**53):
        raise _invalid(where, "a whole number; check decimals with the format decimal")
    if keyword in _SEVERAL and not (isinstance(value, list) and value):
        raise _invalid(where, "a list of schemas")
    if keyword in _NAMED:
        if not isinstance(value, Mapping) or not all(_PROPERTY.fullmatch(name) for name in value):
            raise _invalid(where, "names are a to z, 0 to 9 and _, at most 40, a letter first")
    elif keyword == "format" and value not in FORMATS:
        raise _invalid(where, f"one of {', '.join(sorted(FORMATS))}")
    elif keyword == "pattern":
        check_pattern(where, value)


def check_pattern(where: str, pattern: object) -> None:
    """Raises ``invalid`` for a regular expression that might take long to match."""
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN or not _PATTERN.fullmatch(pattern):
        raise _invalid(
            where,
            f"at most {MAX_PATTERN} characters, from ^ to $: characters and [classes] with quantifiers, and"
            " (one|or|another); no other groups, no references",
        )
    if len(_VARIABLE.findall(pattern)) > MAX_VARIABLE:
        raise _invalid(where, f"at most {MAX_VARIABLE} quantifiers that match more or less")
    try:
        re.compile(pattern)
    except (re.error, OverflowError):
        raise _invalid(where, "is not a regular expression") from None


def _check_size(schema: Mapping[str, Any]) -> None:
    """How many subschemas an instance may be checked by, references followed; a circle has no such number."""
    definitions = schema.get("$defs", {})
    known: dict[str, int] = {}
    open_names: set[str] = set()

    def size(part: Any) -> int:
        if not isinstance(part, Mapping):
            return 1
        total = 1
        reference = part.get("$ref")
        if reference is not None:
            total += of_name(reference)
        total += sum(size(inner) for name, inner in _inner(part) if not name.startswith("$defs."))
        if total > MAX_PARTS:
            raise _invalid("", f"at most {MAX_PARTS} parts, counted as often as they are referred to")
        return total

    def of_name(reference: object) -> int:
        found = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
        name = found.group(1) if found is not None else ""
        if name not in definitions:
            raise _invalid(".$ref", "refers to #/$defs/<name> of this document, and nothing else")
        if name in open_names:
            raise _invalid(".$ref", "definitions must not refer to themselves")
        if name not in known:
            open_names.add(name)
            known[name] = size(definitions[name])
            open_names.discard(name)
        return known[name]

    for name in definitions:
        of_name(f"#/$defs/{name}")
    size(schema)
