"""What is asked of inpatients: admission, bed, discharge, correction."""

import uuid
from typing import Annotated

from pydantic import Field, model_validator

from hms_rt.departments.beds.model import Isolation
from hms_rt.departments.beds.schemas import Features, Organism
from hms_rt.departments.ipd.model import ChildrenGo, Disposition
from hms_rt.departments.patients.service import Sex
from hms_rt.kernel.schema import Moment, Name, PlaceCode, Reason, Schema


class Timed(Schema):
    """Base of every command that happens at a time of its own: late entry is normal."""

    occurred_at: Moment | None = None
    """When it happened; now, unless told. What lies in the future is refused."""


def check_organism(isolation: Isolation | None, organism: str | None) -> None:
    """Raises ``ValueError`` for an organism without isolation."""
    if isolation is None and organism is not None:
        raise ValueError("organism goes with isolation")


class AdmissionIn(Timed):
    """A request to admit a patient."""

    patient_id: uuid.UUID
    ward: PlaceCode
    reason: Reason
    """Shown to those who treat the patient."""
    features: Features = Field(default_factory=list)
    """What the patient needs of a bed."""
    isolation: Isolation | None = None
    organism: Organism | None = None
    """With ``isolation``: what it is for. Patients with the same may share a room."""

    @model_validator(mode="after")
    def _organism(self) -> "AdmissionIn":
        check_organism(self.isolation, self.organism)
        return self


class BedChoice(Timed):
    """Where the patient goes: a bed, any available bed of a ward that suits, or the bed that is held."""

    bed_id: uuid.UUID | None = None
    ward: PlaceCode | None = None
    held: bool = False
    """True: the bed that is held for this admission."""
    override_reason: Reason | None = None
    """Why the patient comes into a bed that does not suit; only then needed, and kept with the stay."""

    @model_validator(mode="after")
    def _one(self) -> "BedChoice":
        if (self.bed_id is not None) + (self.ward is not None) + self.held != 1:
            raise ValueError("say either bed_id, or ward for any available bed of it, or held")
        return self


class TransferIn(BedChoice):
    """A move to another bed."""

    contaminated: bool = False
    """The bed left behind is contaminated; otherwise it is cleaned next."""
    children_stay: Reason | None = None
    """Why the children who room in stay where they are; unless told, they come along into cots beside the
    new bed."""


class AcceptCommand(Timed):
    """The ward takes the patient, over a socket."""

    admission_id: uuid.UUID


class AssignCommand(BedChoice):
    """Put the patient into a bed, over a socket."""

    admission_id: uuid.UUID


class BedTransferCommand(TransferIn):
    """Move the patient to another bed, over a socket."""

    admission_id: uuid.UUID


class HoldIn(Schema):
    """A bed to keep for the patient: the plan of a transfer, or of the way in."""

    bed_id: uuid.UUID
    minutes: Annotated[int, Field(ge=1, le=1440)] = 120
    """How long; then the bed is released."""


class SwapIn(Timed):
    """The other patient, who comes into this one's bed while this one goes to theirs."""

    with_admission: uuid.UUID
    override_reason: Reason | None = None
    """Why they exchange beds that do not suit; only then needed, and kept with both stays."""
    children_stay: Reason | None = None
    """Why the children who room in with either stay where they are; unless told, they go with the mother."""


class NeedsIn(Schema):
    """What the patient needs of a bed from now on; replaces what was said before."""

    features: Features = Field(default_factory=list)
    isolation: Isolation | None = None
    organism: Organism | None = None
    """With ``isolation``: what it is for. Patients with the same may share a room."""

    @model_validator(mode="after")
    def _organism(self) -> "NeedsIn":
        check_organism(self.isolation, self.organism)
        return self


class BirthIn(Schema):
    """A child is born to the patient."""

    born_at: Moment
    sex: Sex = Sex.UNKNOWN
    given_name: Name | None = None
    """If the child has one already."""
    family_name: Name | None = None
    """The mother's, unless told."""
    bed_id: uuid.UUID | None = None
    """Where the child lies, such as a bed of the newborn unit; a cot in the mother's room unless told."""


class DischargeOrderIn(Timed):
    """A doctor's order to let the patient go."""

    disposition: Disposition = Disposition.HOME

    @model_validator(mode="after")
    def _orderable(self) -> "DischargeOrderIn":
        if self.disposition is Disposition.DIED:
            raise ValueError("a death is not ordered: record the departure with disposition died")
        return self


class DepartureIn(Timed):
    """The patient leaves the bed and the hospital."""

    disposition: Disposition
    contaminated: bool = False
    """The bed is contaminated; otherwise it is cleaned next."""
    children: ChildrenGo | None = None
    """What becomes of the children who room in: needed if there are any, unless the mother died."""
    children_reason: Reason | None = None
    """With ``stay``: why, unless the mother died."""

    @model_validator(mode="after")
    def _children(self) -> "DepartureIn":
        died = self.disposition is Disposition.DIED
        if died and self.children is ChildrenGo.LEAVE:
            raise ValueError("who died takes no child along: children stay")
        if self.children is ChildrenGo.STAY and self.children_reason is None and not died:
            raise ValueError("say children_reason: why the children stay")
        if self.children is not ChildrenGo.STAY and self.children_reason is not None and not died:
            raise ValueError("children_reason goes with children: stay")
        return self


class CancelIn(Timed):
    """The request is withdrawn or refused."""

    reason: Reason


class CorrectionIn(Schema):
    """What was recorded never happened. It stays in the history, marked as entered in error."""

    reason: Reason


class ReturnIn(CorrectionIn):
    """The same of a move: the patient goes back to the bed before or, if that is taken, to another."""

    bed_id: uuid.UUID | None = None
    """Another bed than the one before."""
    ward: PlaceCode | None = None
    """Any available bed of that ward that suits."""
    override_reason: Reason | None = None
    """Why the patient comes into another bed that does not suit; kept with the stay."""

    @model_validator(mode="after")
    def _one_at_most(self) -> "ReturnIn":
        if self.bed_id is not None and self.ward is not None:
            raise ValueError("say bed_id or ward, not both")
        return self
