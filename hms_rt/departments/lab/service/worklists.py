"""What the laboratory has to do, and what a department that discharges a patient must know of it."""

import uuid
from dataclasses import replace
from datetime import timedelta

from hms_rt.departments.lab.model.labtest import LabState, LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.repository import alerts, worklists
from hms_rt.departments.lab.repository.worklists import Wanted
from hms_rt.departments.lab.schemas.ordering import (
    LabTestOut,
    WorklistCursor,
    WorklistQuery,
    WorklistSort,
)
from hms_rt.departments.lab.service.foundation import Foundation, out
from hms_rt.departments.notifications.service import Kind, Phrase, Priority, Subject, say
from hms_rt.kernel.commands import Command
from hms_rt.kernel.outstanding import Outstanding, OutstandingKind
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal, Role
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

REMIND_AGAIN = timedelta(hours=8)
"""How often the laboratory is reminded of a review that is due."""
REMIND_AT_ONCE = 100
"""Reviews that one run of the timer reminds of at most."""
NAMED = 5
"""How many open things a discharge checklist names."""


class Worklists(Foundation):
    """Lists of open work."""

    async def worklist(
        self, principal: Principal, command: Command, query: WorklistQuery
    ) -> Page[LabTestOut]:
        """What the laboratory has to do, the oldest first unless asked otherwise; audited."""
        after = decode_cursor(query.cursor, WorklistCursor) if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[LabTestOut]:
            require(principal, Permission.LAB_WORKLIST_READ)
            listed = await worklists.page(
                uow.connection,
                _wanted(query),
                urgent_first=query.sort is WorklistSort.PRIORITY,
                newest_first=query.sort is WorklistSort.NEWEST,
                after=(after.rank, after.id) if after is not None else None,
                limit=query.limit + 1,
            )
            shown, cursor = cut(
                listed,
                query.limit,
                lambda one: WorklistCursor(rank=worklists.rank(one[0].priority), id=one[1].id),
            )
            uow.audit("lab.worklist_read", entity="lab_worklist", entity_id="worklist")
            items = [out(principal, order, test) for order, test in shown]
            return Page[LabTestOut](items=items, next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[LabTestOut], work)

    async def remind_of_reviews(self, principal: Principal, command: Command) -> None:
        """The server's timer: the laboratory hears again of reviews that are due for too long.

        Of the night's releases, and of corrections; not those who made them. Once, whichever process
        is first.
        """

        async def work(uow: UnitOfWork) -> None:
            due = await worklists.lock_reviews_to_remind(uow.connection, uow.now, REMIND_AT_ONCE)
            if not due:
                return
            again = uow.now + REMIND_AGAIN
            await worklists.remind_again(uow.connection, [test.id for _, test in due], again)
            staff = {user.id for user in await self._identity.users_with(uow.connection, roles=[Role.LAB])}
            for order, test in due:
                await self._ask_for_review(uow, order, test, staff, overdue=True)

        await self._units.execute(principal, command, type(None), work)

    async def outstanding(
        self, uow: UnitOfWork, patient_id: uuid.UUID, admission_id: uuid.UUID | None
    ) -> list[Outstanding]:
        """What is open for a patient who is about to leave: tests, specimens to take, critical values.

        Whatever was ordered for the patient counts, whichever ward ordered it: ``admission_id`` narrows
        nothing.
        """
        connection = uow.connection
        tests = [test for _, test in await worklists.of_patient(connection, patient_id)]
        unread = [test for _, _, test in await alerts.of_patient(connection, patient_id)]
        to_collect = [test for test in tests if test.state is LabState.ORDERED]
        running = [test for test in tests if test.state is not LabState.ORDERED]
        return [
            Outstanding("lab", kind, len(several), tuple(_named(test) for test in several[:NAMED]))
            for kind, several in (
                (OutstandingKind.UNREAD_RESULTS, unread),
                (OutstandingKind.SPECIMENS_TO_COLLECT, to_collect),
                (OutstandingKind.OPEN_ORDERS, running),
            )
            if several
        ]

    async def _ask_for_review(
        self, uow: UnitOfWork, order: LabOrder, test: LabTest, staff: set[uuid.UUID], *, overdue: bool
    ) -> None:
        """Ask the laboratory, but for those who alone released or corrected the result, to look at it."""
        alone = {test.entered_by, test.released_by} if test.corrected_by is None else {test.corrected_by}
        corrected = test.corrected_by is not None
        await self._send(
            uow,
            staff - alone,
            Kind.REVIEW_DUE,
            say(_REVIEWS[overdue, corrected], test=test.name),
            Subject("lab_test", str(test.id)),
            order.patient_id,
            Priority.HIGH if overdue else Priority.NORMAL,
        )


_REVIEWS = {
    (False, False): Phrase.REVIEW_DUE_ALONE,
    (False, True): Phrase.REVIEW_DUE_CORRECTED,
    (True, False): Phrase.REVIEW_OVERDUE_ALONE,
    (True, True): Phrase.REVIEW_OVERDUE_CORRECTED,
}
"""By whether it is overdue, and whether a correction is to be looked at."""


def _named(test: LabTest) -> str:
    return f"{test.name}, {test.state.value.replace('_', ' ')}"


def _wanted(query: WorklistQuery) -> Wanted:
    return Wanted(
        review_due=query.review_due,
        state=query.state,
        code=query.test,
        specimen_kind=query.specimen_kind,
        priority=query.priority,
        place=query.location,
        delta=query.delta,
        recollect=query.recollect,
    )
