"""What the hospital's pharmacy keeps: medicines, their strength and the doses that are usual."""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from enum import StrEnum

from hms_rt.kernel.errors import Code, HmsError

FINEST = Decimal("0.0001")
"""The smallest step of a quantity."""


class Form(StrEnum):
    """In which form a medicine comes."""

    TABLET = "tablet"
    CAPSULE = "capsule"
    SOLUTION = "solution"
    SUSPENSION = "suspension"
    INJECTION = "injection"
    INFUSION = "infusion"
    DROPS = "drops"
    INHALER = "inhaler"
    PATCH = "patch"
    SUPPOSITORY = "suppository"
    CREAM = "cream"
    POWDER = "powder"
    OTHER = "other"


class Route(StrEnum):
    """How a medicine gets into the patient."""

    ORAL = "oral"
    SUBLINGUAL = "sublingual"
    INTRAVENOUS = "intravenous"
    INTRAMUSCULAR = "intramuscular"
    SUBCUTANEOUS = "subcutaneous"
    INHALED = "inhaled"
    RECTAL = "rectal"
    TOPICAL = "topical"
    TRANSDERMAL = "transdermal"
    OPHTHALMIC = "ophthalmic"
    OTIC = "otic"
    NASAL = "nasal"
    OTHER = "other"


class FormularyStatus(StrEnum):
    """Whether a medicine can be prescribed."""

    ACTIVE = "active"
    SUSPENDED = "suspended"  # not for now: out of stock everywhere, under review
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Medicine:
    """One entry of the formulary.

    ``per`` units of ``dispense_unit`` hold ``strength`` of ``strength_unit``: 500 mg in 1 tablet, 250 mg in
    5 mL. Doses, and their usual bounds, are in ``strength_unit``; stock is in ``dispense_unit``. Giving a
    ``controlled`` one takes a witness. Who wants to buy one ``over_the_counter`` needs no prescription.
    """

    code: str
    generic: str
    brand: str | None
    form: Form
    strength: Decimal
    strength_unit: str
    per: Decimal
    dispense_unit: str
    atc: str | None
    dose_min: Decimal | None
    dose_max: Decimal | None
    daily_max: Decimal | None
    controlled: bool
    status: FormularyStatus
    version: int = 1
    over_the_counter: bool = False

    def check(self) -> None:
        """Raises ``invalid`` for doses, or rules, that contradict each other."""
        given = [bound for bound in (self.dose_min, self.dose_max, self.daily_max) if bound is not None]
        if given != sorted(given):
            raise invalid("dose_min", "bounds ascend: dose_min, dose_max, daily_max")
        if self.controlled and self.over_the_counter:
            raise invalid("over_the_counter", "a controlled medicine takes a prescription")

    @property
    def name(self) -> str:
        """As it stands on lists: ``Amoxicillin 500 mg capsule``."""
        return f"{self.generic} {self.strength.normalize():f} {self.strength_unit} {self.form.value}"

    def units_for(self, dose: Decimal) -> Decimal:
        """How much of ``dispense_unit`` holds ``dose``, rounded up to the finest step."""
        return (dose * self.per / self.strength).quantize(FINEST, ROUND_UP)


def invalid(field: str, problem: str) -> HmsError:
    """``field`` of what was told cannot be."""
    return HmsError(
        Code.INVALID, f"{field}: {problem}", fields={"problems": [{"field": field, "problem": problem}]}
    )
