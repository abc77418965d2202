"""Namespace ``/ipd``: the medication of a ward, live, and what nurses record of it."""

from hms_rt.departments.ipd import views
from hms_rt.departments.ipd.schemas.medication import (
    AdministerCommand,
    AdministrationIn,
    AdministrationOut,
    AsNeededCommand,
    AsNeededIn,
)
from hms_rt.departments.ipd.service.medication import MedicationService
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.realtime.rooms import RoomKind, StreamKind, everything
from hms_rt.realtime.wire import SocketCommand
from hms_rt.security.permissions import Permission
from hms_rt.services import Services

NAMESPACE = "/ipd"


def rooms(services: Services) -> list[RoomKind]:
    """``ward:<code>``: doses due and overdue, medicines as needed, and the sums."""
    return [
        RoomKind(
            namespace=NAMESPACE,
            name="ward",
            streams=StreamKind("ipd/ward", services.medication.ward_state),
            audience=services.medication.ward_audience,
            views={Audience.CLINICAL: everything, Audience.STAFF: views.staff},
            revision=2,
        ),
    ]


def commands(services: Services) -> dict[str, SocketCommand]:
    """The same as by REST."""
    medication: MedicationService = services.medication

    async def administer(
        principal: Principal, command: Command, body: AdministerCommand
    ) -> AdministrationOut:
        told = AdministrationIn(**body.model_dump(exclude={"dose_id"}))
        return await medication.administer(principal, command, body.dose_id, told)

    async def administer_as_needed(
        principal: Principal, command: Command, body: AsNeededCommand
    ) -> AdministrationOut:
        told = AsNeededIn(**body.model_dump(exclude={"line_id"}))
        return await medication.administer_as_needed(principal, command, body.line_id, told)

    return {
        "administer": SocketCommand(
            "medication.administer",
            AdministerCommand,
            administer,
            "Record what became of a dose",
            Permission.MEDICATION_ADMINISTER,
        ),
        "administer_as_needed": SocketCommand(
            "medication.administer_as_needed",
            AsNeededCommand,
            administer_as_needed,
            "Record a dose given as needed",
            Permission.MEDICATION_ADMINISTER,
        ),
    }
