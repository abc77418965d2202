"""Reading a result: audited before it is answered, and checked against its digest."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder, ResultStatus, status_of
from hms_rt.departments.lab.repository import history, labtests, readers, results
from hms_rt.departments.lab.repository.history import TestEvent
from hms_rt.departments.lab.repository.results import ResultVersion
from hms_rt.departments.lab.schemas.results import ResultOut, ResultQuery, TestEventOut, TestHistory
from hms_rt.departments.lab.service.foundation import Foundation, found, require_told_at_or_own
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import not_found
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.security.permissions import Permission, may, require
from hms_rt.storage import mongo
from hms_rt.storage.mongo import DocumentRef
from hms_rt.storage.unit_of_work import UnitOfWork


class Reading(Foundation):
    """What results say."""

    async def result(
        self, principal: Principal, command: Command, test_id: uuid.UUID, query: ResultQuery
    ) -> ResultOut:
        """One version of a result, the newest unless asked otherwise; audited.

        Who reads a version is remembered, to be told of a correction; reading the newest one settles that.
        Preliminary versions are for the laboratory, but for critical ones: who is told of such a value may
        read it. Raises ``not_found`` when there is nothing to read for the caller, ``forbidden``, and
        ``integrity`` for a missing or altered document.
        """
        read: list[tuple[LabOrder, LabTest, _Version, DocumentRef]] = []

        async def work(uow: UnitOfWork) -> None:
            require(principal, Permission.RESULT_READ)
            order, test = found(await labtests.by_id(uow.connection, test_id, hold=True), "that test")
            await require_told_at_or_own(uow, Permission.RESULT_READ, order, test_id)
            preliminary = may(principal, Permission.LAB_WORKLIST_READ) is not None
            known = await results.versions(uow.connection, test_id)
            released = await history.released_version(uow.connection, test_id)
            version = _choose(known, released, query.version, preliminary=preliminary)
            (ref,) = await mongo.find_refs(uow.connection, [version[0].document_id])
            uow.audit(
                "lab.result_read",
                entity="lab_test",
                entity_id=test_id,
                patient_id=order.patient_id,
                detail={"version": version[0].number},
            )
            if principal.kind is PrincipalKind.USER:
                number = version[0].number
                await readers.remember(uow.connection, test_id, number, principal.id, uow.now)
            read[:] = [(order, test, version, ref)]

        await self._units.execute(principal, replace(command, key=None), type(None), work)
        order, test, version, ref = read[0]
        return _out(order, test, version, await self._documents.read(ref))

    async def history(self, principal: Principal, command: Command, test_id: uuid.UUID) -> TestHistory:
        """What happened with a test, by whom, when and why; audited. Raises ``not_found``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> TestHistory:
            require(principal, Permission.LAB_ORDER_READ)
            order, _ = found(await labtests.by_id(uow.connection, test_id), "that test")
            await require_told_at_or_own(uow, Permission.LAB_ORDER_READ, order, test_id)
            uow.audit("lab.history_read", entity="lab_test", entity_id=test_id, patient_id=order.patient_id)
            events = await history.of_test(uow.connection, test_id)
            names = await self._identity.names_of(uow.connection, {event.by for event in events})
            return TestHistory(test_id=test_id, events=[_event(one, names) for one in events])

        return await self._units.execute(principal, replace(command, key=None), TestHistory, work)


_Version = tuple[ResultVersion, ResultStatus]


def _choose(
    known: list[ResultVersion], released: int | None, wanted: int | None, *, preliminary: bool
) -> _Version:
    """The version to show, with its status; raises ``not_found`` if the caller may see none such."""
    rated = [(v, status_of(v.kind, v.number, released)) for v in known]
    visible = [
        (version, status)
        for version, status in rated
        if (
            preliminary
            or status is not ResultStatus.PRELIMINARY
            or (released is None and version.flag is not None and version.flag.critical)
        )
        and wanted in (None, version.number)
    ]
    if not visible:
        raise not_found("a released result" if not preliminary else "that result")
    return visible[-1]


def _out(order: LabOrder, test: LabTest, version: _Version, body: Mapping[str, Any]) -> ResultOut:
    row, status = version
    return ResultOut(
        test_id=test.id,
        order_id=order.id,
        patient_id=order.patient_id,
        test=body["code"],
        test_name=body["name"],
        result_version=row.number,
        latest_version=test.result_version or row.number,
        status=status,
        value=body["value"],
        unit=body["unit"],
        reference=body["reference"],
        flag=body["flag"],
        delta=body.get("delta"),
        implausible=body.get("implausible", False),
        comment=body["comment"],
        reason=body["reason"],
        author=row.author,
        author_name=body["author_name"],
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
    )


def _event(event: TestEvent, names: Mapping[uuid.UUID, str]) -> TestEventOut:
    return TestEventOut(
        move=event.move,
        state=event.state,
        result_version=event.result_version,
        by=event.by,
        by_name=names.get(event.by, "server"),
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        reason=event.reason,
    )
