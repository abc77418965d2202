"""What every part of the service works with: locking, writing a move, answering."""

import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds.service import BedsService
from hms_rt.departments.ipd.events import AdmissionChanged, StayMoved
from hms_rt.departments.ipd.model import Admission, Disposition, Move, Stay
from hms_rt.departments.ipd.reading import admission_out
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import births as birth_rows
from hms_rt.departments.ipd.repository import history as history_rows
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut
from hms_rt.departments.ipd.service.outstanding import outstanding_here
from hms_rt.departments.patients.service import PatientsService
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import HmsError, conflict, not_found
from hms_rt.kernel.outstanding import Outstanding
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

REFUSALS = {
    "ipd_admission_open_patient_key": "the patient has an open admission already",
    "ipd_stay_open_bed_key": "the bed has a patient already",
    "ipd_stay_open_patient_key": "the patient is in a bed already",
    "ipd_stay_patient_excl": "the patient was in another bed at that time: look at the history, correct the"
    " stay that is wrong, or say another occurred_at",
    "ipd_stay_bed_excl": "another patient was in that bed at that time: look at the history, correct the stay"
    " that is wrong, or say another bed or occurred_at",
    "ipd_stay_cot_check": "a cot is for a child under two years: choose a bed, or tell the date of birth",
    "beds_hold_admission_id_key": "another bed is held for this patient: release that hold first",
}
"""What a violated rule of the database means."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command decided: the admission as it was and will be, and how the patient moved, if at all."""

    move: Move
    before: Admission | None
    after: Admission
    at: datetime
    source: Stay | None = None
    target: Stay | None = None
    disposition: Disposition | None = None
    reason: str | None = None
    moves: bool = True
    """False for a plan: nobody has moved."""


Asked = Callable[[UnitOfWork, uuid.UUID, uuid.UUID], Awaitable[Sequence[Outstanding]]]
Decide = Callable[[UnitOfWork, Admission], Awaitable[Outcome]]


class Foundation:
    """The collaborators of the service."""

    def __init__(
        self,
        units: UnitsOfWork,
        beds: BedsService,
        patients: PatientsService,
        zone: tzinfo = UTC,
        asked: Sequence[Asked] = (),
        language: str = "en",
    ) -> None:
        """``asked`` are the departments that the discharge checklist asks."""
        self._units = units
        self._beds = beds
        self._patients = patients
        self._zone = zone
        self._asked = asked
        self._language = language

    async def _outstanding(self, uow: UnitOfWork, admission: Admission) -> list[Outstanding]:
        """What is open for an admission in every department, this one first. Reads, locks nothing."""
        holds = await self._beds.holds_of(uow.connection, [admission.id])
        found = await outstanding_here(uow.connection, admission, holds.get(admission.id))
        for asked in self._asked:
            found += await asked(uow, admission.patient_id, admission.id)
        return found

    async def _command(
        self,
        principal: Principal,
        command: Command,
        permission: Permission,
        admission_id: uuid.UUID,
        decide: Decide,
    ) -> AdmissionOut:
        """Check the role, lock patient and admission, check the version, decide, write, answer.

        ``decide`` checks the scope on what is locked, and locks and moves stays and beds.
        """

        async def work(uow: UnitOfWork) -> AdmissionOut:
            require(principal, permission)
            await self._patients.lock(uow, await admission_rows.patient_of(uow.connection, admission_id))
            before = await admission_rows.lock_admission(uow.connection, admission_id)
            command.check_version(before.version)
            outcome = await decide(uow, before)
            await admission_rows.save_admission(uow.connection, outcome.after)
            return await self._written(uow, outcome)

        return await self._execute(principal, command, work)

    async def _execute(
        self, principal: Principal, command: Command, work: Callable[[UnitOfWork], Awaitable[AdmissionOut]]
    ) -> AdmissionOut:
        """Run ``work``, and say what a rule of the database means that it ran into."""

        async def told(uow: UnitOfWork) -> AdmissionOut:
            try:
                return await work(uow)
            except IntegrityError as error:
                raise refusal(error) from error

        return await self._units.execute(principal, command, AdmissionOut, told)

    async def _refuse_dead(self, uow: UnitOfWork, admission: Admission) -> None:
        """Raises ``conflict`` for a locked patient who has died: they leave as that."""
        patient = (await self._patients.brief(uow.connection, [admission.patient_id]))[admission.patient_id]
        if patient.deceased:
            raise conflict("the patient has died: record the departure with disposition died")

    async def _written(self, uow: UnitOfWork, outcome: Outcome) -> AdmissionOut:
        """Append to the history, record events, audit; answers what the caller may see."""
        before, after = outcome.before, outcome.after
        recorded = history_rows.Recorded(
            id=uow.ids.new(),
            move=outcome.move,
            occurred_at=outcome.at,
            recorded_at=uow.now,
            recorded_by=uow.principal.id,
            source=outcome.source,
            target=outcome.target,
            disposition=outcome.disposition,
            reason=outcome.reason,
        )
        await history_rows.insert_event(uow.connection, before, after, recorded)
        self._record(uow, outcome)
        uow.audit(
            f"admission.{outcome.move}",
            entity="admission",
            entity_id=after.id,
            patient_id=after.patient_id,
            detail={"from": before.state if before else None, "to": after.state, "ward": after.ward},
        )
        (shown,) = await self._shown(uow.connection, uow.principal, [after])
        return shown

    async def _shown(
        self, connection: AsyncConnection, principal: Principal, found: Sequence[Admission]
    ) -> list[AdmissionOut]:
        if not found:
            return []
        ids = [one.id for one in found]
        stays: dict[uuid.UUID, list[Stay]] = defaultdict(list)
        for stay in await stay_rows.stays(connection, ids):
            stays[stay.admission_id].append(stay)
        holds = await self._beds.holds_of(connection, ids)
        births = await birth_rows.of_admissions(connection, ids)
        patients = await self._patients.brief(connection, {one.patient_id for one in found})
        return [
            admission_out(principal, one, patients[one.patient_id], stays[one.id], holds.get(one.id), births)
            for one in found
        ]

    @staticmethod
    def _record(uow: UnitOfWork, outcome: Outcome) -> None:
        before, after, source, target = outcome.before, outcome.after, outcome.source, outcome.target
        state_before = before.state if before else None
        if state_before is not after.state:
            uow.record(AdmissionChanged(after.id, after.patient_id, state_before, after.state))
        stay = target or source
        # A stay that never was ended when it began, for whoever counts days.
        never_was = source is not None and outcome.move is Move.CANCEL_TRANSFER
        if stay is not None and outcome.moves:
            uow.record(
                StayMoved(
                    stay_id=stay.id,
                    admission_id=after.id,
                    patient_id=after.patient_id,
                    from_ward=source.ward if source else None,
                    to_ward=target.ward if target else None,
                    from_bed=source.bed_id if source else None,
                    to_bed=target.bed_id if target else None,
                    at=source.started_at if source is not None and never_was else outcome.at,
                )
            )


def refusal(error: IntegrityError) -> HmsError | IntegrityError:
    """``error`` as an answer, if it is a rule that a caller can run into."""
    name = violated(error)
    if name == "ipd_admission_ward_code_fkey":
        return not_found("that ward")
    return conflict(REFUSALS[name]) if name in REFUSALS else error
