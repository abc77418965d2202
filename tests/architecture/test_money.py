"""Money never passes through a binary fraction: not in a table, not on the wire, not in the code."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import create_async_engine

from handlers import ROUTES
from hms_rt.storage.embedded import EmbeddedUris
from hms_rt.web.server import endpoints
from tests import contract, exact
from tests.exact import MONEY
from tests.surface.sockets import DECLARED

ROOT = Path(__file__).parents[2]
NUMBERS = """
    SELECT table_name || '.' || column_name AS name, table_name, column_name, data_type
    FROM information_schema.columns WHERE table_schema = 'public'
"""
INEXACT = {"real", "double precision", "money"}
MEASURED = {"opd_summary.service_mean_s", "opd_summary.service_deviation_s"}
"""Columns that hold statistics, in seconds."""
COUNTED = {"ipd_medication_sum.due"}
"""Columns that count, and are called like money."""
PATHS = (
    "hms_rt/departments/billing",
    "hms_rt/departments/pharmacy",
    "hms_rt/departments/ipd",
    "hms_rt/kernel/money.py",
    "hms_rt/kernel/quantity.py",
    "handlers",
    "channels",
)
FRACTIONS = {"handlers/changes.py": "seconds for a page to be taken"}
"""Where a fraction is written, of what is no amount."""


DIVIDE = {
    "hms_rt/departments/ipd/service/medication.py": "half of a time",
    "hms_rt/kernel/money.py": "the rules of rounding and splitting",
    "hms_rt/departments/billing/model/discount.py": "the share of a discount, as a percentage",
    "hms_rt/departments/billing/views/formats.py": "a percentage as the language writes it",
    "hms_rt/departments/pharmacy/model/formulary.py": "a dose in dispensing units, rounded up",
    "hms_rt/departments/pharmacy/views/labels.py": "millimetres of a label",
}
"""Where something is divided or rounded, and what."""


async def test_no_column_of_money_is_anything_but_numeric(stack: EmbeddedUris) -> None:
    engine = create_async_engine(stack.postgres_uri)
    try:
        async with engine.connect() as connection:
            columns = list(await connection.execute(sa.text(NUMBERS)))
    finally:
        await engine.dispose()
    inexact = {column.name for column in columns if column.data_type in INEXACT}
    assert inexact <= MEASURED, "a fraction in base two cannot hold a cent"
    ours = [column for column in columns if column.table_name.startswith("billing_")]
    elsewhere = {column.name for column in columns if MONEY.search(column.column_name)} - COUNTED
    assert {column.name for column in columns if column.data_type == "numeric"} >= elsewhere
    money = {column.name: column.data_type for column in ours if MONEY.search(column.column_name)}
    assert len(money) > 25
    assert set(money.values()) == {"numeric"}, money


def _schemas() -> Iterator[type[BaseModel]]:
    for endpoint in endpoints(ROUTES):
        if endpoint.path.startswith("/billing") or endpoint.path.endswith(("/account", "/coverage")):
            yield from (kind for kind in (endpoint.body, endpoint.query, endpoint.answer) if kind is not None)
    yield from (command.schema for command in DECLARED.values())


def _fields(schema: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a JSON schema, with what it may hold."""
    if isinstance(schema, dict):
        if name and "properties" not in schema:
            yield name, schema
        for key, value in schema.get("properties", {}).items():
            yield from _fields(value, key)
        for key, value in schema.items():
            if key not in {"properties", "default", "examples"}:
                for each in value.values() if key == "$defs" else value if isinstance(value, list) else ():
                    yield from _fields(each, "" if key == "$defs" else name)


def test_money_is_text_on_the_wire_in_requests_answers_and_commands() -> None:
    seen = set()
    for kind in _schemas():
        for mode in ("validation", "serialization"):
            for name, told in _fields(kind.model_json_schema(mode=mode)):
                if (
                    MONEY.search(name)
                    and name != "outstanding"
                    and "anyOf" not in told
                    and "$ref" not in told
                ):
                    seen.add(name)
                    assert told.get("type") in {"string", "null"}, (kind.__name__, name, told)
    assert {"amount", "unit_price", "total", "gross", "due", "opening_cash", "tax_rate"} <= seen


def test_no_schema_of_billing_takes_or_gives_a_fraction() -> None:
    for kind in _schemas():
        if kind.__module__.startswith("hms_rt.departments.billing"):
            assert '"type": "number"' not in json.dumps(kind.model_json_schema()), kind.__name__


def test_a_json_number_is_no_amount_in_any_request() -> None:
    tried = set()
    for endpoint in endpoints(ROUTES):
        body = endpoint.body
        if body is None or not body.__module__.startswith("hms_rt.departments.billing"):
            continue
        for name, field in body.model_fields.items():
            if MONEY.search(name) and name != "outstanding" and field.annotation is not bool:
                tried.add(name)
                for number in (b"12.5", b"12", b"1e2", b"NaN", b"true"):
                    with pytest.raises(ValidationError):
                        TypeAdapter(field.rebuild_annotation()).validate_json(number)
    assert {"amount", "unit_price", "tax_rate", "payer_share", "opening_cash", "counted"} <= tried


