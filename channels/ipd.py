"""Namespace ``/ipd``: the medication of a ward, live, what nurses record of it, and the way into a bed."""

from hms_rt.departments.ipd import views
from hms_rt.departments.ipd.schemas import AcceptCommand, AdmissionOut, AssignCommand, BedTransferCommand
from hms_rt.departments.ipd.schemas.medication import (
    AdministerCommand,
    AdministrationIn,
    AdministrationOut,
    AsNeededCommand,
    AsNeededIn,
)
from hms_rt.departments.ipd.service import IpdService
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
    return {**_of_medication(services.medication), **_of_admissions(services.ipd)}


def _of_admissions(ipd: IpdService) -> dict[str, SocketCommand]:
    async def accept(principal: Principal, command: Command, body: AcceptCommand) -> AdmissionOut:
        return await ipd.accept(principal, command, body.admission_id, body)

    async def assign(principal: Principal, command: Command, body: AssignCommand) -> AdmissionOut:
        return await ipd.assign(principal, command, body.admission_id, body)

    async def transfer(principal: Principal, command: Command, body: BedTransferCommand) -> AdmissionOut:
        return await ipd.transfer(principal, command, body.admission_id, body)

    return {
        "accept": SocketCommand(
            "ipd.accept", AcceptCommand, accept, "The ward takes the patient", Permission.ADMISSION_ACCEPT
        ),
        "assign": SocketCommand(
            "ipd.assign", AssignCommand, assign, "Put the patient into a bed", Permission.BED_ASSIGN
        ),
        "transfer": SocketCommand(
            "ipd.transfer",
            BedTransferCommand,
            transfer,
            "Move the patient to another bed",
            Permission.STAY_TRANSFER,
        ),
    }


def _of_medication(medication: MedicationService) -> dict[str, SocketCommand]:
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
