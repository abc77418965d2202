"""Issuing tokens."""

from dataclasses import replace
from datetime import datetime

from hms_rt.departments.opd.events import DayReached
from hms_rt.departments.opd.model.token import Priority, Token, TokenState, to_milliseconds
from hms_rt.departments.opd.repository import queues
from hms_rt.departments.opd.repository.moves import count
from hms_rt.departments.opd.schemas.queue import ClinicOut, TokenIn, TokenOut
from hms_rt.departments.opd.service.clinics import find_clinic
from hms_rt.departments.opd.service.foundation import Foundation, token_out
from hms_rt.departments.patients.service import PatientBrief
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_clinic
from hms_rt.storage.unit_of_work import UnitOfWork


class Issuing(Foundation):
    """Giving numbers."""

    async def issue(self, principal: Principal, command: Command, clinic: str, body: TokenIn) -> TokenOut:
        """Give the next number of the queue of the day that it occurred on.

        Numbers of a clinic and day are 1, 2, 3 … without a gap, whoever issues at the same time. Raises
        ``not_found`` for the clinic or patient, ``invalid`` for a category that the clinic does not have
        and for who is no doctor, ``conflict`` for a patient who has died.
        """

        async def work(uow: UnitOfWork) -> TokenOut:
            require(principal, Permission.TOKEN_ISSUE)
            found = await find_clinic(uow.connection, clinic)
            require_clinic(principal, Permission.TOKEN_ISSUE, clinic)
            category = category_of(found, body.category)
            patient = await self._patients.living(uow, body.patient_id) if body.patient_id else None
            if body.doctor_id is not None:
                await self._check_doctor(uow, body.doctor_id)
            at = occurred(body.occurred_at, uow.now)
            token = await self._new(uow, clinic, category, body.priority, at, patient)
            token = replace(token, doctor_id=body.doctor_id)
            await self._issued(uow, token)
            return token_out(principal, token)

        return await self._units.execute(principal, command, TokenOut, work)

    async def _issued(self, uow: UnitOfWork, token: Token) -> None:
        """Add a new token to its queue, and record everything that follows from it."""
        await self._join(uow, token, Cause.ISSUED)
        count(uow, (), [token])
        uow.record(DayReached(token.clinic, token.day))
        uow.audit(
            "token.issue",
            entity="token",
            entity_id=token.id,
            patient_id=token.patient_id,
            detail={"clinic": token.clinic, "day": token.day.isoformat(), "label": token.label},
        )

    async def _new(
        self,
        uow: UnitOfWork,
        clinic: str,
        category: str,
        priority: Priority,
        occurred_at: datetime,
        patient: PatientBrief | None,
        due_at: datetime | None = None,
    ) -> Token:
        """The next number of the queue, locked until the commit; ``due_at`` of an appointment."""
        at = to_milliseconds(occurred_at)
        day = self._day(at)
        return Token(
            id=uow.ids.new(),
            clinic=clinic,
            origin=clinic,
            day=day,
            number=await queues.next_number(uow.connection, clinic, day),
            category=category,
            priority=priority,
            state=TokenState.WAITING,
            counter=None,
            patient_id=patient.id if patient else None,
            patient_name=patient.name if patient else None,
            mrn=patient.mrn if patient else None,
            restricted=patient.restricted if patient else False,
            issued_at=at,
            queued_at=at,
            since=at,
            recorded_at=uow.now,
            due_at=due_at,
        )


def category_of(clinic: ClinicOut, letter: str | None) -> str:
    """``letter``, or the clinic's first; raises ``invalid`` for one that it does not have."""
    letters = [category.letter for category in clinic.categories]
    if letter is None:
        return letters[0]
    if letter not in letters:
        raise HmsError(Code.INVALID, f"category: clinic {clinic.code} has {', '.join(letters)}")
    return letter