def _files() -> list[Path]:
    files = [path for each in PATHS for path in sorted((ROOT / each).rglob("*.py")) or [ROOT / each]]
    assert len(files) > 100
    return files


def test_money_is_divided_and_rounded_where_its_rules_are_and_nowhere_else() -> None:
    for path in _files():
        for node in ast.walk(ast.parse(path.read_text())):
            divides = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
            rounds = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "round"
            imports = {each.name for each in getattr(node, "names", []) if isinstance(node, ast.Import)}
            if str(path.relative_to(ROOT)) not in DIVIDE:
                assert not divides, f"{path}: {ast.dump(node)}"
                assert not rounds, f"{path}: {ast.dump(node)}"
            assert imports.isdisjoint({"math", "statistics", "fractions"}), path


def test_no_code_of_money_makes_a_fraction() -> None:
    for path in _files():
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
            assert name not in {"float", "Float", "REAL", "DOUBLE_PRECISION"}, f"{path}:{node}"
            constant = isinstance(node, ast.Constant) and isinstance(node.value, float)
            if str(path.relative_to(ROOT)) not in FRACTIONS:
                assert not constant, f"{path}: {ast.dump(node)}"


DOCUMENTS = {"REST": contract.REST.openapi, "sockets": contract.SOCKETS.asyncapi}
MEASURING = {
    *(f"ProcessStatus.{name}" for name in ("sweep_lag_s", "loop_lag_ms", "memory_mib")),
    *(f"ProcessStatus.{name}" for name in ("frames_per_s", "changes_per_s", "bytes_per_s")),
    *("SlowClient.stuck_s", "ReaderStatus.lag_s"),
    *(f"WaitErrors.{name}" for name in ("mean_wait_s", "mean_error_s", "mean_absolute_error_s")),
    *(f"WaitErrors.{name}" for name in ("within_p50", "within_p90")),
}
"""All that may be a fraction on the wire: statistics of the server, and of waits."""
COUNTING = {"CensusOut.total", "FreeOut.total", "ProcessStatus.rooms_total", "ProcessStatus.slow_total"}
"""Integers that are called like money: beds, rooms, clients."""


def _typed(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """Every place of a document that says what it may hold: ``Schema.field`` or its path, and the types."""
    if isinstance(schema, list):
        for each in schema:
            yield from _typed(each, path)
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    if isinstance(kind, str | list) and path[-1:] != ("properties",):
        yield ".".join(path[-2:]), {kind} if isinstance(kind, str) else set(kind)
    for key, value in schema.items():
        nested = key in {"properties", "schemas", "$defs", "components"}
        within = isinstance(value, dict | list) and (nested or key in _WITHIN)
        yield from _typed(value, path if nested or within else (*path, key))


_WITHIN = {"items", "anyOf", "allOf", "oneOf", "additionalProperties", "prefixItems", "schema", "payload"}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=list(DOCUMENTS))
def test_no_document_lets_an_amount_be_a_number_nor_anything_be_a_fraction(
    document: contract.Document,
) -> None:
    places = list(_typed(document.document))
    assert len(places) > 500
    fractions = {place for place, types in places if "number" in types}
    assert fractions <= MEASURING, "amounts, doses, results and quantities are text"
    numbers = {place for place, types in places if "integer" in types}
    assert len(numbers) > 20
    assert {place for place in numbers if MONEY.search(place.rpartition(".")[2])} <= COUNTING
    shown = list(_examples(document.document))
    assert not [said for each in shown for said in exact.inexact(each)]
    assert shown


def _examples(document: Any) -> Iterator[Any]:
    """Every example and default, under the name of its field."""
    if isinstance(document, list):
        for each in document:
            yield from _examples(each)
    if isinstance(document, dict):
        for key, value in document.items():
            inner = value if isinstance(value, dict) else {}
            for told in ("examples", "example", "default", "const", "enum"):
                if told in inner and not isinstance(inner[told], dict):
                    yield {key: inner[told]}
                elif told in inner:
                    yield inner[told]
            yield from _examples(value)


def test_the_look_at_json_finds_what_it_looks_for() -> None:
    for wrong in (0.1, {"x": [{"y": 1.0}]}, {"price": 3}, {"lines": [{"net": 0}]}, [{"paid": -1}]):
        assert exact.complaint(wrong), wrong
    for right in ({"price": "3.10"}, {"x": 3}, {"paid": None, "ok": True}, {"lag_s": 0.5}, {"total": 4}):
        assert exact.complaint(right) is None, right
    schema = {
        "properties": {
            "price": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "type": {"type": "integer"},
        }
    }
    assert list(_typed({"components": {"schemas": {"Line": schema}}})) == [
        ("Line.price", {"number"}),
        ("Line.price", {"null"}),
        ("Line.type", {"integer"}),
    ]
