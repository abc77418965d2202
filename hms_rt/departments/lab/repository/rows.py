"""From rows to the model, and from the model to rows written in one statement."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Row

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.alert import Alert, AlertState, Step
from hms_rt.departments.lab.model.catalogue import CatalogueEntry, Flag, SpecimenKind
from hms_rt.departments.lab.model.labtest import LabState, LabTest
from hms_rt.departments.lab.model.order import LabOrder, Priority
from hms_rt.departments.lab.model.specimen import Specimen, SpecimenState

ORDER_COLUMNS = [column.label(f"o_{column.name}") for column in tables.lab_order.c]
"""The columns of an order, named so that they stand beside those of a test."""


def entry(row: Row[Any]) -> CatalogueEntry:
    """A row of the catalogue."""
    found = {name: getattr(row, name) for name in _names(CatalogueEntry)}
    return CatalogueEntry(**{**found, "specimen_kind": SpecimenKind(row.specimen_kind)})


def order(row: Row[Any], prefix: str = "o_") -> LabOrder:
    """The order in a row; ``prefix`` is that of ``ORDER_COLUMNS``."""
    found = {name: getattr(row, prefix + name) for name in _names(LabOrder)}
    return LabOrder(**{**found, "priority": Priority(found["priority"])})


def lab_test(row: Row[Any]) -> LabTest:
    """The test in a row."""
    found = {name: getattr(row, name) for name in _names(LabTest)}
    kinds = {
        "specimen_kind": SpecimenKind(row.specimen_kind),
        "state": LabState(row.state),
        "flag": flag(row.flag),
    }
    return LabTest(**{**found, **kinds})


def specimen(row: Row[Any]) -> Specimen:
    """The specimen in a row."""
    found = {name: getattr(row, name) for name in _names(Specimen)}
    return Specimen(**{**found, "kind": SpecimenKind(row.kind), "state": SpecimenState(row.state)})


def alert(row: Row[Any]) -> Alert:
    """The alert in a row, from columns with prefix ``a_``."""
    found = {name: getattr(row, f"a_{name}") for name in _names(Alert)}
    kinds = {"flag": Flag(row.a_flag), "state": AlertState(row.a_state), "step": Step(row.a_step)}
    return Alert(**{**found, **kinds})


def flag(written: str | None) -> Flag | None:
    """A flag as its column holds it."""
    return Flag(written) if written is not None else None


def insertion(table: sa.Table) -> sa.TextClause:
    """A statement that adds the rows given as JSON in ``:rows``."""
    return sa.text(
        f"INSERT INTO {table.name} SELECT *"  # noqa: S608 - names of our own tables
        f" FROM jsonb_populate_recordset(NULL::{table.name}, CAST(:rows AS jsonb))"
    )


def saving(table: sa.Table, kept: frozenset[str]) -> sa.TextClause:
    """A statement that writes the rows given as JSON in ``:rows`` over those of the same id and version, and
    raises the version; columns in ``kept`` never change."""
    changed = [c.name for c in table.c if c.name not in kept and c.name not in {"id", "version"}]
    assignments = ", ".join(f"{name} = n.{name}" for name in changed)
    return sa.text(
        f"UPDATE {table.name} t SET {assignments}, version = t.version + 1"  # noqa: S608 - names of our own tables
        f" FROM jsonb_populate_recordset(NULL::{table.name}, CAST(:rows AS jsonb)) n"
        " WHERE t.id = n.id AND t.version = n.version"
    )


def written(things: Sequence[Any]) -> dict[str, str]:
    """The parameter of :func:`insertion` and :func:`saving`."""
    return {"rows": orjson.dumps(list(things), default=str).decode()}  # str: the driver has its own UUID


def check_written(count: int, wanted: int) -> None:
    """What was locked cannot have changed: anything else is our own mistake."""
    if count != wanted:
        raise RuntimeError(f"{count} of {wanted} locked rows were written")


def _names(model: type[Any]) -> list[str]:
    return [field.name for field in fields(model)]
