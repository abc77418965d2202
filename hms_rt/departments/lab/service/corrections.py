"""Corrections: everybody who read an older version is told, and told again until the new one was read."""

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.repository import readers
from hms_rt.departments.lab.repository.readers import Notice, ShownNotice
from hms_rt.departments.lab.schemas.results import NoticeCursor, NoticeOut, NoticeQuery
from hms_rt.departments.lab.service.foundation import Foundation
from hms_rt.departments.notifications.service import Kind, Phrase, Priority, Subject, say
from hms_rt.kernel.commands import Command
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

REMIND_AGAIN = timedelta(hours=2)
"""How often somebody is told of a correction again."""
REMIND_AT_ONCE = 200
"""Notices that one run of the timer sends again at most."""


class Corrections(Foundation):
    """Notices of corrected results."""

    async def corrections(
        self, principal: Principal, command: Command, query: NoticeQuery
    ) -> Page[NoticeOut]:
        """Who has yet to learn of which correction, the oldest first; for the laboratory; audited."""
        cursor = decode_cursor(query.cursor, NoticeCursor) if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[NoticeOut]:
            require(principal, Permission.LAB_WORKLIST_READ)
            listed = await readers.page(
                uow.connection,
                unseen=not query.seen,
                test_id=query.test_id,
                after=(cursor.test_id, cursor.number, cursor.user_id) if cursor is not None else None,
                limit=query.limit + 1,
            )
            shown, further = cut(listed, query.limit, lambda one: _key(one[0]))
            uow.audit("lab.corrections_read", entity="lab_correction", entity_id="list")
            names = await self._identity.names_of(uow.connection, {one.user_id for one, _, _ in shown})
            return Page[NoticeOut](items=[_out(one, names) for one in shown], next_cursor=further)

        return await self._units.execute(principal, replace(command, key=None), Page[NoticeOut], work)

    async def remind_readers(self, principal: Principal, command: Command) -> None:
        """The server's timer: who has not read a corrected result yet is told again.

        The rows are the timers: a restart loses none, and whichever process locks them first tells, once.
        """

        async def work(uow: UnitOfWork) -> None:
            due = await readers.lock_due(uow.connection, uow.now, REMIND_AT_ONCE)
            if not due:
                return
            notices = [notice for notice, _, _ in due]
            await readers.remind(uow.connection, notices, uow.now + REMIND_AGAIN)
            people: dict[tuple[uuid.UUID, uuid.UUID, str], set[uuid.UUID]] = defaultdict(set)
            for notice, order, name in due:
                people[notice.test_id, order.patient_id, name].add(notice.user_id)
            for (test_id, patient_id, name), users in people.items():
                await self._tell_corrected(uow, users, test_id, patient_id, f"{name}, not seen yet")

        await self._units.execute(principal, command, type(None), work)

    async def _tell_readers(self, uow: UnitOfWork, order: LabOrder, test: LabTest, number: int) -> None:
        """After a correction: its notices, to who ordered and to everybody who read an older version."""
        unseen = await readers.supersede(uow.connection, test.id, number)
        read = await readers.of_versions_before(uow.connection, test.id, number)
        people = ({order.ordered_by} | unseen | read) - {uow.principal.id}
        remind_at = uow.now + REMIND_AGAIN
        await readers.add(uow.connection, test.id, number, people, uow.now, remind_at)
        await self._tell_corrected(uow, people, test.id, order.patient_id, test.name)

    async def _tell_corrected(
        self, uow: UnitOfWork, people: set[uuid.UUID], test_id: uuid.UUID, patient_id: uuid.UUID, what: str
    ) -> None:
        await self._send(
            uow,
            people,
            Kind.RESULT_CORRECTED,
            say(Phrase.RESULT_CORRECTED, test=what),
            Subject("lab_test", str(test_id)),
            patient_id,
            Priority.HIGH,
        )


def _key(notice: Notice) -> NoticeCursor:
    return NoticeCursor(test_id=notice.test_id, number=notice.number, user_id=notice.user_id)


def _out(shown: ShownNotice, names: Mapping[uuid.UUID, str]) -> NoticeOut:
    notice, order, name = shown
    return NoticeOut(
        test_id=notice.test_id,
        test_name=name,
        patient_id=order.patient_id,
        mrn=order.mrn,
        result_version=notice.number,
        user_id=notice.user_id,
        user_name=names.get(notice.user_id, "unknown"),
        notified_at=notice.notified_at,
        reminders=notice.reminders,
        remind_at=notice.remind_at,
        seen_at=notice.seen_at,
        superseded_by=notice.superseded_by,
    )
