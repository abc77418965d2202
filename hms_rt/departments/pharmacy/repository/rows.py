"""From rows to the model."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.pharmacy.model.formulary import Form, FormularyStatus, Medicine, Route
from hms_rt.departments.pharmacy.model.frequency import FrequencyKind
from hms_rt.departments.pharmacy.model.prescription import Line, Prescription, PrescriptionState
from hms_rt.departments.pharmacy.model.store import Store, StoreKind


def medicine(row: Row[Any]) -> Medicine:
    """A row of the formulary."""
    kinds = {"form": Form(row.form), "status": FormularyStatus(row.status)}
    return Medicine(**{**read(Medicine, row), **kinds})


def store(row: Row[Any]) -> Store:
    """A row of the stores."""
    return Store(**{**read(Store, row), "kind": StoreKind(row.kind)})


def prescription(row: Row[Any]) -> Prescription:
    """A row of the prescriptions."""
    return Prescription(**{**read(Prescription, row), "state": PrescriptionState(row.state)})


def line(row: Row[Any]) -> Line:
    """A row of the lines."""
    kinds = {
        "route": Route(row.route),
        "frequency_kind": FrequencyKind(row.frequency_kind),
        "times": tuple(row.times),
    }
    return Line(**{**read(Line, row), **kinds})


def read(model: type[Any], row: Row[Any]) -> dict[str, Any]:
    """The columns of a row that are fields of ``model``."""
    return {field.name: getattr(row, field.name) for field in fields(model)}
