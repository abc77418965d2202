"""Corrections: who read an older version is told until the new one was read; a second person looks at it."""

import asyncio
from collections.abc import Awaitable
from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.model.night import Night
from hms_rt.departments.lab.schemas.ordering import WorklistQuery
from hms_rt.departments.lab.schemas.results import (
    CorrectionIn,
    NoticeOut,
    NoticeQuery,
    ReleaseIn,
    ResultQuery,
)
from hms_rt.departments.notifications.schemas import NotificationQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import PersonFactory, command
from tests.lab.conftest import NOW, Lab, Query, refused

S = LabState
NEWEST = ResultQuery()
WRONG = CorrectionIn(value="2.6", reason="wrong tube")


async def titles(lab: Lab, user: Principal) -> list[str]:
    listed = await lab.services.notifications.list_own(user, NotificationQuery())
    return [one.title for one in reversed(listed.items)]


async def notices(lab: Lab, **query: object) -> list[NoticeOut]:
    asked = NoticeQuery.model_validate(query)
    return (await lab.services.lab.corrections(lab.anne, command(), asked)).items


async def test_everybody_who_read_the_old_version_is_told_again_until_they_read_the_new_one(
    lab: Lab, person: PersonFactory, clock: ManualClock
) -> None:
    service = lab.services.lab
    reader, stranger = await person(Role.NURSE, ward="ICU"), await person(Role.NURSE, ward="ICU")
    test = await lab.until(S.RELEASED)
    for _ in range(2):
        await service.result(reader, command(), test.id, NEWEST)
    await service.correct(lab.anne, command(), test.id, WRONG)
    first = "Result corrected: Lactate"
    assert await titles(lab, reader) == await titles(lab, lab.doctor) == [first]
    assert await titles(lab, stranger) == []
    assert {one.user_id for one in await notices(lab)} == {reader.id, lab.doctor.id}
    await service.result(lab.doctor, command(), test.id, NEWEST)
    await service.result(reader, command(), test.id, ResultQuery(version=1))  # the old one is no receipt
    for turn in (1, 2):
        clock.advance(timedelta(hours=2, seconds=1))
        await service.remind_readers(SYSTEM, command())
        again = "Result corrected: Lactate, not seen yet"
        assert await titles(lab, reader) == [first, *[again] * turn]
        assert await titles(lab, lab.doctor) == [first]
    (open_one,) = await notices(lab)
    assert (open_one.user_id, open_one.reminders, open_one.result_version) == (reader.id, 2, 2)
    # a second correction takes the place of the first, also for those who saw that one
    await service.correct(lab.otto, command(), test.id, CorrectionIn(value="2.7", reason="rounding"))
    told = await notices(lab, seen=True, test_id=test.id)
    assert {(one.user_id, one.result_version, one.superseded_by, one.seen_at is None) for one in told} == {
        (reader.id, 2, 3, True),
        (lab.doctor.id, 2, None, False),
        (reader.id, 3, None, True),
        (lab.doctor.id, 3, None, True),
    }
    for one in (reader, lab.doctor):
        await service.result(one, command(), test.id, NEWEST)
    assert await notices(lab) == []
    clock.advance(timedelta(hours=3))
    await service.remind_readers(SYSTEM, command())
    assert (await titles(lab, lab.doctor))[-1] == first
    with pytest.raises(HmsError):
        await service.corrections(lab.doctor, command(), NoticeQuery())


async def test_readers_and_a_correction_at_once_and_nobody_keeps_the_old_value_unknowing(
    lab: Lab, person: PersonFactory, query: Query
) -> None:
    service = lab.services.lab
    readers = [await person(Role.NURSE, ward="ICU") for _ in range(6)]
    test = await lab.until(S.RELEASED)

    async def read(one: Principal) -> tuple[Principal, int]:
        return one, (await service.result(one, command(), test.id, NEWEST)).result_version

    doing: list[Awaitable[Any]] = [read(one) for one in readers * 4]
    doing.insert(9, service.correct(lab.anne, command(), test.id, WRONG))
    outcomes = await asyncio.gather(*doing)
    saw = {one.id for one, version in (o for o in outcomes if isinstance(o, tuple)) if version == 1}
    told = await query("SELECT user_id FROM lab_correction_notice")
    assert saw <= {row.user_id for row in told}


