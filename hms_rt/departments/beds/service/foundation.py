"""What every part of the service works with: writing a bed with all that follows from its state."""

import uuid

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import reading
from hms_rt.departments.beds.events import BedMove, BedsChanged, CleaningChanged, HoldEnd, HoldEnded
from hms_rt.departments.beds.model import Bed, BedKind, BedStatus
from hms_rt.departments.beds.model.cleaning import DUE_WITHIN, Cleaning, CleaningKind, CleaningState
from hms_rt.departments.beds.repository import beds as bed_rows
from hms_rt.departments.beds.repository import board, occupants, places
from hms_rt.departments.beds.repository import cleaning as cleaning_rows
from hms_rt.departments.beds.schemas import BedOut, WardOut
from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.notifications.service import NotificationsService
from hms_rt.departments.patients.service import PatientsService
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from hms_rt.security.permissions import Permission, require_ward, wards
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

TO_CLEAN = {BedStatus.CLEANING: CleaningKind.ROUTINE, BedStatus.CONTAMINATED: CleaningKind.TERMINAL}
"""States in which a bed waits for housekeeping, and how thoroughly it is to be cleaned."""


_ENDS = {Cause.EXPIRED: HoldEnd.EXPIRED, Cause.CANCELLED: HoldEnd.CANCELLED}


class Foundation:
    """The collaborators of the service."""

    def __init__(
        self,
        units: UnitsOfWork,
        patients: PatientsService,
        identity: IdentityService,
        notifications: NotificationsService,
    ) -> None:
        self._units = units
        self._patients = patients
        self._identity = identity
        self._notifications = notifications

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
    async def _save(uow: UnitOfWork, pairs: list[tuple[Bed, Bed]], cause: Cause) -> None:
        """Write locked beds, given before and after; ends holds, asks for cleaning or has it done."""
        for before, after in pairs:
            await bed_rows.save_bed(uow.connection, after)
            if before.status is BedStatus.RESERVED and after.status is not BedStatus.RESERVED:
                await _end_hold(uow, after, cause)
            if before.status is not after.status:
                await follow_status(uow, before, after)
        moves = tuple(_move(before, after) for before, after in pairs)
        uow.record(BedsChanged(moves, cause))

    @staticmethod
    def _shown_anew(uow: UnitOfWork, bed: Bed, cause: Cause) -> None:
        """What the board shows of a locked bed changed, though not the bed itself."""
        if not any(isinstance(e, BedsChanged) and bed.id in {m.bed_id for m in e.moves} for e in uow.events):
            uow.record(BedsChanged((_move(bed, bed),), cause))

    @staticmethod
    async def _ward(connection: AsyncConnection, code: str) -> WardOut:
        found = await places.wards(connection, code)
        if not found:
            raise not_found(f"ward {code}")
        return reading.ward_out(found[0])

    @staticmethod
    async def _out(connection: AsyncConnection, bed_id: uuid.UUID, audience: Audience) -> BedOut:
        (row,) = await board.board_rows(connection, ids=[bed_id])
        return reading.bed_out(row, audience)


def _move(before: Bed, after: Bed) -> BedMove:
    return BedMove(after.id, after.ward, before.status, after.status, counted=after.kind is BedKind.BED)


async def _end_hold(uow: UnitOfWork, bed: Bed, cause: Cause) -> None:
    row = await occupants.remove_hold(uow.connection, bed.id)
    if row is None:
        return
    how = _ENDS.get(cause, HoldEnd.RELEASED)
    if bed.status is BedStatus.OCCUPIED:
        how = HoldEnd.TAKEN
    uow.record(HoldEnded(bed.id, bed.code, bed.ward, row.admission_id, row.patient_id, how))


async def follow_status(uow: UnitOfWork, before: Bed | None, after: Bed) -> None:
    """The request to housekeeping follows the state of its bed."""
    waited = before is not None and before.status in TO_CLEAN
    if after.status in TO_CLEAN and not waited:
        await _ask_for_cleaning(uow, after)
    elif waited and after.status not in TO_CLEAN:
        request = await cleaning_rows.lock_open(uow.connection, after.id)
        if request is not None and request.kind is not CleaningKind.SPOT:
            who = uow.principal.id
            clean = after.status is BedStatus.AVAILABLE
            ended = request.finish(who, uow.now) if clean else request.cancel(who, uow.now)
            await cleaning_rows.save(uow.connection, ended)
            uow.record(CleaningChanged(request.id, after.ward, Cause.DONE if clean else Cause.CANCELLED))


async def _ask_for_cleaning(uow: UnitOfWork, bed: Bed) -> None:
    kind = TO_CLEAN[bed.status]
    request = await cleaning_rows.lock_open(uow.connection, bed.id)
    if request is not None:
        request = request.raised_to(kind, uow.now)
        await cleaning_rows.save(uow.connection, request)
    else:
        request = new_cleaning(uow, bed, kind)
        await cleaning_rows.insert(uow.connection, request)
    uow.record(CleaningChanged(request.id, bed.ward, Cause.ORDERED))


def new_cleaning(uow: UnitOfWork, bed: Bed, kind: CleaningKind, note: str = "") -> Cleaning:
    """A request of now; the time in which it is to be done begins when it is recorded."""
    return Cleaning(
        id=uow.ids.new(),
        bed_id=bed.id,
        ward=bed.ward,
        kind=kind,
        state=CleaningState.REQUESTED,
        requested_at=uow.now,
        requested_by=uow.principal.id,
        due_at=uow.now + DUE_WITHIN[kind],
        note=note,
    )


def taken(error: IntegrityError, detail: str) -> Exception:
    """``error`` as a conflict, if it is a rule of the database that was broken."""
    return conflict(detail) if violated(error) is not None else error
