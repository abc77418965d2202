"""The service of boards: a ward's census, for the screen and for paper; a clinic's queue for paper."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from hms_rt import paper
from hms_rt.departments.beds.service import BedsService
from hms_rt.departments.boards import reading
from hms_rt.departments.boards.schemas import CensusBed, CensusOut, CensusPatient, CensusVitals
from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.ipd.service.for_boards import Inpatient, inpatients
from hms_rt.departments.opd.schemas.queue import QueueQuery
from hms_rt.departments.opd.service import OpdService
from hms_rt.departments.patients.service import Allergy, PatientsService, Taken, Vitals
from hms_rt.kernel.audiences import MASK, Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, forbidden, not_found
from hms_rt.kernel.outstanding import Outstanding
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.mongo import DocumentRef
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

_GRAVEST = ("life_threatening", "severe", "moderate", "unknown", "mild")


class Answers(Protocol):
    """A department that says what it has open for a patient."""

    async def outstanding(
        self, asker: UnitOfWork, patient_id: uuid.UUID, admission_id: uuid.UUID
    ) -> list[Outstanding]: ...


class BoardsService:
    """Composes what others own; it owns nothing. ``asked`` are the departments asked what is open."""

    def __init__(
        self,
        units: UnitsOfWork,
        beds: BedsService,
        opd: OpdService,
        patients: PatientsService,
        identity: IdentityService,
        asked: Sequence[Answers],
        zone: ZoneInfo,
        language: str,
    ) -> None:
        self._units = units
        self._beds = beds
        self._opd = opd
        self._patients = patients
        self._identity = identity
        self._asked = asked
        self._zone, self._language = zone, language

    async def census(self, principal: Principal, command: Command, ward: str) -> CensusOut:
        """Every bed of a ward with who lies in it, for those who treat there; audited.

        Raises ``forbidden`` for anybody else, also for those who may see the ward's board without names, and
        ``not_found``. The last vitals are left out while their store is away.
        """
        read: list[tuple[list[Taken], list[DocumentRef]]] = []

        async def work(uow: UnitOfWork) -> CensusOut:
            require(principal, Permission.CENSUS_READ)
            if self._beds.audience(principal, ward) is not Audience.CLINICAL:
                raise forbidden("the census names patients: it is for the ward's doctors and nurses")
            state = await self._beds.ward_state(uow.connection, ward)
            if state is None:
                raise not_found(f"ward {ward}")
            beds = await self._beds_of(uow, state)
            named = [bed.patient.patient_id for bed in beds if bed.patient is not None]
            uow.audit(
                "ward.census", entity="ward", entity_id=ward, detail={"patients": [str(one) for one in named]}
            )
            read[:] = [await self._patients.vitals_taken(uow.connection, named)]
            return CensusOut(
                ward=ward,
                name=state["ward"]["name"],
                at=uow.now,
                occupied=sum(bed.patient is not None for bed in beds),
                total=len(beds),
                vitals_known=False,
                beds=beds,
            )

        census = await self._units.execute(principal, replace(command, key=None), CensusOut, work)
        return await self._with_vitals(census, *read[0])

    async def _with_vitals(self, census: CensusOut, taken: list[Taken], refs: list[DocumentRef]) -> CensusOut:
        """Read after the transaction; a census without them is better than none."""
        try:
            found = await self._patients.vitals_of(taken, refs)
        except HmsError as error:
            if error.code is not Code.UNAVAILABLE:
                raise
            return census
        beds = [_with(bed, found) for bed in census.beds]
        return census.model_copy(update={"vitals_known": True, "beds": beds})

    async def census_pdf(self, principal: Principal, command: Command, ward: str) -> bytes:
        """The same on one page of A4, up to 40 beds; raises alike. Drawn off the event loop."""
        census = await self.census(principal, command, ward)
        return await asyncio.to_thread(paper.pdf, reading.census_sheet(census, self._zone, self._language))

    async def queue_pdf(self, principal: Principal, command: Command, clinic: str) -> bytes:
        """A clinic's queue on one page of A4, up to 55 numbers, for those who may read it; names as they see
        them there. Audited. Raises ``not_found`` and ``forbidden``. Drawn off the event loop."""
        at = self._units.now()
        queue = await self._opd.queue(principal, command, clinic, QueueQuery())
        found = await self._opd.clinic(principal, clinic)
        return await asyncio.to_thread(
            paper.pdf, reading.queue_sheet(found, queue, at, self._zone, self._language)
        )

    async def _beds_of(self, uow: UnitOfWork, state: Any) -> list[CensusBed]:
        values = sorted(
            (value for key, value in state.items() if key.startswith("bed:")),
            key=lambda value: (value["room"], value["code"]),
        )
        lying = [value["occupant"] for value in values if value["occupant"] is not None]
        admissions = await inpatients(uow.connection, [uuid.UUID(one["stay_id"]) for one in lying])
        known = await self._patients.brief(uow.connection, {uuid.UUID(one["patient_id"]) for one in lying})
        doctors = await self._identity.names_of(
            uow.connection, {one.requested_by for one in admissions.values()}
        )
        beds = []
        for value in values:
            occupant = value["occupant"]
            patient = None
            if occupant is not None:
                admission = admissions.get(uuid.UUID(occupant["stay_id"]))
                doctor = doctors.get(admission.requested_by) if admission is not None else None
                restricted = known[uuid.UUID(occupant["patient_id"])].restricted
                patient = await self._patient(uow, occupant, admission, doctor, restricted=restricted)
            beds.append(
                CensusBed(
                    code=value["code"],
                    room=value["room"],
                    status=value["status"],
                    isolation=bool(value["isolation"] or value["room_isolation"]),
                    isolation_kind=value["isolation_kind"] or value["room_isolation"],
                    beside=value["beside"],
                    patient=patient,
                )
            )
        return beds

    async def _open(self, uow: UnitOfWork, patient_id: uuid.UUID, admission: Inpatient) -> list[str]:
        """What departments have open, with counts."""
        found: list[Outstanding] = []
        for department in self._asked:
            found += await department.outstanding(uow, patient_id, admission.admission_id)
        return [f"{one.count} {one.kind.value.replace('_', ' ')}" for one in found]

    async def _patient(
        self,
        uow: UnitOfWork,
        occupant: Any,
        admission: Inpatient | None,
        doctor: str | None,
        *,
        restricted: bool,
    ) -> CensusPatient:
        patient_id = uuid.UUID(occupant["patient_id"])
        said = await self._patients.allergies(uow, patient_id)
        born = date.fromisoformat(occupant["birth_date"]) if occupant["birth_date"] else None
        open_ = await self._open(uow, patient_id, admission) if admission is not None else []
        return CensusPatient(
            patient_id=patient_id,
            name=MASK if restricted else occupant["name"],
            mrn=occupant["mrn"],
            restricted=restricted,
            birth_date=born,
            age=years(born, uow.now.astimezone(self._zone)) if born is not None else None,
            sex=occupant["sex"],
            since=datetime.fromisoformat(occupant["since"]),
            doctor=doctor,
            leaving=admission.leaving if admission is not None else False,
            allergies=[one.substance.name for one in sorted(filter(_warns, said), key=_gravity)],
            allergies_asked=bool(said),
            outstanding=open_,
            vitals=None,
        )


def years(born: date, now: datetime) -> int:
    """Years completed; never below zero, whatever a clock says."""
    return max(0, now.year - born.year - ((now.month, now.day) < (born.month, born.day)))


def _with(bed: CensusBed, found: Mapping[uuid.UUID, Vitals]) -> CensusBed:
    last = found.get(bed.patient.patient_id) if bed.patient is not None else None
    if bed.patient is None or last is None:
        return bed
    vitals = CensusVitals(at=last.at, readings=dict(last.readings))
    return bed.model_copy(update={"patient": bed.patient.model_copy(update={"vitals": vitals})})


def _warns(allergy: Allergy) -> bool:
    return allergy.warns


def _gravity(allergy: Allergy) -> tuple[int, str]:
    return _GRAVEST.index(allergy.severity.value), allergy.substance.name
