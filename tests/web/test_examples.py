"""Every body and answer of pharmacy, billing and reporting has an example that its own schema takes."""

from collections import defaultdict
from functools import cache
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from handlers import ROUTES
from hms_rt.web.endpoints import Endpoint
from hms_rt.web.example_words import OF_SCHEMA, SHOWN, TAGS, WORDS
from hms_rt.web.examples import Examples, NoExampleError
from hms_rt.web.openapi import openapi
from hms_rt.web.server import endpoints
from hms_rt.web.settings import API_PREFIX
from tests.contract import Document
from tests.web.tiny import SETTINGS

DEPARTMENTS = tuple(f"hms_rt.departments.{name}." for name in ("pharmacy", "billing", "reporting"))


@cache
def document() -> Document:
    return Document(openapi(ROUTES, SETTINGS))


def theirs(model: type[BaseModel] | None) -> bool:
    """Whether a schema, or what a page is of, is declared by one of these departments."""
    if model is None:
        return False
    of = model.__pydantic_generic_metadata__["args"]
    return any(kind.__module__.startswith(DEPARTMENTS) for kind in (model, *of))


SHOWING = [one for one in endpoints(ROUTES) if theirs(one.body) or theirs(one.answer)]
CASES = [(one, where) for one in SHOWING for where in ("body", "answer") if getattr(one, where) is not None]


def _place(endpoint: Endpoint, where: str) -> tuple[str, ...]:
    operation = ("paths", API_PREFIX + endpoint.path, endpoint.method.lower())
    inside = ("requestBody",) if where == "body" else ("responses", str(endpoint.status))
    kind = (endpoint.produces if where == "answer" else None) or "application/json"
    return (*operation, *inside, "content", kind)


@pytest.mark.parametrize(
    ("endpoint", "where"), CASES, ids=[f"{one.method} {one.path} {where}" for one, where in CASES]
)
def test_it_has_an_example_that_its_own_schema_allows(endpoint: Endpoint, where: str) -> None:
    place = _place(endpoint, where)
    shown: Any = document().document
    for step in place:
        shown = shown[step]
    assert endpoint.tag in TAGS, "add it in web/example_words.py"
    if "example" not in shown:  # raises, with the name of the field
        definitions = document().document["components"]["schemas"]
        Examples(definitions).of(shown["schema"], whole=where == "answer")
    assert document().complaint(shown["example"], *place, "schema") is None
    getattr(endpoint, where).model_validate_json(orjson.dumps(shown["example"]))
    assert where == "answer" or shown["example"], "an example says something"


def test_a_text_without_a_word_is_told_by_schema_and_field() -> None:
    made = Examples({"ThingIn": {"properties": {"colour": {"type": "string"}}, "required": ["colour"]}})
    with pytest.raises(NoExampleError, match=r"ThingIn\.colour"):
        made.of({"$ref": "#/components/schemas/ThingIn"}, whole=False)


def test_no_word_is_kept_for_a_field_that_is_no_more() -> None:
    schemas = document().document["components"]["schemas"]
    fields = {field for schema in schemas.values() for field in schema.get("properties", {})}
    assert {*WORDS, *SHOWN} <= fields
    short: defaultdict[str, set[str]] = defaultdict(set)
    for name, schema in schemas.items():
        short[name.rsplit("__", 1)[-1].partition("-")[0]] |= set(schema.get("properties", {}))
    unknown = {
        f"{name}.{field}"
        for name, told in OF_SCHEMA.items()
        for field in told
        if field not in short.get(name, ())
    }
    assert unknown == set()
    assert {one.tag for one in SHOWING} >= TAGS
