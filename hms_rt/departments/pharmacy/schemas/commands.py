"""Commands of the pharmacy over a socket: as by REST, and the body names what they are about."""

import uuid

from hms_rt.departments.pharmacy.schemas.prescriptions import When, Why
from hms_rt.departments.pharmacy.schemas.stock import CupboardIn, DispenseIn, NotDispensedIn
from hms_rt.kernel.schema import PlaceCode


class HoldCommand(Why):
    """Put a prescription on hold, over a socket."""

    prescription_id: uuid.UUID


class StopCommand(Why):
    """Stop a prescription, over a socket."""

    prescription_id: uuid.UUID


class ResumeCommand(When):
    """End a hold, over a socket."""

    prescription_id: uuid.UUID


class PrepareCommand(DispenseIn):
    """Prepare a dispense of a prescription, over a socket."""

    prescription_id: uuid.UUID


class NotDispensedCommand(NotDispensedIn):
    """Say that the rest of a line is not dispensed, over a socket."""

    prescription_id: uuid.UUID


class HandOverCommand(When):
    """Hand a dispense over, over a socket."""

    dispense_id: uuid.UUID


class CancelDispenseCommand(Why):
    """Put back what was prepared, over a socket."""

    dispense_id: uuid.UUID


class TakeCommand(CupboardIn):
    """Take from a ward's cupboard, over a socket."""

    store: PlaceCode
    """The cupboard."""
