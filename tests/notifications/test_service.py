"""Notifications on real servers: durable, seen once, and rooms that stay true and bounded."""

import asyncio
import uuid

import pytest

from hms_rt.app import Hospital
from hms_rt.departments.notifications.schemas import NotificationQuery, Seen
from hms_rt.departments.notifications.service import NotificationsService, Priority
from hms_rt.departments.notifications.service import telling as service_module
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.errors import HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, PrincipalKind, Role
from tests.conftest import PersonFactory, command
from tests.notifications.conftest import Room, Tell


async def test_each_user_is_told_once_and_sees_it_in_their_own_room(
    notifications: NotificationsService, tell: Tell, snapshot: Room, replayed: Room, person: PersonFactory
) -> None:
    doctor, nurse, other = [await person(role) for role in (Role.DOCTOR, Role.NURSE, Role.NURSE)]
    made = await tell(doctor.id, nurse.id, nurse.id)
    assert len(made) == 2
    room = await snapshot(nurse.id)
    assert [value["title"] for value in room.values()] == ["Critical potassium"]
    assert room == await replayed(nurse.id)
    assert not await snapshot(other.id)
    (listed,) = (await notifications.list_own(nurse, NotificationQuery())).items
    assert (str(listed.id), listed.seen_at) == (next(iter(room)), None)


async def test_a_receipt_empties_the_room_and_repeating_it_changes_nothing(
    notifications: NotificationsService, tell: Tell, snapshot: Room, replayed: Room, person: PersonFactory
) -> None:
    nurse = await person(Role.NURSE)
    first, second = (await tell(nurse.id))[0], (await tell(nurse.id))[0]
    for _ in range(2):
        assert (await notifications.seen(nurse, command(), Seen(ids=[first]))).unseen == 1
        assert list(await snapshot(nurse.id)) == [str(second)]
        assert await snapshot(nurse.id) == await replayed(nurse.id)
    unseen = await notifications.list_own(nurse, NotificationQuery(unseen=True))
    assert [one.id for one in unseen.items] == [second]


async def test_foreign_and_unknown_receipts_are_ignored(
    notifications: NotificationsService, tell: Tell, snapshot: Room, person: PersonFactory
) -> None:
    nurse, other = await person(Role.NURSE), await person(Role.NURSE)
    (hers,) = await tell(nurse.id)
    await notifications.seen(other, command(), Seen(ids=[hers, uuid.uuid4()]))
    assert list(await snapshot(nurse.id)) == [str(hers)]


async def test_a_full_room_drops_the_oldest_but_keeps_critical_ones_and_stays_true(
    notifications: NotificationsService,
    tell: Tell,
    snapshot: Room,
    replayed: Room,
    person: PersonFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service_module, "ROOM_LIMIT", 3)
    nurse = await person(Role.NURSE)
    (critical,) = await tell(nurse.id, priority=Priority.CRITICAL)
    later = [(await tell(nurse.id))[0] for _ in range(4)]

    room = await snapshot(nurse.id)
    assert set(room) == {str(one) for one in (critical, *later[-2:])}
    assert room == await replayed(nurse.id)
    assert len((await notifications.list_own(nurse, NotificationQuery(unseen=True))).items) == 5


async def test_telling_and_seeing_at_once_leaves_snapshot_and_changes_equal(
    notifications: NotificationsService, tell: Tell, snapshot: Room, replayed: Room, person: PersonFactory
) -> None:
    nurse = await person(Role.NURSE)
    known = [(await tell(nurse.id))[0] for _ in range(4)]
    await asyncio.gather(
        *(tell(nurse.id) for _ in range(4)),
        *(notifications.seen(nurse, command(), Seen(ids=list(reversed(known)))) for _ in range(2)),
        notifications.seen(nurse, command(), Seen(ids=known)),
    )
    assert len(await snapshot(nurse.id)) == 4
    assert await snapshot(nurse.id) == await replayed(nurse.id)


async def test_the_list_is_paged_newest_first(
    notifications: NotificationsService, tell: Tell, person: PersonFactory
) -> None:
    nurse = await person(Role.NURSE)
    made = [(await tell(nurse.id))[0] for _ in range(3)]
    first = await notifications.list_own(nurse, NotificationQuery(limit=2))
    rest = await notifications.list_own(nurse, NotificationQuery(limit=2, cursor=first.next_cursor))
    listed = [one.id for one in (*first.items, *rest.items)]
    assert listed == sorted(made, reverse=True)
    assert rest.next_cursor is None


async def test_a_title_that_names_the_patient_is_replaced(
    hospital: Hospital, tell: Tell, snapshot: Room, person: PersonFactory
) -> None:
    nurse = await person(Role.NURSE)
    patient = await hospital.services.patients.register(
        SYSTEM, command(), PatientNew(family_name="Curie", given_name="Marie")
    )
    await tell(nurse.id, title="Potassium of Mme Curie", patient_id=patient.id)
    (value,) = (await snapshot(nurse.id)).values()
    assert (value["title"], value["patient_id"]) == ("Critical result", str(patient.id))


async def test_a_screen_has_no_notifications(notifications: NotificationsService, tell: Tell) -> None:
    screen = Principal(PrincipalKind.DEVICE, uuid.uuid4(), uuid.uuid4(), "Screen")
    await tell(screen.id)
    with pytest.raises(HmsError):
        await notifications.list_own(screen, NotificationQuery())
