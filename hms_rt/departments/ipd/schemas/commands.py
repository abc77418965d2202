"""What is asked of inpatients: admission, bed, discharge, correction."""

import uuid

from pydantic import model_validator

from hms_rt.departments.ipd.model import Disposition
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema


class Timed(Schema):
    """Base of every command that happens at a time of its own: late entry is normal."""

    occurred_at: Moment | None = None
    """When it happened; now, unless told. What lies in the future is refused."""


class AdmissionIn(Timed):
    """A request to admit a patient."""

    patient_id: uuid.UUID
    ward: PlaceCode
    reason: Reason
    """Shown to those who treat the patient."""


class BedChoice(Timed):
    """Where the patient goes: a bed, or any available bed of a ward."""

    bed_id: uuid.UUID | None = None
    ward: PlaceCode | None = None

    @model_validator(mode="after")
    def _one(self) -> "BedChoice":
        if (self.bed_id is None) == (self.ward is None):
            raise ValueError("say either bed_id, or ward for any available bed of it")
        return self


class TransferIn(BedChoice):
    """A move to another bed."""

    contaminated: bool = False
    """The bed left behind is contaminated; otherwise it is cleaned next."""


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


class CancelIn(Timed):
    """The request is withdrawn or refused."""

    reason: Reason


class CorrectionIn(Schema):
    """What was recorded never happened. It stays in the history, marked as entered in error."""

    reason: Reason
