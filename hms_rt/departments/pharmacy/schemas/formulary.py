"""The formulary and the stores on the wire."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from hms_rt.departments.pharmacy.model.formulary import Form, FormularyStatus
from hms_rt.departments.pharmacy.model.store import StoreKind
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.quantity import Quantity
from hms_rt.kernel.schema import Name, PlaceCode, Schema

MedicineCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_.-]{0,23}$")]
"""The hospital's own code of a medicine: upper-case letters, digits, ``_``, ``.`` and ``-``; at most 24."""

AtcCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]{2}[A-Z]([A-Z]([0-9]{2})?)?$")]
"""A code of the WHO's Anatomical Therapeutic Chemical classification, such as ``J01CA04``."""

Unit = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,20}$")]
"""A unit in UCUM, such as ``mg`` or ``[iU]``."""

DispenseUnit = Annotated[str, StringConstraints(min_length=1, max_length=20, pattern=r"^[A-Za-z][A-Za-z ]*$")]
"""What is counted when stock moves: ``tablet``, ``vial``, ``mL``."""


NearExpiryDays = Annotated[int, Field(ge=1, le=1000)]


class MedicineIn(Schema):
    """A medicine to define: ``per`` of ``dispense_unit`` hold ``strength`` of ``strength_unit``."""

    code: MedicineCode
    generic: Name
    """The substance by its international nonproprietary name."""
    brand: Name | None = None
    form: Form
    strength: Quantity
    strength_unit: Unit
    per: Quantity
    """How much of ``dispense_unit`` holds ``strength``: 1 tablet, 5 mL."""
    dispense_unit: DispenseUnit
    atc: AtcCode | None = None
    dose_min: Quantity | None = None
    """The least usual single dose, in ``strength_unit``; prescribers are warned below it."""
    dose_max: Quantity | None = None
    """The most usual single dose, in ``strength_unit``; prescribers are warned above it."""
    daily_max: Quantity | None = None
    """The most of all doses of 24 hours, in ``strength_unit``."""
    controlled: bool = False
    """Giving it takes a witness."""
    over_the_counter: bool = False
    """Sold without a prescription at a dispensary's own counter."""
    status: FormularyStatus = FormularyStatus.ACTIVE


class MedicineChange(Schema):
    """What to change. What is left out stays; null clears a brand, ATC code or bound.

    Strength and units never change: what was prescribed and stocked counts in them. Define another code.
    """

    generic: Name | None = None
    brand: Name | None = None
    atc: AtcCode | None = None
    dose_min: Quantity | None = None
    dose_max: Quantity | None = None
    daily_max: Quantity | None = None
    controlled: bool | None = None
    over_the_counter: bool | None = None
    status: FormularyStatus | None = None

    @model_validator(mode="after")
    def _something(self) -> "MedicineChange":
        if not self.model_fields_set:
            raise ValueError("say what to change")
        return self


class MedicineOut(MedicineIn):
    """A medicine of the formulary."""

    name: str
    """As it stands on lists and labels."""
    version: int


class MedicineQuery(PageQuery):
    """Which medicines to list."""

    status: FormularyStatus | None = None


class StoreIn(Schema):
    """A dispensary, the cupboard of a ward, or a quarantine, from which nothing is dispensed."""

    code: PlaceCode
    name: Name
    kind: StoreKind
    ward: PlaceCode | None = None
    """Of which ward, for a cupboard."""
    near_expiry_days: NearExpiryDays | None = None
    """How long before its last day of use a lot is told of; the hospital's setting, if left out."""

    @model_validator(mode="after")
    def _sensible(self) -> "StoreIn":
        if (self.kind is StoreKind.WARD) != (self.ward is not None):
            raise ValueError("the cupboard of a ward names it, another store names none")
        return self


class StoreChange(Schema):
    """What to change of a store; what is left out stays."""

    name: Name | None = None
    near_expiry_days: NearExpiryDays | None = None
    """``null``: as the hospital's setting says."""

    @model_validator(mode="after")
    def _something(self) -> "StoreChange":
        if not self.model_fields_set or ("name" in self.model_fields_set and self.name is None):
            raise ValueError("say what to change; a store keeps a name")
        return self


class StoreOut(Schema):
    """A store."""

    code: str
    name: str
    kind: StoreKind
    ward: str | None
    near_expiry_days: int | None
    version: int
