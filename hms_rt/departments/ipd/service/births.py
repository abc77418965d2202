"""Mother and child: a newborn is a patient of their own, in a bed of their own, linked to the mother."""

import uuid
from dataclasses import replace
from datetime import datetime

from hms_rt.departments.beds.model import Bed, BedKind
from hms_rt.departments.ipd.model import IN_BED, Admission, AdmissionState, Move, current_stay
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import births as birth_rows
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut, BirthIn, BirthOut, Timed
from hms_rt.departments.ipd.service.foundation import Outcome
from hms_rt.departments.ipd.service.placing import lodger, refuse_taken, stay_in
from hms_rt.departments.ipd.service.rooming_in import ROOMING_IN, Arrival, Child, RoomingIn, beside
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_place, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork


class Births(RoomingIn):
    """One patient per bed holds: a child who rooms in lies in a cot beside the mother's bed."""

    async def birth(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: BirthIn
    ) -> BirthOut:
        """Register and admit a child of the patient, by staff of the mother's ward.

        The child lies in a cot in the mother's room (one is brought if none is there), or in the bed that is
        told. Records ``PatientRegistered``, ``AdmissionChanged`` and ``StayMoved`` of the child. Raises
        ``conflict`` unless the mother is in a bed, ``invalid`` for a time before she was admitted.
        """

        async def work(uow: UnitOfWork) -> BirthOut:
            require(principal, Permission.BIRTH_RECORD)
            await self._patients.lock(uow, await admission_rows.patient_of(uow.connection, admission_id))
            mother = await admission_rows.lock_admission(uow.connection, admission_id)
            require_ward(principal, Permission.BIRTH_RECORD, mother.ward)
            command.check_version(mother.version)
            if mother.state not in IN_BED:
                raise conflict("the mother is in no bed: a birth is recorded where she lies")
            at = occurred(body.born_at, uow.now)
            return await self._born(uow, principal, mother, body, at=at)

        return await self._units.execute(principal, command, BirthOut, work)

    async def _born(
        self, uow: UnitOfWork, principal: Principal, mother: Admission, body: BirthIn, *, at: datetime
    ) -> BirthOut:
        number = await birth_rows.count(uow.connection, mother.id) + 1
        child = await self._patients.register_newborn(
            uow,
            mother.patient_id,
            born_on=at.astimezone(self._zone).date(),
            sex=body.sex,
            given_name=body.given_name or f"Child {number}",
            family_name=body.family_name,
        )
        hers = current_stay(await stay_rows.lock_stays(uow.connection, mother.id))
        bed = await self._place_for_child(uow, hers.bed_id, body.bed_id)
        admission = _admitted(uow, child.id, bed, principal.id, at)
        await admission_rows.insert_admission(uow.connection, admission)
        reason = ROOMING_IN if body.bed_id is None else None
        if reason is None:
            refuse_taken(bed)
            await self._beds.lock_rooms(uow, [bed])
            await self._check_suits(uow, bed, admission, None)
        stay = stay_in(bed, admission, uow.ids.new(), at, reason)
        who = lodger(admission, stay)
        if reason is not None:
            stay, who = beside(stay, mother.id), replace(who, beside=hers.bed_id)
        await stay_rows.insert_stay(uow.connection, stay)
        await self._beds.occupy(uow, bed, who)
        await birth_rows.add(
            uow.connection,
            child_id=child.id,
            mother_id=mother.patient_id,
            admission_id=mother.id,
            child_admission_id=admission.id,
            number=number,
            born_at=at,
            recorded_at=uow.now,
            recorded_by=principal.id,
        )
        out = await self._written(uow, Outcome(Move.BIRTH, None, admission, at, target=stay))
        return BirthOut(patient_id=child.id, mrn=child.mrn, name=child.name, number=number, admission=out)

    async def _place_for_child(self, uow: UnitOfWork, mothers: uuid.UUID, told: uuid.UUID | None) -> Bed:
        if told is not None:
            return (await self._beds.lock(uow, told))[told]
        hers = (await self._beds.lock(uow, mothers))[mothers]
        return await self._beds.lock_cot(uow, hers)

    async def room_in(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: Timed
    ) -> AdmissionOut:
        """A child born here comes to its mother, or back to her: into a cot of the room where she lies.

        A nurse needs to be assigned to one of the two wards. Raises ``conflict`` for who was not born here,
        is beside the mother already, or whose mother is in no bed; ``illegal_move``, ``forbidden``,
        ``not_found``, ``invalid`` for a time before either came into the present bed.
        """

        async def work(uow: UnitOfWork) -> AdmissionOut:
            require(principal, Permission.STAY_TRANSFER)
            mothers = await self._mothers_admission(uow, admission_id)
            families = await self._lock_families(uow, mothers, also=[admission_id])
            before, mother = families.admissions[admission_id], families.admissions[mothers]
            command.check_version(before.version)
            before.check(Move.ROOM_IN)
            if mother.state not in IN_BED:
                raise conflict("the mother is in no bed: a child rooms in where she lies")
            await self._joined(uow, before, mother, body.occurred_at)
            after = await admission_rows.lock_admission(uow.connection, admission_id)
            (shown,) = await self._shown(uow.connection, principal, [after])
            return shown

        return await self._execute(principal, command, work)

    async def _joined(
        self, uow: UnitOfWork, child: Admission, mother: Admission, told: datetime | None
    ) -> None:
        hers = current_stay(await stay_rows.lock_stays(uow.connection, mother.id))
        own = current_stay(await stay_rows.lock_stays(uow.connection, child.id))
        if own.rooms_in:
            raise conflict("the child is beside its mother already")
        require_place(uow.principal, Permission.STAY_TRANSFER, wards_of=(hers.ward, own.ward))
        beds = await self._beds.lock(uow, hers.bed_id, own.bed_id)
        at = occurred(told, uow.now, after=max(hers.started_at, own.started_at))
        there = Arrival(mother, beds[hers.bed_id], at, told=told is not None)
        cot = beds[own.bed_id]
        same_room = (cot.ward, cot.room) == (there.bed.ward, there.bed.room)
        if same_room and cot.kind is BedKind.COT:
            await self._together(uow, Child(child, own), there, cot)
        else:
            await self._along(uow, Child(child, own), there, cot, Move.ROOM_IN)

    @staticmethod
    async def _mothers_admission(uow: UnitOfWork, child: uuid.UUID) -> uuid.UUID:
        """The open admission of the mother of a child born here, not locked."""
        patient_id = await admission_rows.patient_of(uow.connection, child)
        mother = await birth_rows.mother_of(uow.connection, patient_id)
        if mother is None:
            raise conflict("the patient was not born here: a child rooms in with its mother")
        found = await admission_rows.open_of_patient(uow.connection, mother)
        if found is None:
            raise conflict("the mother is in no bed: a child rooms in where she lies")
        return found.id


def _admitted(uow: UnitOfWork, child: uuid.UUID, bed: Bed, who: uuid.UUID, at: datetime) -> Admission:
    return Admission(
        id=uow.ids.new(),
        patient_id=child,
        ward=bed.ward,
        state=AdmissionState.ADMITTED,
        reason="born here",
        requested_by=who,
        requested_at=at,
        recorded_at=uow.now,
        accepted_at=at,
        admitted_at=at,
    )
