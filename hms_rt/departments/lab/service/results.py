"""Entering and correcting results. The body is written first, as a document nobody sees; then the
transaction refers to it by id, version and digest."""

import uuid
from dataclasses import dataclass

from hms_rt.departments.lab.events import ResultCorrected
from hms_rt.departments.lab.model.labtest import LabMove, LabTest
from hms_rt.departments.lab.model.order import LabOrder, VersionKind
from hms_rt.departments.lab.repository import labtests, results
from hms_rt.departments.lab.repository.results import ResultVersion
from hms_rt.departments.lab.schemas.ordering import LabTestOut, When
from hms_rt.departments.lab.schemas.results import CorrectionIn, ResultIn
from hms_rt.departments.lab.service.alerts import Alerts
from hms_rt.departments.lab.service.corrections import Corrections
from hms_rt.departments.lab.service.foundation import found, out, save
from hms_rt.departments.lab.service.judging import Judged, Judging, Measurement
from hms_rt.departments.lab.service.releasing import Releasing
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, forbidden
from hms_rt.kernel.principal import Principal, Role
from hms_rt.security.permissions import Permission, may, require
from hms_rt.storage import mongo
from hms_rt.storage.mongo import DocumentRef
from hms_rt.storage.unit_of_work import UnitOfWork

COLLECTION = "lab_results"


@dataclass(frozen=True, slots=True)
class Draft:
    """A body that was written but that nobody sees yet; it is version ``number`` of the result."""

    ref: DocumentRef
    number: int
    judged: Judged

    @property
    def delta(self) -> bool:
        """True if the value changed more than expected."""
        return self.judged.delta is not None and self.judged.delta.exceeded


