"""Specimens: taken on the ward, received and sometimes rejected in the laboratory."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.lab.model.labtest import LabMove, LabState, LabTest
from hms_rt.departments.lab.model.specimen import Specimen
from hms_rt.departments.lab.repository import labtests, specimens
from hms_rt.departments.lab.schemas.ordering import (
    IdCursor,
    Rejection,
    SpecimenIn,
    SpecimenOut,
    SpecimenQuery,
    When,
)
from hms_rt.departments.lab.service.foundation import (
    Foundation,
    found,
    require_at,
    require_at_or_own,
    save,
)
from hms_rt.departments.notifications.service import Kind, Phrase, Subject, say
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import Code, HmsError, conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Specimens(Foundation):
    """What was taken from patients, and which tests it is for."""

    async def collect(
        self, principal: Principal, command: Command, order_id: uuid.UUID, taken: SpecimenIn
    ) -> SpecimenOut:
        """A specimen was taken for tests of an order.

        Raises ``invalid`` for tests of another order or kind, ``illegal_move`` for tests that have a
        specimen, ``conflict`` for a barcode in use or when no test waits for such a specimen.
        """

        async def work(uow: UnitOfWork) -> SpecimenOut:
            require(principal, Permission.SPECIMEN_COLLECT)
            order, tests = found(await labtests.lock_order(uow.connection, order_id), "that order")
            require_at(principal, Permission.SPECIMEN_COLLECT, order)
            wanted = _for(tests, taken)
            specimen = await self._add(uow, order_id, taken, _replaced(wanted))
            pairs = [(test, test.collect(specimen.id, specimen.barcode)) for test in wanted]
            at = specimen.collected_at
            await save(uow, order, pairs, Cause.COLLECTED, LabMove.COLLECT, at=at)
            _audit(uow, "lab.collect", specimen, order.patient_id)
            return _out(specimen, wanted)

        return await self._units.execute(principal, command, SpecimenOut, work)

    async def receive(
        self, principal: Principal, command: Command, specimen_id: uuid.UUID, when: When
    ) -> SpecimenOut:
        """The specimen reached the laboratory; raises ``illegal_move``."""

        async def work(uow: UnitOfWork) -> SpecimenOut:
            require(principal, Permission.SPECIMEN_RECEIVE)
            order, specimen = found(await specimens.lock(uow.connection, specimen_id), "that specimen")
            command.check_version(specimen.version)
            received = specimen.receive(principal.id, occurred(when.occurred_at, uow.now))
            tests = await labtests.lock_of_specimen(uow.connection, specimen_id)
            after = await specimens.save(uow.connection, received)
            pairs = [(test, test.receive()) for test in tests if test.state is LabState.COLLECTED]
            await save(uow, order, pairs, Cause.RECEIVED, LabMove.RECEIVE, at=received.received_at)
            _audit(uow, "lab.receive", specimen, order.patient_id)
            return _out(after, tests)

        return await self._units.execute(principal, command, SpecimenOut, work)

    async def reject(
        self, principal: Principal, command: Command, specimen_id: uuid.UUID, why: Rejection
    ) -> SpecimenOut:
        """The specimen is of no use: its tests wait for another one, and the nurses are told.

        Raises ``illegal_move`` once a result was taken from it.
        """

        async def work(uow: UnitOfWork) -> SpecimenOut:
            require(principal, Permission.SPECIMEN_REJECT)
            order, specimen = found(await specimens.lock(uow.connection, specimen_id), "that specimen")
            command.check_version(specimen.version)
            rejected = specimen.reject(principal.id, occurred(why.occurred_at, uow.now), why.reason)
            tests = await labtests.lock_of_specimen(uow.connection, specimen_id)
            after = await specimens.save(uow.connection, rejected)
            pairs = [(test, test.reject()) for test in tests if test.state is not LabState.CANCELLED]
            await save(
                uow,
                order,
                pairs,
                Cause.REJECTED,
                LabMove.REJECT,
                at=rejected.rejected_at,
                reason=why.reason,
            )
            _audit(uow, "lab.reject", specimen, order.patient_id, reason=why.reason)
            await self._send(
                uow,
                await self._nurses(uow, order),
                Kind.SPECIMEN_REJECTED,
                say(Phrase.SPECIMEN_REJECTED, barcode=specimen.barcode),
                Subject("lab_specimen", str(specimen.id)),
                order.patient_id,
            )
            return _out(after, [])

        return await self._units.execute(principal, command, SpecimenOut, work)

    async def list_specimens(
        self, principal: Principal, command: Command, query: SpecimenQuery
    ) -> Page[SpecimenOut]:
        """The specimen with a label, or those of an order, rejected ones too; audited.

        Raises ``not_found`` for an unknown barcode or order, ``forbidden``.
        """

        async def work(uow: UnitOfWork) -> Page[SpecimenOut]:
            require(principal, Permission.LAB_ORDER_READ)
            order_id = query.order_id
            if query.barcode is not None:
                labelled = await specimens.by_barcode(uow.connection, query.barcode)
                order_id = found(labelled, "a specimen with that barcode").order_id
            shown = await labtests.of_orders(uow.connection, [order_id] if order_id is not None else [])
            order = found(shown[0][0] if shown else None, "that order")
            require_at_or_own(principal, Permission.LAB_ORDER_READ, order)
            uow.audit(
                "lab.specimens_read", entity="lab_order", entity_id=order.id, patient_id=order.patient_id
            )
            after = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
            listed = [
                one
                for one in await specimens.of_order(uow.connection, order.id)
                if query.barcode in (None, one.barcode) and (after is None or one.id > after)
            ]
            page, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
            tests = [test for _, test in shown]
            items = [_out(one, [t for t in tests if t.specimen_id == one.id]) for one in page]
            return Page[SpecimenOut](items=items, next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[SpecimenOut], work)

    @staticmethod
    async def _add(
        uow: UnitOfWork, order_id: uuid.UUID, taken: SpecimenIn, replaces: uuid.UUID | None
    ) -> Specimen:
        try:
            return await specimens.add(
                uow.connection,
                specimen_id=uow.ids.new(),
                order_id=order_id,
                kind=taken.kind,
                barcode=taken.barcode,
                by=uow.principal.id,
                at=occurred(taken.occurred_at, uow.now),
                replaces=replaces,
            )
        except IntegrityError as error:
            if violated(error) == "lab_specimen_barcode_key":
                raise conflict("that barcode is in use") from None
            raise


def _for(tests: Sequence[LabTest], taken: SpecimenIn) -> list[LabTest]:
    """Which of the order's tests the specimen is for."""
    if taken.tests is None:
        wanted = [t for t in tests if t.state is LabState.ORDERED and t.specimen_kind is taken.kind]
        if not wanted:
            raise conflict(f"no test of the order waits for a specimen of kind {taken.kind}")
        return wanted
    wanted = [test for test in tests if test.id in taken.tests]
    if len(wanted) != len(taken.tests):
        raise HmsError(Code.INVALID, "tests: name tests of this order, each once")
    if any(test.specimen_kind is not taken.kind for test in wanted):
        raise HmsError(Code.INVALID, f"kind: not all of these tests are made from {taken.kind}")
    return wanted


def _replaced(wanted: Sequence[LabTest]) -> uuid.UUID | None:
    """The rejected specimen in whose place this one is taken: the latest, if the tests had several."""
    return max((test.recollect_of for test in wanted if test.recollect_of is not None), default=None)


def _audit(uow: UnitOfWork, action: str, specimen: Specimen, patient_id: uuid.UUID, **detail: str) -> None:
    uow.audit(
        action,
        entity="lab_specimen",
        entity_id=specimen.id,
        patient_id=patient_id,
        detail={"barcode": specimen.barcode, **detail},
    )


def _out(specimen: Specimen, tests: Sequence[LabTest]) -> SpecimenOut:
    return SpecimenOut(
        id=specimen.id,
        order_id=specimen.order_id,
        barcode=specimen.barcode,
        kind=specimen.kind,
        state=specimen.state,
        collected_at=specimen.collected_at,
        received_at=specimen.received_at,
        rejected_at=specimen.rejected_at,
        reject_reason=specimen.reject_reason,
        tests=[test.id for test in tests],
        replaces=specimen.replaces,
        version=specimen.version,
    )
