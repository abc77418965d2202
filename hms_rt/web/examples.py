"""An example of each body and answer, composed of its schema and one page of words (:mod:`example_words`).

A field is shown with its word, with the example, default or first choice of its schema, or, where it is an
identifier, a day or a moment, with one of those. A body shows what it must have, an answer every field.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from hms_rt.web.example_words import DAY, MOMENT, OF_SCHEMA, SHOWN, WORDS

Json = dict[str, Any]

_NAMESPACE = uuid.UUID("0195540c-8000-7000-8000-000000000000")


class NoExampleError(LookupError):
    """A field for which nothing was written: its schema and name are the message."""


class Examples:
    """Composes examples of the schemas in ``definitions``, which refer to each other by ``$ref``."""

    def __init__(self, definitions: Mapping[str, Json]) -> None:
        self._definitions = definitions

    def of(self, schema: Json, *, whole: bool) -> Any:
        """An example of ``schema``; ``whole``: with the fields that may be left out.

        Raises :class:`NoExampleError` for a text that has neither a word nor an example of its own.
        """
        return self._value("", "", schema, whole=whole)

    def _value(self, owner: str, field: str, schema: Json, *, whole: bool) -> Any:
        name, schema = self._resolved(schema)
        if "properties" in schema:
            return self._object(name, schema, whole=whole)
        choices = schema.get("anyOf") or schema.get("oneOf") or []
        if {"type": "null"} in choices and field not in SHOWN:
            return None
        word = WORDS.get(field)
        if word is not None and _suits(word, schema):
            return word
        for key in ("const", "default"):
            if schema.get(key) is not None:
                return schema[key]
        if "examples" in schema or "enum" in schema:
            return (schema.get("examples") or schema["enum"])[0]
        if choices:
            return self._value(owner, field, choices[0], whole=whole)
        return self._plain(owner, field, schema, whole=whole)

    def _plain(self, owner: str, field: str, schema: Json, *, whole: bool) -> Any:
        match schema.get("type"):
            case "array":
                return [self._value(owner, field, schema["items"], whole=whole)]
            case "boolean":
                return False
            case "integer":
                return schema.get("minimum", 1)
            case "object":
                return {}
        match schema.get("format"):
            case "uuid":
                return _identifier(owner if field == "id" else field)
            case "date":
                return DAY
            case "date-time":
                return MOMENT
        raise NoExampleError(f"{owner}.{field}: write a word for it in web/example_words.py")

    def _object(self, name: str, schema: Json, *, whole: bool) -> Json:
        told = OF_SCHEMA.get(name.removesuffix("-Input").removesuffix("-Output"), {})
        required = schema.get("required", ())
        made: Json = {}
        for field, of_field in schema["properties"].items():
            if field in told:
                made[field] = told[field]
            elif whole or field in required:
                made[field] = self._value(name, field, of_field, whole=whole)
        return made

    def _resolved(self, schema: Json) -> tuple[str, Json]:
        """A definition with what is said beside the reference to it, such as the default."""
        if "$ref" not in schema:
            return "", schema
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        deeper, found = self._resolved(self._definitions[name])
        return deeper or name.rsplit("__", 1)[-1], {**found, **beside}


def _suits(word: Any, schema: Json) -> bool:
    """Whether a word is of the schema's kind: the same name may be a text here and a number there."""
    if any(_suits(word, choice) for choice in schema.get("anyOf", ())):
        return True
    if "enum" in schema or "$ref" in schema:
        return word in schema.get("enum", ())
    kinds = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}
    wanted = kinds.get(schema.get("type", ""))
    if wanted is None or type(word) is not wanted:
        return False
    if not isinstance(word, str):
        return True
    if schema.get("format") in {"uuid", "date", "date-time"}:
        return bool(re.fullmatch(_WRITTEN[schema["format"]], word))
    return re.search(schema.get("pattern", ""), word) is not None


_WRITTEN = {
    "uuid": r"[0-9a-f-]{36}",
    "date": r"\d{4}-\d{2}-\d{2}",
    "date-time": r"\d{4}-\d{2}-\d{2}T.*",
}


def _identifier(field: str) -> str:
    """The same for the same field of every example; of version 7, as those of the server are."""
    made = uuid.uuid5(_NAMESPACE, field).hex
    return str(uuid.UUID(f"0195540c80007{made[:3]}8{made[3:18]}"))
