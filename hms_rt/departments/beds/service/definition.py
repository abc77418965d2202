"""Defining wards and beds."""

import uuid

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.beds.events import BedMove, BedsChanged, WardDefined
from hms_rt.departments.beds.model import Bed, BedKind, BedStatus
from hms_rt.departments.beds.repository import beds as bed_rows
from hms_rt.departments.beds.repository import places
from hms_rt.departments.beds.schemas import BedIn, BedOut, FeaturesIn, WardIn, WardOut
from hms_rt.departments.beds.service.foundation import Foundation, follow_status, taken
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Definition(Foundation):
    """What there is: by administrators."""

    async def define_ward(self, principal: Principal, command: Command, ward: WardIn) -> WardOut:
        """Define a ward. Raises ``conflict`` if the code is taken."""

        async def work(uow: UnitOfWork) -> WardOut:
            require(principal, Permission.BED_DEFINE)
            try:
                await places.insert_ward(uow.connection, ward.code, ward.name, ward.facility, ward.building)
            except IntegrityError as error:
                raise taken(error, f"ward {ward.code} exists already") from error
            uow.record(WardDefined(ward.code))
            uow.audit("ward.define", entity="ward", entity_id=ward.code)
            return WardOut(**ward.model_dump(), version=1)

        return await self._units.execute(principal, command, WardOut, work)

    async def define_bed(self, principal: Principal, command: Command, wanted: BedIn) -> BedOut:
        """Define a bed, and its room if new. Raises ``conflict`` if the ward has that bed, ``not_found``."""

        async def work(uow: UnitOfWork) -> BedOut:
            require(principal, Permission.BED_DEFINE)
            await self._ward(uow.connection, wanted.ward)
            bed = _new_bed(uow, wanted)
            try:
                await bed_rows.insert_bed(uow.connection, bed)
                await bed_rows.lock_rooms(uow.connection, [(bed.ward, bed.room)])
            except IntegrityError as error:
                raise taken(error, f"ward {wanted.ward} has a bed {wanted.code} already") from error
            await follow_status(uow, None, bed)
            move = BedMove(bed.id, bed.ward, None, bed.status, counted=bed.kind is BedKind.BED)
            uow.record(BedsChanged((move,), Cause.DEFINED))
            uow.audit("bed.define", entity="bed", entity_id=bed.id)
            return await self._out(uow.connection, bed.id, Audience.STAFF)

        return await self._units.execute(principal, command, BedOut, work)

    async def set_features(
        self, principal: Principal, command: Command, bed_id: uuid.UUID, wanted: FeaturesIn
    ) -> BedOut:
        """Say what a bed is equipped with. Raises ``not_found``, ``stale_version``."""

        async def work(uow: UnitOfWork) -> BedOut:
            require(principal, Permission.BED_DEFINE)
            before = (await bed_rows.lock_beds(uow.connection, [bed_id]))[bed_id]
            command.check_version(before.version)
            await bed_rows.save_features(uow.connection, bed_id, frozenset(wanted.features))
            move = BedMove(bed_id, before.ward, before.status, before.status)
            uow.record(BedsChanged((move,), Cause.DEFINED))
            uow.audit(
                "bed.features",
                entity="bed",
                entity_id=bed_id,
                detail={"from": sorted(before.features), "to": sorted(wanted.features)},
            )
            return await self._out(uow.connection, bed_id, Audience.STAFF)

        return await self._units.execute(principal, command, BedOut, work)


def _new_bed(uow: UnitOfWork, wanted: BedIn) -> Bed:
    closed = wanted.status is BedStatus.OUT_OF_SERVICE
    return Bed(
        id=uow.ids.new(),
        ward=wanted.ward,
        code=wanted.code,
        status=wanted.status,
        isolation=False,
        since=uow.now,
        reserved_for=None,
        reserved_until=None,
        version=1,
        room=wanted.room,
        kind=wanted.kind,
        features=frozenset(wanted.features),
        out_of_service_reason=(wanted.reason or "not in use yet") if closed else None,
    )
