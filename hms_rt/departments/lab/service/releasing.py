"""From a result to a released one: verified by another person, or released alone at night and reviewed."""

import uuid
from collections.abc import Callable
from datetime import datetime

from hms_rt.departments.lab.events import ResultReleased
from hms_rt.departments.lab.model.labtest import LabMove, LabTest
from hms_rt.departments.lab.repository import labtests
from hms_rt.departments.lab.schemas.ordering import LabTestOut, When
from hms_rt.departments.lab.schemas.results import Disagreement, ReleaseIn
from hms_rt.departments.lab.service.foundation import found, out, save
from hms_rt.departments.lab.service.worklists import Worklists
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.principal import Principal, Role
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Releasing(Worklists):
    """Who vouches for a result."""

    async def verify(
        self, principal: Principal, command: Command, test_id: uuid.UUID, when: When
    ) -> LabTestOut:
        """Another person vouches for the result. Raises ``forbidden`` for its author, ``illegal_move``."""

        async def work(uow: UnitOfWork) -> LabTestOut:
            at = occurred(when.occurred_at, uow.now)
            return await self._moved(
                uow,
                LabMove.VERIFY,
                Permission.RESULT_VERIFY,
                test_id,
                lambda test: test.verify(principal.id, at),
                Cause.VERIFIED,
                at=at,
            )

        return await self._units.execute(principal, command, LabTestOut, work)

    async def disagree(
        self, principal: Principal, command: Command, test_id: uuid.UUID, why: Disagreement
    ) -> LabTestOut:
        """The verifier does not believe the result: it is measured again. The version stays."""

        async def work(uow: UnitOfWork) -> LabTestOut:
            return await self._moved(
                uow,
                LabMove.DISAGREE,
                Permission.RESULT_VERIFY,
                test_id,
                LabTest.disagree,
                Cause.DISAGREED,
                reason=why.reason,
            )

        return await self._units.execute(principal, command, LabTestOut, work)

    async def release(
        self, principal: Principal, command: Command, test_id: uuid.UUID, how: ReleaseIn
    ) -> LabTestOut:
        """Show the result to those who treat the patient. Records ``ResultReleased``.

        With a reason an unverified result is released at night; the laboratory is asked to review it later.
        Raises ``conflict`` by day, ``illegal_move``.
        """

        async def work(uow: UnitOfWork) -> LabTestOut:
            require(principal, Permission.RESULT_RELEASE)
            order, test = found(await labtests.lock_test(uow.connection, test_id), "that test")
            command.check_version(test.version)
            at = occurred(how.occurred_at, uow.now)
            after = test.release(
                principal.id,
                at,
                uow.now,
                how.reason,
                at_night=self._night.covers(uow.now, self._zone),
            )
            move = LabMove.RELEASE if after.alone_reason is None else LabMove.RELEASE_ALONE
            (saved,) = await save(
                uow, order, [(test, after)], Cause.RELEASED, move, at=at, reason=after.alone_reason
            )
            uow.record(ResultReleased(test_id, order.id, order.patient_id, saved.result_version or 0))
            detail = {"alone": after.alone_reason} if after.alone_reason is not None else {}
            uow.audit(
                "lab.release",
                entity="lab_test",
                entity_id=test_id,
                patient_id=order.patient_id,
                detail=detail,
            )
            if saved.board is not None:
                await self._trim(uow, saved.board)
            if saved.review_due:
                staff = await self._identity.users_with(uow.connection, roles=[Role.LAB])
                await self._ask_for_review(uow, order, saved, {user.id for user in staff}, overdue=False)
            return out(principal, order, saved)

        return await self._units.execute(principal, command, LabTestOut, work)

    async def review(
        self, principal: Principal, command: Command, test_id: uuid.UUID, when: When
    ) -> LabTestOut:
        """The second look at what one person alone released at night or corrected, by another person.

        Raises ``conflict`` if none is due, ``forbidden`` for that person.
        """

        async def work(uow: UnitOfWork) -> LabTestOut:
            at = occurred(when.occurred_at, uow.now)
            return await self._moved(
                uow,
                LabMove.REVIEW,
                Permission.RESULT_VERIFY,
                test_id,
                lambda test: test.review(principal.id, at),
                Cause.FLAG,
                at=at,
            )

        return await self._units.execute(principal, command, LabTestOut, work)

    async def _moved(
        self,
        uow: UnitOfWork,
        what: LabMove,
        permission: Permission,
        test_id: uuid.UUID,
        move: Callable[[LabTest], LabTest],
        cause: Cause,
        *,
        at: datetime | None = None,
        reason: str | None = None,
    ) -> LabTestOut:
        """Lock, let ``move`` decide, store, and account for it."""
        require(uow.principal, permission)
        order, test = found(await labtests.lock_test(uow.connection, test_id), "that test")
        uow.command.check_version(test.version)
        (after,) = await save(uow, order, [(test, move(test))], cause, what, at=at, reason=reason)
        uow.audit(
            f"lab.{what.value}",
            entity="lab_test",
            entity_id=test_id,
            patient_id=order.patient_id,
            detail={"reason": reason} if reason is not None else {},
        )
        return out(uow.principal, order, after)
