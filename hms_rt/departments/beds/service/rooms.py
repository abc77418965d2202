"""Rooms that are kept for an isolation, whoever lies there: cohorts, outbreaks."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds.events import BedMove, BedsChanged
from hms_rt.departments.beds.model import Precaution
from hms_rt.departments.beds.repository import beds as bed_rows
from hms_rt.departments.beds.repository import rooms as room_rows
from hms_rt.departments.beds.schemas import RoomIsolationIn, RoomList, RoomOut
from hms_rt.departments.beds.service.foundation import Foundation
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, forbidden
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork


class Rooms(Foundation):
    """What a room is kept for does not hang on a bed, and stays when the patients have gone."""

    async def rooms(self, principal: Principal, ward: str) -> RoomList:
        """The rooms of a ward by code; organisms for its clinical staff. For people, not for screens.

        Raises ``not_found``, ``forbidden``.
        """
        audience = self.audience(principal, ward)
        if audience is Audience.DISPLAY:
            raise forbidden()
        async with self._units.reading() as connection:
            await self._ward(connection, ward)
            rows = await room_rows.of_ward(connection, ward)
        return RoomList(rooms=[_room_out(row, audience) for row in rows])

    async def isolate_room(
        self, principal: Principal, command: Command, ward: str, code: str, wanted: RoomIsolationIn
    ) -> RoomOut:
        """Say what a room is kept for, or that it is not any more; by those who treat on the ward.

        From then on only patients in that isolation come in (for that organism, if it is told), or for a
        reason. Raises ``conflict`` if somebody else lies there and no reason is given, ``not_found``,
        ``stale_version``, ``forbidden``. The ward's board shows it on every bed of the room.
        """

        async def work(uow: UnitOfWork) -> RoomOut:
            require(principal, Permission.ROOM_ISOLATE)
            require_ward(principal, Permission.ROOM_ISOLATE, ward)
            ids = await room_rows.bed_ids(uow.connection, ward, code)
            beds = await bed_rows.lock_beds(uow.connection, ids) if ids else {}
            before = await room_rows.lock(uow.connection, ward, code)
            command.check_version(before.version)
            kept = Precaution(wanted.isolation, wanted.organism) if wanted.isolation is not None else None
            override = await _override(uow.connection, ward, code, kept, wanted.override_reason)
            await room_rows.save(uow.connection, ward, code, kept, override)
            moves = tuple(
                BedMove(bed.id, bed.ward, bed.status, bed.status, counted=False) for bed in beds.values()
            )
            uow.record(BedsChanged(moves, Cause.FLAG))
            uow.audit(
                "room.isolate",
                entity="room",
                entity_id=f"{ward}/{code}",
                detail={"from": before.isolation, "to": wanted.isolation, "override": override is not None},
            )
            (row,) = await room_rows.of_ward(uow.connection, ward, code)
            return _room_out(row, self.audience(principal, ward))

        return await self._units.execute(principal, command, RoomOut, work)


async def _override(
    connection: AsyncConnection, ward: str, code: str, kept: Precaution | None, told: str | None
) -> str | None:
    """The reason to keep with the room, if somebody lies there who does not belong; or ``conflict``."""
    if kept is None:
        return None
    strangers = [one for one in await room_rows.lying(connection, ward, code) if not kept.admits(one)]
    if strangers and told is None:
        raise conflict(
            f"{len(strangers)} patients of room {code} are not in that isolation: transfer them, isolate"
            " them, or say override_reason"
        )
    return told if strangers else None


def _room_out(row: Any, audience: Audience) -> RoomOut:
    clinical = audience is Audience.CLINICAL
    return RoomOut(
        ward=row.ward_code,
        code=row.code,
        beds=row.beds or [],
        isolation=row.isolation,
        organism=row.organism if clinical else None,
        override_reason=row.override_reason if clinical else None,
        version=row.version,
    )