class Results(Alerts, Judging, Corrections, Releasing):
    """What was measured, version by version; nothing is overwritten."""

    async def start(
        self, principal: Principal, command: Command, test_id: uuid.UUID, when: When
    ) -> LabTestOut:
        """Work on a received specimen begins; raises ``illegal_move``."""

        async def work(uow: UnitOfWork) -> LabTestOut:
            require(principal, Permission.RESULT_ENTER)
            order, test = found(await labtests.lock_test(uow.connection, test_id), "that test")
            command.check_version(test.version)
            at = occurred(when.occurred_at, uow.now)
            (after,) = await save(uow, order, [(test, test.start())], Cause.STARTED, LabMove.START, at=at)
            uow.audit(
                "lab.start",
                entity="lab_test",
                entity_id=test_id,
                patient_id=order.patient_id,
                detail={"at": rfc3339(at)},
            )
            return out(principal, order, after)

        return await self._units.execute(principal, command, LabTestOut, work)

    async def enter_result(
        self, principal: Principal, command: Command, test_id: uuid.UUID, measured: ResultIn
    ) -> LabTestOut:
        """Enter a result, preliminary until it is released. A critical value raises an alert at once.

        Raises ``invalid`` for a value that the test cannot have, ``illegal_move``, ``unavailable`` when the
        document store is away.
        """
        draft = await self._draft(principal, Permission.RESULT_ENTER, test_id, measured, reason=None)

        async def work(uow: UnitOfWork) -> LabTestOut:
            require(principal, Permission.RESULT_ENTER)
            order, test = found(await labtests.lock_test(uow.connection, test_id), "that test")
            command.check_version(test.version)
            version = _version(uow, test_id, _stored(draft), VersionKind.ENTRY, measured)
            after = test.enter(principal.id, version.flag, version.occurred_at, delta=version.delta)
            saved, informed = await self._append(
                uow, (order, test, after), _stored(draft), version, LabMove.ENTER
            )
            await self._alarm(uow, order, saved, informed)
            return out(principal, order, saved)

        return await self._units.execute(principal, command, LabTestOut, work)

    async def correct(
        self, principal: Principal, command: Command, test_id: uuid.UUID, right: CorrectionIn
    ) -> LabTestOut:
        """Give a released result a new version. Records ``ResultCorrected``.

        Who ordered it and everybody who read an older version are told until they read the new one; who was
        alarmed by a critical value that was not so hears that; a second person reviews the correction later.
        Raises like :meth:`enter_result`.
        """
        draft = await self._draft(principal, Permission.RESULT_CORRECT, test_id, right, reason=right.reason)

        async def work(uow: UnitOfWork) -> LabTestOut:
            require(principal, Permission.RESULT_CORRECT)
            order, test = found(await labtests.lock_test(uow.connection, test_id), "that test")
            command.check_version(test.version)
            version = _version(uow, test_id, _stored(draft), VersionKind.CORRECTION, right)
            after = test.correct(
                principal.id,
                version.flag,
                version.occurred_at,
                uow.now,
                order.location,
                delta=version.delta,
            )
            saved, informed = await self._append(
                uow, (order, test, after), _stored(draft), version, LabMove.CORRECT, right.reason
            )
            uow.record(ResultCorrected(test_id, order.id, order.patient_id, version.number))
            await self._trim(uow, order.location)
            await self._tell_readers(uow, order, saved, version.number)
            await self._alarm(uow, order, saved, informed)
            staff = await self._identity.users_with(uow.connection, roles=[Role.LAB])
            await self._ask_for_review(uow, order, saved, {user.id for user in staff}, overdue=False)
            return out(principal, order, saved)

        return await self._units.execute(principal, command, LabTestOut, work)

    async def _draft(
        self,
        principal: Principal,
        permission: Permission,
        test_id: uuid.UUID,
        measured: ResultIn,
        reason: str | None,
    ) -> Draft | None:
        """Write the body before the transaction; None for who may not, which the transaction refuses."""
        if may(principal, permission) is None:
            return None
        async with self._units.reading() as connection:
            entry, test = found(await results.about_to_write(connection, test_id), "that test")
            taken_at = test.collected_at or self._units.now()
            measurement = Measurement(test_id, test.patient_id, taken_at, measured)
            judged = await self._judge(connection, entry, measurement)
        number = (test.result_version or 0) + 1
        body = {
            "schema": 2,
            "test_id": str(test_id),
            "order_id": str(test.order_id),
            "patient_id": str(test.patient_id),
            "version": number,
            "code": entry.code,
            "name": entry.name,
            "value": measured.value,
            "comment": measured.comment,
            "occurred_at": rfc3339(measured.occurred_at) if measured.occurred_at is not None else None,
            **judged.described(entry),
            "reason": reason,
            "author": str(principal.id),
            "author_name": principal.name,
        }
        return Draft(await self._documents.write(COLLECTION, body), number, judged)

    async def _append(
        self,
        uow: UnitOfWork,
        change: tuple[LabOrder, LabTest, LabTest],
        draft: Draft,
        version: ResultVersion,
        move: LabMove,
        reason: str | None = None,
    ) -> tuple[LabTest, set[uuid.UUID]]:
        """Make the document exist, move the test, and make earlier alerts moot: all or nothing.

        Answers the saved test, and who was alarmed by an earlier version of the result.
        """
        order, before, after = change
        if after.result_version != draft.number:
            raise conflict("somebody entered a result for this test meanwhile: read it again")
        await mongo.refer(uow.connection, draft.ref)
        await results.add(uow.connection, version, after.specimen_id)
        cause = Cause.RESULTED if move is LabMove.ENTER else Cause.CORRECTED
        (saved,) = await save(
            uow, order, [(before, after)], cause, move, at=version.occurred_at, reason=reason
        )
        uow.audit(
            f"lab.result_{version.kind}",
            entity="lab_test",
            entity_id=after.id,
            patient_id=order.patient_id,
            detail={"version": version.number, "document": str(draft.ref.id)},
        )
        return saved, await self._supersede(uow, order, saved, version.flag)

    async def _alarm(self, uow: UnitOfWork, order: LabOrder, test: LabTest, informed: set[uuid.UUID]) -> None:
        """Raise an alert, if the value is critical."""
        if test.flag is not None and test.flag.critical:
            await self._raise_critical(uow, order, test, test.flag, informed)


def _version(
    uow: UnitOfWork, test_id: uuid.UUID, draft: Draft, kind: VersionKind, measured: ResultIn
) -> ResultVersion:
    return ResultVersion(
        test_id=test_id,
        number=draft.number,
        kind=kind,
        document_id=draft.ref.id,
        flag=draft.judged.flag,
        author=uow.principal.id,
        occurred_at=occurred(measured.occurred_at, uow.now),
        recorded_at=uow.now,
        delta=draft.delta,
        implausible=draft.judged.implausible,
    )


def _stored(draft: Draft | None) -> Draft:
    if draft is None:
        raise forbidden()
    return draft
