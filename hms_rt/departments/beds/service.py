"""Rooms and beds: definition, state, boards; and what other departments ask of a bed."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import reading, repository, views
from hms_rt.departments.beds.events import BedMove, BedsChanged, WardDefined
from hms_rt.departments.beds.model import DEFAULT_RESERVATION, Bed, BedStatus
from hms_rt.departments.beds.schemas import (
    BedChange,
    BedIn,
    BedOut,
    BedQuery,
    FreeBeds,
    LocationTree,
    WardIn,
    WardOut,
)
from hms_rt.departments.patients.service import PatientsService
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import Page, PageQuery, page_by_code
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from hms_rt.security.permissions import Permission, require, require_ward, wards
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

State = dict[str, Mapping[str, Any]]


class BedsService:
    """Owns the location tree and the beds.

    ``occupied`` follows the patient's stay: :meth:`occupy`, :meth:`vacate` and :meth:`move` are for the
    department of stays, inside its unit of work. Everything that changes a bed locks it first and records
    ``BedsChanged``, which its projector turns into changes of ``beds/ward:<code>`` and ``beds/hospital``.
    """

    def __init__(self, units: UnitsOfWork, patients: PatientsService) -> None:
        self._units = units
        self._patients = patients

    # --- definition

    async def define_ward(self, principal: Principal, command: Command, ward: WardIn) -> WardOut:
        """Define a ward. Raises ``conflict`` if the code is taken."""

        async def work(uow: UnitOfWork) -> WardOut:
            require(principal, Permission.BED_DEFINE)
            try:
                await repository.insert_ward(
                    uow.connection, ward.code, ward.name, ward.facility, ward.building
                )
            except IntegrityError as error:
                raise _taken(error, f"ward {ward.code} exists already") from error
            uow.record(WardDefined(ward.code))
            uow.audit("ward.define", entity="ward", entity_id=ward.code)
            return WardOut(**ward.model_dump(), version=1)

        return await self._units.execute(principal, command, WardOut, work)

    async def define_bed(self, principal: Principal, command: Command, wanted: BedIn) -> BedOut:
        """Define a bed, and its room if new. Raises ``conflict`` if the ward has that bed, ``not_found``."""

        async def work(uow: UnitOfWork) -> BedOut:
            require(principal, Permission.BED_DEFINE)
            await self._ward(uow.connection, wanted.ward)
            bed_id = uow.ids.new()
            try:
                await repository.insert_bed(
                    uow.connection, bed_id, wanted.ward, wanted.room, wanted.code, wanted.status, uow.now
                )
            except IntegrityError as error:
                raise _taken(error, f"ward {wanted.ward} has a bed {wanted.code} already") from error
            uow.record(BedsChanged((BedMove(bed_id, wanted.ward, None, wanted.status),), Cause.DEFINED))
            uow.audit("bed.define", entity="bed", entity_id=bed_id)
            return await self._out(uow.connection, bed_id, Audience.STAFF)

        return await self._units.execute(principal, command, BedOut, work)

    # --- state

    async def change(
        self, principal: Principal, command: Command, bed_id: uuid.UUID, change: BedChange
    ) -> BedOut:
        """Set state or flag of a bed. Raises ``illegal_move``, ``stale_version``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> BedOut:
            require(principal, Permission.BED_STATUS)
            before = (await repository.lock_beds(uow.connection, [bed_id]))[bed_id]
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
        """The server's timer: beds whose reservation has run out become available again."""

        async def work(uow: UnitOfWork) -> None:
            expired = await repository.lock_expired(uow.connection, uow.now, most=50)
            pairs = [(bed, bed.change_status(BedStatus.AVAILABLE, uow.now)) for bed in expired]
            if pairs:
                await self._save(uow, pairs, Cause.STATUS)
                for bed in expired:
                    uow.audit("bed.reservation_expired", entity="bed", entity_id=bed.id)

        await self._units.execute(principal, command, type(None), work)

    # --- reading

    async def wards(self, principal: Principal, query: PageQuery) -> Page[WardOut]:
        """Wards, by code."""
        require(principal, Permission.PLACES_READ)
        async with self._units.reading() as connection:
            found = [reading.ward_out(row) for row in await repository.wards(connection)]
        items, next_cursor = page_by_code(found, query)
        return Page[WardOut](items=items, next_cursor=next_cursor)

    async def ward(self, principal: Principal, code: str) -> WardOut:
        """One ward; raises ``not_found``."""
        require(principal, Permission.PLACES_READ)
        async with self._units.reading() as connection:
            return await self._ward(connection, code)

    async def beds(self, principal: Principal, command: Command, query: BedQuery) -> Page[BedOut]:
        """Beds of a ward by code. Names are shown to the ward's clinical staff, and that is audited."""
        audience = self.audience(principal, query.ward)

        async def work(uow: UnitOfWork) -> Page[BedOut]:
            await self._ward(uow.connection, query.ward)
            page = await reading.beds(uow.connection, query, audience)
            if audience is Audience.CLINICAL:
                uow.audit("ward.read", entity="ward", entity_id=query.ward)
            return page

        return await self._units.execute(principal, replace(command, key=None), Page[BedOut], work)

    async def bed(self, principal: Principal, command: Command, bed_id: uuid.UUID) -> BedOut:
        """One bed; raises ``not_found``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> BedOut:
            require(principal, Permission.BED_READ)
            rows = await repository.board_rows(uow.connection, ids=[bed_id])
            if not rows:
                raise not_found("that bed")
            audience = self.audience(principal, rows[0].ward_code)
            shown = reading.bed_out(rows[0], audience)
            if shown.occupant is not None:
                uow.audit("bed.read", entity="bed", entity_id=bed_id, patient_id=shown.occupant.patient_id)
            return shown

        return await self._units.execute(principal, replace(command, key=None), BedOut, work)

    async def free(self, principal: Principal) -> FreeBeds:
        """Beds of the hospital by ward and state, without names."""
        require(principal, Permission.BEDS_FREE)
        async with self._units.reading() as connection:
            rows = await repository.occupancies(connection)
        return FreeBeds(wards=[reading.occupancy_out(row) for row in rows])

    async def locations(self, principal: Principal) -> LocationTree:
        """The whole tree of places."""
        require(principal, Permission.PLACES_READ)
        async with self._units.reading() as connection:
            return reading.tree(await repository.tree_rows(connection))

    # --- rooms

    @staticmethod
    def audience(principal: Principal, ward: str) -> Audience:
        """Which view of a ward's board ``principal`` gets; raises ``forbidden`` for none."""
        require_ward(principal, Permission.BED_READ, ward)
        if principal.kind is PrincipalKind.DEVICE:
            return Audience.DISPLAY
        reach = wards(principal, Permission.RECORD_READ)
        treats = principal.has(Role.DOCTOR, Role.NURSE) and (reach is None or ward in reach)
        return Audience.CLINICAL if treats else Audience.STAFF

    @staticmethod
    async def ward_state(connection: AsyncConnection, code: str) -> State | None:
        """The state of stream ``beds/ward:<code>``; None if there is no such ward."""
        found = await repository.wards(connection, code)
        if not found:
            return None
        (counts,) = await repository.occupancies(connection, code)
        state: State = {
            "ward": {"code": found[0].code, "name": found[0].name},
            "occupancy": views.occupancy_value(counts),
        }
        for row in await repository.board_rows(connection, ward=code):
            state[views.bed_key(row.id)] = views.bed_value(row)
        return state

    @staticmethod
    async def hospital_state(connection: AsyncConnection, _: str) -> State | None:
        """The state of stream ``beds/hospital``."""
        rows = await repository.occupancies(connection)
        return {row.ward_code: views.hospital_value(row, row.name) for row in rows}

    # --- for the department of stays, inside its unit of work

    async def lock(self, uow: UnitOfWork, *ids: uuid.UUID) -> dict[uuid.UUID, Bed]:
        """Lock beds, in order of id; raises ``not_found``."""
        return await repository.lock_beds(uow.connection, ids)

    async def lock_any_free(self, uow: UnitOfWork, ward: str) -> Bed:
        """Lock some available bed of ``ward``; raises ``conflict`` when the ward is full."""
        await self._ward(uow.connection, ward)
        bed = await repository.lock_free_bed(uow.connection, ward)
        if bed is None:
            raise conflict(f"ward {ward} has no available bed")
        return bed

    async def occupy(
        self,
        uow: UnitOfWork,
        bed: Bed,
        *,
        stay_id: uuid.UUID,
        patient_id: uuid.UUID,
        holder: uuid.UUID | None,
        since: datetime | None = None,
    ) -> None:
        """Put a patient into a locked bed, now unless told. Raises ``illegal_move``, ``conflict``."""
        after = bed.occupy(holder, since or uow.now)
        await self._put_in(uow, bed, stay_id, patient_id, since or uow.now)
        await self._save(uow, [(bed, after)], Cause.OCCUPIED)

    async def vacate(
        self,
        uow: UnitOfWork,
        bed: Bed,
        *,
        to: BedStatus = BedStatus.CLEANING,
        since: datetime | None = None,
    ) -> None:
        """Take the patient out of a locked bed, which is cleaned next. Raises ``illegal_move``."""
        after = bed.vacate(to, since or uow.now)
        await repository.remove_occupant(uow.connection, bed.id)
        await self._save(uow, [(bed, after)], Cause.LEFT)

    async def move(
        self,
        uow: UnitOfWork,
        source: Bed,
        target: Bed,
        *,
        stay_id: uuid.UUID,
        patient_id: uuid.UUID,
        holder: uuid.UUID | None,
        leaves: BedStatus = BedStatus.CLEANING,
        since: datetime | None = None,
    ) -> None:
        """Move a patient between two locked beds, as one change of both boards.

        The bed left behind becomes ``leaves``. Raises ``illegal_move``, ``conflict``.
        """
        target_after = target.occupy(holder, since or uow.now)
        source_after = source.vacate(leaves, since or uow.now)
        await repository.remove_occupant(uow.connection, source.id)
        await self._put_in(uow, target, stay_id, patient_id, since or uow.now)
        await self._save(uow, [(source, source_after), (target, target_after)], Cause.MOVED)

    # --- inside

    async def _put_in(
        self, uow: UnitOfWork, bed: Bed, stay_id: uuid.UUID, patient_id: uuid.UUID, since: datetime
    ) -> None:
        patient = (await self._patients.brief(uow.connection, [patient_id]))[patient_id]
        try:
            await repository.put_occupant(
                uow.connection,
                bed_id=bed.id,
                stay_id=stay_id,
                patient_id=patient_id,
                name=patient.name,
                mrn=patient.mrn,
                sex=patient.sex,
                birth_date=patient.birth_date,
                since=since,
            )
        except IntegrityError as error:
            raise _taken(error, "the bed has a patient, or the patient has a bed") from error

    @staticmethod
    async def _save(uow: UnitOfWork, pairs: list[tuple[Bed, Bed]], cause: Cause) -> None:
        for _, after in pairs:
            await repository.save_bed(uow.connection, after)
        moves = tuple(BedMove(after.id, after.ward, before.status, after.status) for before, after in pairs)
        uow.record(BedsChanged(moves, cause))

    @staticmethod
    async def _ward(connection: AsyncConnection, code: str) -> WardOut:
        found = await repository.wards(connection, code)
        if not found:
            raise not_found(f"ward {code}")
        return reading.ward_out(found[0])

    @staticmethod
    async def _out(connection: AsyncConnection, bed_id: uuid.UUID, audience: Audience) -> BedOut:
        (row,) = await repository.board_rows(connection, ids=[bed_id])
        return reading.bed_out(row, audience)


def _changed(bed: Bed, change: BedChange, uow: UnitOfWork) -> Bed:
    after = bed
    if change.status is BedStatus.RESERVED:
        length = (
            timedelta(minutes=change.reserved_minutes) if change.reserved_minutes else DEFAULT_RESERVATION
        )
        after = bed.reserve(change.reserved_for, uow.now + length, uow.now)
    elif change.status is not None:
        after = bed.change_status(change.status, uow.now)
    if change.isolation is not None:
        after = replace(after, isolation=change.isolation)
    return after


def _taken(error: IntegrityError, detail: str) -> Exception:
    return conflict(detail) if violated(error) is not None else error
