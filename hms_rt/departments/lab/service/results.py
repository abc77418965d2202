"""Entering and correcting results. The body is written first, as a document nobody sees; then the
transaction refers to it by id, version and digest."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hms_rt.departments.lab.events import ResultCorrected
from hms_rt.departments.lab.model.catalogue import CatalogueEntry, Flag
from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder, VersionKind
from hms_rt.departments.lab.repository import labtests, results
from hms_rt.departments.lab.repository.results import ResultVersion
from hms_rt.departments.lab.schemas.ordering import LabTestOut, When, written
from hms_rt.departments.lab.schemas.results import CorrectionIn, ResultIn
from hms_rt.departments.lab.service.alerts import Alerts
from hms_rt.departments.lab.service.foundation import found, out, save
from hms_rt.departments.notifications.service import Kind, Priority, Subject
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, forbidden
from hms_rt.kernel.principal import Principal
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
    flag: Flag | None


class Results(Alerts):
    """What was measured, version by version; nothing is overwritten."""

    async def start(
        self, principal: Principal, command: Command, test_id: uuid.UUID, when: When
    ) -> LabTestOut:
        """Work on a received specimen begins; raises ``illegal_move``."""

        async def work(uow: UnitOfWork) -> LabTestOut:
            require(principal, Permission.RESULT_ENTER)
            order, test = found(await labtests.lock_test(uow.connection, test_id), "that test")
            command.check_version(test.version)
            (after,) = await save(uow, order, [(test, test.start())], Cause.STARTED)
            at = occurred(when.occurred_at, uow.now)
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
            after = test.enter(principal.id, version.flag, version.occurred_at)
            saved = await self._append(uow, (order, test, after), _stored(draft), version, Cause.RESULTED)
            return out(principal, order, saved)

        return await self._units.execute(principal, command, LabTestOut, work)

    async def correct(
        self, principal: Principal, command: Command, test_id: uuid.UUID, right: CorrectionIn
    ) -> LabTestOut:
        """Give a released result a new version; the ordering doctor is told. Records ``ResultCorrected``.

        Raises like :meth:`enter_result`.
        """
        draft = await self._draft(principal, Permission.RESULT_CORRECT, test_id, right, reason=right.reason)

        async def work(uow: UnitOfWork) -> LabTestOut:
            require(principal, Permission.RESULT_CORRECT)
            order, test = found(await labtests.lock_test(uow.connection, test_id), "that test")
            command.check_version(test.version)
            version = _version(uow, test_id, _stored(draft), VersionKind.CORRECTION, right)
            after = test.correct(version.flag, uow.now, order.location)
            saved = await self._append(uow, (order, test, after), _stored(draft), version, Cause.CORRECTED)
            uow.record(ResultCorrected(test_id, order.id, order.patient_id, version.number))
            await self._trim(uow, order.location)
            await self._notifications.notify(
                uow,
                [order.ordered_by],
                Kind.RESULT_CORRECTED,
                f"Result corrected: {test.name}",
                Subject("lab_test", str(test_id)),
                order.patient_id,
                Priority.HIGH,
            )
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
        entry.check_value(measured.value)
        number = (test.result_version or 0) + 1
        flag = entry.flag(measured.value)
        body = {
            "schema": 1,
            "test_id": str(test_id),
            "order_id": str(test.order_id),
            "patient_id": str(test.patient_id),
            "version": number,
            **_measured(entry, measured, flag),
            "reason": reason,
            "author": str(principal.id),
            "author_name": principal.name,
        }
        return Draft(await self._documents.write(COLLECTION, body), number, flag)

    async def _append(
        self,
        uow: UnitOfWork,
        change: tuple[LabOrder, LabTest, LabTest],
        draft: Draft,
        version: ResultVersion,
        cause: Cause,
    ) -> LabTest:
        """Make the document exist, move the test, and raise the alert: all or nothing."""
        order, before, after = change
        if after.result_version != draft.number:
            raise conflict("somebody entered a result for this test meanwhile: read it again")
        await mongo.refer(uow.connection, draft.ref)
        await results.add(uow.connection, version, after.specimen_id)
        (saved,) = await save(uow, order, [(before, after)], cause)
        uow.audit(
            f"lab.result_{version.kind}",
            entity="lab_test",
            entity_id=after.id,
            patient_id=order.patient_id,
            detail={"version": version.number, "document": str(draft.ref.id)},
        )
        if version.flag is not None and version.flag.critical:
            await self._raise_critical(uow, order, saved, version.flag)
        return saved


def _measured(entry: CatalogueEntry, measured: ResultIn, flag: Flag | None) -> Mapping[str, Any]:
    """What was measured, with the definition and the bounds of the moment."""
    return {
        "code": entry.code,
        "name": entry.name,
        "definition": entry.version,
        "value": measured.value,
        "unit": entry.unit,
        "reference": {
            "low": written(entry.reference_low),
            "high": written(entry.reference_high),
            "critical_low": written(entry.critical_low),
            "critical_high": written(entry.critical_high),
        },
        "flag": flag.value if flag is not None else None,
        "comment": measured.comment,
        "occurred_at": rfc3339(measured.occurred_at) if measured.occurred_at is not None else None,
    }


def _version(
    uow: UnitOfWork, test_id: uuid.UUID, draft: Draft, kind: VersionKind, measured: ResultIn
) -> ResultVersion:
    return ResultVersion(
        test_id=test_id,
        number=draft.number,
        kind=kind,
        document_id=draft.ref.id,
        flag=draft.flag,
        author=uow.principal.id,
        occurred_at=occurred(measured.occurred_at, uow.now),
        recorded_at=uow.now,
    )


def _stored(draft: Draft | None) -> Draft:
    if draft is None:
        raise forbidden()
    return draft
