"""Namespace ``/beds``: ward boards and the hospital's occupancy."""

from hms_rt.departments.beds import views
from hms_rt.departments.beds.schemas import (
    BedChange,
    BedCommand,
    BedOut,
    CleaningCommand,
    CleaningOut,
)
from hms_rt.departments.beds.service import BedsService
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.realtime.rooms import RoomKind, StreamKind, everything
from hms_rt.realtime.wire import SocketCommand
from hms_rt.security.permissions import Permission, require
from hms_rt.services import Services

NAMESPACE = "/beds"


def _hospital_audience(principal: Principal, _: str) -> Audience:
    require(principal, Permission.BEDS_FREE)
    return Audience.STAFF


def rooms(services: Services) -> list[RoomKind]:
    """``ward:<code>``, ``hospital`` and, for housekeeping, ``cleaning:<ward>``."""
    beds = services.beds
    return [
        RoomKind(
            namespace=NAMESPACE,
            name="ward",
            streams=StreamKind("beds/ward", beds.ward_state),
            audience=beds.audience,
            views={
                Audience.CLINICAL: everything,
                Audience.STAFF: views.staff,
                Audience.DISPLAY: views.display,
            },
            revision=2,
        ),
        RoomKind(
            namespace=NAMESPACE,
            name="hospital",
            streams=StreamKind(views.HOSPITAL_STREAM, beds.hospital_state),
            audience=_hospital_audience,
            views={Audience.STAFF: everything, Audience.DISPLAY: everything},
            takes_argument=False,
        ),
        RoomKind(
            namespace=NAMESPACE,
            name="cleaning",
            streams=StreamKind("beds/cleaning", beds.cleaning_state),
            audience=beds.cleaning_audience,
            views={Audience.STAFF: everything},
        ),
    ]


def commands(services: Services) -> dict[str, SocketCommand]:
    """The same as PATCH /beds/{id} and the moves of /cleaning/{id}."""
    beds: BedsService = services.beds

    async def change_bed(principal: Principal, command: Command, body: BedCommand) -> BedOut:
        change = BedChange(**body.model_dump(exclude={"bed_id"}, exclude_unset=True))
        return await beds.change(principal, command, body.bed_id, change)

    async def claim(principal: Principal, command: Command, body: CleaningCommand) -> CleaningOut:
        return await beds.claim_cleaning(principal, command, body.cleaning_id)

    async def finish(principal: Principal, command: Command, body: CleaningCommand) -> CleaningOut:
        return await beds.finish_cleaning(principal, command, body.cleaning_id)

    return {
        "change_bed": SocketCommand(
            "beds.change", BedCommand, change_bed, "Change a bed's state or flag", Permission.BED_STATUS
        ),
        "claim_cleaning": SocketCommand(
            "beds.claim_cleaning", CleaningCommand, claim, "Start to clean a bed", Permission.CLEANING_DO
        ),
        "finish_cleaning": SocketCommand(
            "beds.finish_cleaning", CleaningCommand, finish, "A bed is clean", Permission.CLEANING_DO
        ),
    }
