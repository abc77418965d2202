"""Changing the state of beds: by the staff of a ward, and by the server's timer."""

import uuid
from dataclasses import replace
from datetime import timedelta

from hms_rt.departments.beds.model import DEFAULT_RESERVATION, Bed, BedStatus
from hms_rt.departments.beds.repository import beds as bed_rows
from hms_rt.departments.beds.schemas import BedChange, BedOut
from hms_rt.departments.beds.service.foundation import Foundation
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork


class States(Foundation):
    """The states that no stay owns."""

    async def change(
        self, principal: Principal, command: Command, bed_id: uuid.UUID, change: BedChange
    ) -> BedOut:
        """Set state or flag of a bed. Raises ``illegal_move``, ``stale_version``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> BedOut:
            require(principal, Permission.BED_STATUS)
            before = (await bed_rows.lock_beds(uow.connection, [bed_id]))[bed_id]
            require_ward(principal, Permission.BED_STATUS, before.ward)
            command.check_version(before.version)
            after = _changed(before, change, uow)
            cause = Cause.STATUS if after.status is not before.status else Cause.FLAG
            await self._save(uow, [(before, after)], cause)
            uow.audit(
                "bed.change",
                entity="bed",
                entity_id=bed_id,
                detail={
                    "from": before.status,
                    "to": after.status,
                    "isolation": after.isolation,
                    "reason": change.reason,
                },
            )
            return await self._out(uow.connection, bed_id, self.audience(principal, before.ward))

        return await self._units.execute(principal, command, BedOut, work)

    async def release_expired(self, principal: Principal, command: Command) -> None:
        """The server's timer: beds whose reservation has run out become available again, each once.

        Processes that run it at the same time lock different beds.
        """

        async def work(uow: UnitOfWork) -> None:
            expired = await bed_rows.lock_expired(uow.connection, uow.now, most=50)
            pairs = [(bed, bed.change_status(BedStatus.AVAILABLE, uow.now)) for bed in expired]
            if pairs:
                await self._save(uow, pairs, Cause.EXPIRED)
                for bed in expired:
                    uow.audit("bed.reservation_expired", entity="bed", entity_id=bed.id)

        await self._units.execute(principal, command, type(None), work)


def _changed(bed: Bed, change: BedChange, uow: UnitOfWork) -> Bed:
    after = bed
    if change.status is BedStatus.RESERVED:
        length = (
            timedelta(minutes=change.reserved_minutes) if change.reserved_minutes else DEFAULT_RESERVATION
        )
        after = bed.reserve(change.reserved_for, uow.now + length, uow.now)
    elif change.status is BedStatus.OUT_OF_SERVICE:
        after = bed.close(change.reason or "", change.expected_back_at, uow.now)
    elif change.status is not None:
        after = bed.change_status(change.status, uow.now)
    if change.isolation is not None:
        after = _marked(after, isolation=change.isolation)
    return after


def _marked(bed: Bed, *, isolation: bool) -> Bed:
    if not isolation and bed.isolation_kind is not None and bed.status is BedStatus.OCCUPIED:
        raise conflict("the patient in this bed is in isolation: change what the patient needs")
    return replace(bed, isolation=True) if isolation else bed.isolated(None)
