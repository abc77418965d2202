"""Likely values, made from a schema alone."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def likely(schema: type[BaseModel], identifier: str, code: str) -> dict[str, Any]:
    """A body that ``schema`` probably takes: every required field, by type, format and allowed values."""
    described = schema.model_json_schema()
    definitions = described.get("$defs", {})
    return {
        name: _value(described["properties"][name], definitions, identifier, code)
        for name in described.get("required", [])
    }


def fields(schema: type[BaseModel] | None) -> list[str]:
    """The names of the fields of ``schema``, as they are on the wire."""
    if schema is None:
        return []
    return [info.alias or name for name, info in schema.model_fields.items()]


def _value(kind: Mapping[str, Any], definitions: Mapping[str, Any], identifier: str, code: str) -> Any:
    if "$ref" in kind:
        kind = definitions[kind["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in kind:
        kind = kind["anyOf"][0]
        return _value(kind, definitions, identifier, code)
    if "enum" in kind:
        return kind["enum"][0]
    match kind.get("type"):
        case "array":
            return [_value(kind["items"], definitions, identifier, code)]
        case "object":
            return {}
        case "boolean":
            return True
        case "integer" | "number":
            return kind.get("minimum", 1)
    return _text(kind, identifier, code)


def _text(kind: Mapping[str, Any], identifier: str, code: str) -> str:
    by_format = {"uuid": identifier, "date": "2020-02-29", "date-time": "2020-02-29T12:00:00Z"}
    if kind.get("format") in by_format:
        return by_format[kind["format"]]
    for candidate in (code, code[0], "1.2", "some words"):
        if re.search(kind.get("pattern", ""), candidate) and len(candidate) >= kind.get("minLength", 0):
            return candidate
    return "some words"
