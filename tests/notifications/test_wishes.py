"""How users are told: muted kinds, quiet hours, acknowledgement, expiry, and what the sender sees."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hms_rt.app import Hospital
from hms_rt.departments.notifications.model.preferences import Preferences
from hms_rt.departments.notifications.schemas import NotificationQuery, Seen
from hms_rt.departments.notifications.schemas.notifications import PreferencesShape, SentQuery
from hms_rt.departments.notifications.service import Batch, Kind, NotificationsService, Priority
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal, Role
from hms_rt.storage.unit_of_work import UnitOfWork
from tests.conftest import PersonFactory, command
from tests.notifications.conftest import SUBJECT, Room

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 3, 2, 22, tzinfo=UTC)  # 23:00 in Vienna
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


class Sender:
    """Somebody who tells others."""

    def __init__(self, hospital: Hospital, principal: Principal) -> None:
        self.hospital, self.principal = hospital, principal

    async def tell(self, *people: Principal, kind: Kind = Kind.RESULT_CORRECTED, **options: object) -> None:
        async def work(uow: UnitOfWork) -> None:
            users = [one.id for one in people]
            await self.hospital.services.notifications.notify(
                uow,
                users,
                kind,
                "A result was corrected",
                SUBJECT,
                **options,  # type: ignore[arg-type]
            )

        await self.hospital.units.execute(self.principal, command(), type(None), work)


@pytest.fixture
async def sender(hospital: Hospital, person: PersonFactory) -> Sender:
    return Sender(hospital, await person(Role.LAB))


@pytest.mark.parametrize(
    ("quiet", "at", "ends"),
    [
        ((22, 7), datetime(2026, 3, 2, 22, tzinfo=UTC), datetime(2026, 3, 3, 6, tzinfo=UTC)),
        ((22, 7), datetime(2026, 3, 3, 5, 59, tzinfo=UTC), datetime(2026, 3, 3, 6, tzinfo=UTC)),
        ((22, 7), datetime(2026, 3, 3, 6, tzinfo=UTC), None),
        ((22, 7), datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 3, 29, 5, tzinfo=UTC)),
        ((12, 14), datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 13, tzinfo=UTC)),
        ((12, 14), datetime(2026, 3, 2, 10, 59, tzinfo=UTC), None),
    ],
    ids=["evening", "last minute", "over", "clocks are put forward", "at noon", "before noon"],
)
def test_quiet_hours_end_by_the_hospitals_clocks(
    quiet: tuple[int, int], at: datetime, ends: datetime | None
) -> None:
    wishes = Preferences(quiet_from=time(quiet[0]), quiet_until=time(quiet[1]))
    assert wishes.held_until(at, Priority.HIGH, VIENNA) == ends
    assert wishes.held_until(at, Priority.CRITICAL, VIENNA) is None


async def test_muted_and_quiet_are_listed_unshown_and_critical_is_always_shown(
    notifications: NotificationsService,
    sender: Sender,
    person: PersonFactory,
    snapshot: Room,
    replayed: Room,
    hospital: Hospital,
    clock: ManualClock,
) -> None:
    nurse = await person(Role.NURSE)
    wishes = PreferencesShape(
        muted=frozenset({Kind.RESULT_RELEASED}), quiet_from=time(22), quiet_until=time(7), language="de"
    )
    assert await notifications.prefer(nurse, command(), wishes) == wishes
    assert await notifications.preferences(nurse) == wishes

    await sender.tell(nurse, kind=Kind.RESULT_RELEASED)
    await sender.tell(nurse)
    await sender.tell(nurse, expires_at=NOW + HOUR)
    await sender.tell(nurse, kind=Kind.RESULT_RELEASED, priority=Priority.CRITICAL)
    assert [one["priority"] for one in (await snapshot(nurse.id)).values()] == ["critical"]
    assert len((await notifications.list_own(nurse, NotificationQuery())).items) == 4

    clock.advance(8 * HOUR)
    await hospital.durable_timers.run_due()
    room = await snapshot(nurse.id)
    assert [one["kind"] for one in room.values()] == ["result_corrected", "result_released"]
    assert room == await replayed(nurse.id)
    await sender.tell(nurse)
    assert len(await snapshot(nurse.id)) == 3


async def test_what_wants_to_be_acknowledged_stays_until_it_is_and_the_sender_sees_who_read_it(
    notifications: NotificationsService,
    sender: Sender,
    person: PersonFactory,
    snapshot: Room,
    replayed: Room,
) -> None:
    ada, bea, cyd = [await person(Role.DOCTOR) for _ in range(3)]
    await sender.tell(ada, bea, cyd, acknowledge_within=HOUR)
    await sender.tell(ada, kind=Kind.RESULT_RELEASED)
    (wanted,) = (await notifications.list_own(ada, NotificationQuery(unacknowledged=True))).items
    for _ in range(2):
        assert (await notifications.seen(ada, command(), Seen(ids=[wanted.id]))).unseen == 1
    assert (await snapshot(ada.id))[str(wanted.id)]["seen_at"] is not None
    assert await snapshot(ada.id) == await replayed(ada.id)

    (hers,) = (await notifications.list_own(bea, NotificationQuery())).items
    for _ in range(2):
        done = await notifications.acknowledge(bea, command(), hers.id)
    assert done.acknowledged_at == done.seen_at == NOW
    assert await snapshot(bea.id) == await replayed(bea.id) == {}

    first, second = (await notifications.sent(sender.principal, SentQuery())).items
    assert (first.told, first.seen) == (1, 0)
    assert (second.told, second.seen, second.acknowledged) == (3, 2, 1)
    details = await notifications.sent_details(sender.principal, second.id)
    read = {
        one.user_id: (one.seen_at is not None, one.acknowledged_at is not None) for one in details.receipts
    }
    assert read == {ada.id: (True, False), bea.id: (True, True), cyd.id: (False, False)}
    async with notifications._units.reading() as connection:
        receipts = await notifications.receipts_of(connection, SUBJECT, Kind.RESULT_CORRECTED)
    assert {one.user_id for one in receipts if one.seen_at} == {ada.id, bea.id}

    for doing, code in (
        (notifications.acknowledge(cyd, command(), hers.id), Code.NOT_FOUND),
        (notifications.sent_details(cyd, second.id), Code.NOT_FOUND),
    ):
        with pytest.raises(HmsError) as refused:
            await doing
        assert refused.value.code is code
    kinds = await notifications.list_own(ada, NotificationQuery(kind=Kind.RESULT_RELEASED))
    assert [one.kind for one in kinds.items] == [Kind.RESULT_RELEASED]
    with pytest.raises(HmsError, match="wants no acknowledgement"):
        await notifications.acknowledge(ada, command(), kinds.items[0].id)


async def test_nobody_acknowledges_and_the_departments_hook_is_called_once(
    notifications: NotificationsService,
    sender: Sender,
    person: PersonFactory,
    hospital: Hospital,
    clock: ManualClock,
) -> None:
    called: list[Batch] = []

    async def hook(uow: UnitOfWork, batch: Batch) -> None:
        called.append(batch)

    notifications.on_unacknowledged(Kind.RESULT_CORRECTED, hook)
    ada = await person(Role.DOCTOR)
    await sender.tell(ada, acknowledge_within=HOUR)
    await sender.tell(ada, acknowledge_within=HOUR)
    newest = (await notifications.list_own(ada, NotificationQuery())).items[0]
    await notifications.acknowledge(ada, command(), newest.id)
    clock.advance(HOUR)
    await hospital.durable_timers.run_due()
    clock.advance(HOUR)
    await hospital.durable_timers.run_due()
    assert [(one.subject, one.told) for one in called] == [(SUBJECT, 1)]


async def test_what_has_expired_leaves_the_room(
    notifications: NotificationsService,
    sender: Sender,
    person: PersonFactory,
    snapshot: Room,
    replayed: Room,
    hospital: Hospital,
    clock: ManualClock,
) -> None:
    ada = await person(Role.DOCTOR)
    await sender.tell(ada, expires_at=NOW + HOUR)
    await sender.tell(ada)
    clock.advance(HOUR)
    await hospital.durable_timers.run_due()
    assert len(await snapshot(ada.id)) == 1
    assert await snapshot(ada.id) == await replayed(ada.id)
    assert len((await notifications.list_own(ada, NotificationQuery())).items) == 2


async def test_recipients_are_users_on_call_groups_and_roles_at_places(
    notifications: NotificationsService, person: PersonFactory
) -> None:
    ada, bea = await person(Role.DOCTOR, ward="ICU"), await person(Role.NURSE, ward="ICU")
    cyd = await person(Role.DOCTOR)
    async with notifications._units.reading() as connection:
        assert await notifications.recipients(connection, NOW, ward="ICU") == {ada.id, bea.id}
        doctors = await notifications.recipients(
            connection, NOW, users=[bea.id], groups=["NONE"], roles=[Role.DOCTOR]
        )
        assert doctors == {ada.id, bea.id, cyd.id}
