"""Reorder levels on the wire."""

from hms_rt.departments.pharmacy.schemas.formulary import MedicineCode
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.quantity import Amount
from hms_rt.kernel.schema import PlaceCode, Schema


class LevelIn(Schema):
    """From which quantity on to order."""

    reorder_level: Amount | None
    """In the medicine's ``dispense_unit``: told when no more than this is left; ``null``: never."""


class LevelOut(Schema):
    """What a store may hand over of a medicine, and from which quantity on to order."""

    store: str
    medicine: str
    usable: Amount
    """Of all lots that are neither recalled nor expired."""
    reorder_level: Amount | None
    low: bool
    version: int
    """Of the level; 0 before one was set."""


class LevelQuery(PageQuery):
    """Which to list: what there is, or has a level."""

    store: PlaceCode | None = None
    medicine: MedicineCode | None = None
    low: bool | None = None


class LevelCursor(Schema):
    """Sort key of levels."""

    store: str
    medicine: str