async def test_a_correction_is_looked_at_by_a_second_person_and_the_laboratory_reminded(
    lab: Lab, clock: ManualClock, settings: Settings, stores: Stores, query: Query
) -> None:
    service = lab.services.lab
    test = await lab.until(S.RELEASED)
    corrected = await service.correct(lab.otto, command(), test.id, WRONG)
    assert (corrected.review_due, corrected.corrected) == (True, True)
    await refused(Code.FORBIDDEN, service.review(lab.otto, command(), test.id, NOW))
    for statement in (
        "UPDATE lab_test SET review_due = false, review_remind_at = NULL",
        "UPDATE lab_test SET review_due = false, review_remind_at = NULL, reviewed_by = corrected_by",
    ):
        with pytest.raises(DBAPIError, match="lab_test_review_check"):
            await query(statement)
    other = Hospital(settings, stores, clock=clock)
    try:
        clock.advance(timedelta(hours=8, seconds=1))
        both = [service, other.services.lab]
        await asyncio.gather(*(both[n % 2].remind_of_reviews(SYSTEM, command()) for n in range(20)))
    finally:
        await other.close()
    assert await titles(lab, lab.anne) == [
        "Review due: Lactate, corrected by one person",
        "Review overdue: Lactate, corrected by one person",
    ]
    done = await service.review(lab.anne, command(), test.id, NOW)
    assert (done.review_due, done.version) == (False, corrected.version + 1)
    assert (await service.worklist(lab.anne, command(), WorklistQuery(review_due=True))).items == []
    moves = [one.move for one in (await service.history(lab.doctor, command(), test.id)).events]
    assert moves == ["order", "collect", "receive", "enter", "verify", "release", "correct", "review"]


async def test_history_readers_and_authors_cannot_be_faked_by_sql(lab: Lab, query: Query) -> None:
    test = await lab.until(S.RESULTED)
    await lab.services.lab.result(lab.anne, command(), test.id, NEWEST)
    for statement, rule in (
        ("UPDATE lab_test SET entered_by = gen_random_uuid()", "entered by somebody else"),
        (
            "UPDATE lab_test SET state = 'verified', verified_by = gen_random_uuid(), verified_at = now(),"
            " version = version + 1",
            "no event tells",
        ),
        ("UPDATE lab_test SET state = 'received'", "does not follow"),
        ("UPDATE lab_test SET state = 'collected', version = version + 1", "does not follow"),
        ("UPDATE lab_test_event SET reason = 'x'", "append-only"),
        ("DELETE FROM lab_test_event", "append-only"),
        ("DELETE FROM lab_result_read", "append-only"),
        ("DELETE FROM lab_correction_notice", "append-only"),
    ):
        with pytest.raises(DBAPIError, match=rule):
            await query(statement)


async def test_a_correction_that_leaves_a_reader_out_is_refused(lab: Lab, query: Query) -> None:
    test = await lab.until(S.RELEASED)
    await lab.services.lab.result(lab.doctor, command(), test.id, NEWEST)
    with pytest.raises(DBAPIError, match="is not told"):
        await query(
            "WITH d AS (INSERT INTO document_ref (id, collection, sha256, size, written_at)"
            " SELECT gen_random_uuid(), collection, sha256, size, now() FROM document_ref LIMIT 1"
            " RETURNING id) INSERT INTO lab_result_version (test_id, number, kind, document_id, author,"
            " occurred_at, recorded_at) SELECT :id, 2, 'correction', d.id, gen_random_uuid(), now(), now()"
            " FROM d",
            id=test.id,
        )


async def test_two_people_correct_at_once_and_versions_have_no_gap(lab: Lab, query: Query) -> None:
    test = await lab.until(S.RELEASED)
    doing = (
        lab.services.lab.correct(lab.anne if n % 2 else lab.otto, command(), test.id, WRONG)
        for n in range(12)
    )
    outcomes = await asyncio.gather(*doing, return_exceptions=True)
    assert {one.code for one in outcomes if isinstance(one, HmsError)} <= {Code.CONFLICT}
    done = sum(not isinstance(one, BaseException) for one in outcomes)
    numbers = [row.number for row in await query("SELECT number FROM lab_result_version ORDER BY number")]
    assert numbers == list(range(1, done + 2))
    assert done >= 1


async def test_released_alone_and_corrected_before_its_review_needs_one_review(lab: Lab) -> None:
    service = lab.services.lab
    test = await lab.until(S.RESULTED)
    service._night = Night(time.min, time.max)
    await service.release(lab.anne, command(), test.id, ReleaseIn(reason="alone on duty"))
    await service.correct(lab.otto, command(), test.id, WRONG)
    await refused(Code.FORBIDDEN, service.review(lab.otto, command(), test.id, NOW))
    assert not (await service.review(lab.anne, command(), test.id, NOW)).review_due
