"""What is decided about an admission without moving the patient: request, accept, cancel, discharge order."""

import uuid

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.ipd.model import Admission, AdmissionState, Move
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.schemas import AdmissionIn, AdmissionOut, CancelIn, DischargeOrderIn, Timed
from hms_rt.departments.ipd.service.foundation import Outcome, refusal
from hms_rt.departments.ipd.service.placing import Placing
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import forbidden
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, clinics, require_ward, wards
from hms_rt.storage.unit_of_work import UnitOfWork


class Admissions(Placing):
    """From the request to the order to let the patient go."""

    async def request(self, principal: Principal, command: Command, new: AdmissionIn) -> AdmissionOut:
        """A doctor asks a ward to admit a patient.

        A ward's doctor asks the own ward; a clinic's doctor sends patients to any ward, which then accepts
        or refuses. Raises ``not_found`` and, if the patient has an open admission or has died, ``conflict``.
        """

        async def work(uow: UnitOfWork) -> AdmissionOut:
            _require_request(principal, new.ward)
            await self._patients.living(uow, new.patient_id)
            at = occurred(new.occurred_at, uow.now)
            admission = Admission(
                id=uow.ids.new(),
                patient_id=new.patient_id,
                ward=new.ward,
                state=AdmissionState.REQUESTED,
                reason=new.reason,
                requested_by=principal.id,
                requested_at=at,
                recorded_at=uow.now,
                features=frozenset(new.features),
                isolation=new.isolation,
                organism=new.organism,
            )
            try:
                await admission_rows.insert_admission(uow.connection, admission)
            except IntegrityError as error:
                raise refusal(error) from error
            return await self._written(uow, Outcome(Move.REQUEST, None, admission, at, reason=new.reason))

        return await self._units.execute(principal, command, AdmissionOut, work)

    async def accept(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: Timed
    ) -> AdmissionOut:
        """The ward takes the patient. Raises ``illegal_move``, ``forbidden``, ``not_found``."""

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            require_ward(principal, Permission.ADMISSION_ACCEPT, before.ward)
            at = occurred(body.occurred_at, uow.now)
            return Outcome(Move.ACCEPT, before, before.accept(at), at)

        return await self._command(principal, command, Permission.ADMISSION_ACCEPT, admission_id, decide)

    async def cancel(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: CancelIn
    ) -> AdmissionOut:
        """Withdraw or refuse a request, by the ward or by the doctor who made it.

        Raises ``illegal_move`` once the patient is in a bed.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            if before.requested_by != principal.id:
                require_ward(principal, Permission.ADMISSION_CANCEL, before.ward)
            at = occurred(body.occurred_at, uow.now)
            after = before.cancel(at)
            await self._give_up_hold(uow, before)
            return Outcome(Move.CANCEL, before, after, at, reason=body.reason)

        return await self._command(principal, command, Permission.ADMISSION_CANCEL, admission_id, decide)

    async def order_discharge(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: DischargeOrderIn
    ) -> AdmissionOut:
        """A doctor of the ward lets the patient go; the bed stays occupied until the patient leaves.

        Raises ``illegal_move``, ``forbidden``, ``conflict`` for who has died, and ``invalid`` for a time
        before the admission.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            require_ward(principal, Permission.DISCHARGE_ORDER, before.ward)
            await self._refuse_dead(uow, before)
            at = occurred(body.occurred_at, uow.now, after=before.admitted_at)
            after = before.order_discharge(body.disposition, at)
            await self._mark_leaving(uow, after, since=at)
            return Outcome(Move.ORDER_DISCHARGE, before, after, at, disposition=body.disposition)

        return await self._command(principal, command, Permission.DISCHARGE_ORDER, admission_id, decide)

    async def revoke_discharge(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: Timed
    ) -> AdmissionOut:
        """A doctor of the ward withdraws the order. Raises ``illegal_move``, ``forbidden``."""

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            require_ward(principal, Permission.DISCHARGE_ORDER, before.ward)
            at = occurred(body.occurred_at, uow.now)
            after = before.revoke_discharge()
            await self._mark_leaving(uow, after, since=None)
            return Outcome(Move.REVOKE_DISCHARGE, before, after, at)

        return await self._command(principal, command, Permission.DISCHARGE_ORDER, admission_id, decide)


def _require_request(principal: Principal, ward: str) -> None:
    reach = wards(principal, Permission.ADMISSION_REQUEST)
    if reach is not None and ward not in reach and not clinics(principal, Permission.ADMISSION_REQUEST):
        raise forbidden()
