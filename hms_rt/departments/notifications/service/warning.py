"""Those in charge hear of coming gaps of a rota while there is time to fill them."""

import uuid
from datetime import datetime, timedelta

from hms_rt.departments.notifications.model.gap_warning import GapTold, warn
from hms_rt.departments.notifications.model.notification import Kind, Priority, Subject
from hms_rt.departments.notifications.model.on_call import PlaceKind
from hms_rt.departments.notifications.model.wording import Phrase, say
from hms_rt.departments.notifications.repository import gaps as gap_rows
from hms_rt.departments.notifications.repository import on_call as repository
from hms_rt.departments.notifications.service.duty import DutyRoster
from hms_rt.departments.notifications.service.groups import GAPS
from hms_rt.kernel.principal import AssignmentKind, Role
from hms_rt.kernel.timers import Timer
from hms_rt.storage.timers import set_timer
from hms_rt.storage.unit_of_work import UnitOfWork

EVERY = timedelta(hours=1)


class GapWarning(DutyRoster):
    """A durable timer of each active group looks ahead every hour."""

    async def _look_for_gaps(self, uow: UnitOfWork, timer: Timer) -> None:
        """Tell each gap once, and again when it begins within a day; the key is the group. A group that is
        closed is looked at again when it is reopened."""
        group = await repository.group(uow.connection, timer.key, lock=True)
        if group is None or not group.active:
            return
        until = uow.now + self._gap_days
        open_ = await self._open(uow.connection, group.number, uow.now, until)
        told, known = warn(open_, await gap_rows.told(uow.connection, group.number), uow.now)
        await gap_rows.keep(uow.connection, group.number, known)
        people = await self._in_charge(uow, PlaceKind(group.place_kind), group.place) if told else set()
        for gap in told:
            await self._tell_gap(uow, group.code, gap, people)
        await set_timer(uow, GAPS, timer.key, uow.now + EVERY)

    async def _tell_gap(self, uow: UnitOfWork, code: str, gap: GapTold, people: set[uuid.UUID]) -> None:
        wording = say(
            Phrase.ON_CALL_GAP, group=code, begins=self._clock(gap.starts_at), ends=self._clock(gap.ends_at)
        )
        priority = Priority.HIGH if gap.told_again else Priority.NORMAL
        subject = Subject("on_call_group", code)
        await self.notify(
            uow, people, Kind.ON_CALL_GAP, wording, subject, priority=priority, expires_at=gap.ends_at
        )

    async def _in_charge(self, uow: UnitOfWork, kind: PlaceKind, place: str) -> set[uuid.UUID]:
        """The administrators, and of a ward its charge nurses."""
        found = await self._identity.users_with(uow.connection, roles=[Role.ADMIN])
        if kind is PlaceKind.WARD:
            found += await self._identity.users_with(
                uow.connection, ward=place, assignment_kind=AssignmentKind.CHARGE_NURSE
            )
        return {one.id for one in found}

    def _clock(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"
