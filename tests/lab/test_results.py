"""Results on real servers: versions, two people, the night, documents, and who may read."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from hms_rt.app import Hospital
from hms_rt.departments.lab.model.catalogue import Flag
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.model.order import ResultStatus
from hms_rt.departments.lab.schemas.ordering import (
    LabOrderQuery,
    WorklistQuery,
)
from hms_rt.departments.lab.schemas.results import (
    CorrectionIn,
    Disagreement,
    ReleaseIn,
    ResultIn,
    ResultQuery,
)
from hms_rt.departments.notifications.schemas import NotificationQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.ids import RandomIds
from hms_rt.kernel.principal import Role
from hms_rt.storage.unit_of_work import UnitsOfWork
from tests.conftest import PersonFactory, command
from tests.lab.conftest import NOW, Lab, Query, refused

S = LabState
NEWEST = ResultQuery()
NOON, MIDNIGHT = time(11, 0), time(23, 0)


def set_clock(clock: ManualClock, to: time) -> None:
    """To this time of tomorrow, UTC."""
    tomorrow = clock.now() + timedelta(days=1)
    clock.advance(datetime.combine(tomorrow, to, UTC) - clock.now())


async def test_who_entered_a_result_does_not_verify_it_and_the_denial_is_kept(lab: Lab, query: Query) -> None:
    test = await lab.until(S.RESULTED)
    await refused(Code.FORBIDDEN, lab.services.lab.verify(lab.anne, command("lab.verify"), test.id, NOW))
    denied = await query("SELECT 1 FROM audit_log WHERE action = 'lab.verify' AND outcome = 'denied'")
    assert len(denied) == 1


async def test_a_verifier_disagrees_and_it_is_measured_again(lab: Lab) -> None:
    service = lab.services.lab
    test = await lab.until(S.RESULTED, "3.9")
    back = await service.disagree(lab.otto, command(), test.id, Disagreement(reason="haemolysed?"))
    assert (back.state, back.flag, back.result_version) == (S.IN_PROGRESS, None, 1)
    again = await lab.enter(test.id, "1.9")
    assert (again.result_version, again.flag) == (2, Flag.NORMAL)
    await service.verify(lab.otto, command(), test.id, NOW)
    await service.release(lab.otto, command(), test.id, ReleaseIn())
    first = await service.result(lab.anne, command(), test.id, ResultQuery(version=1))
    assert (first.value, first.status, first.latest_version) == ("3.9", ResultStatus.PRELIMINARY, 2)
    await refused(Code.NOT_FOUND, service.result(lab.doctor, command(), test.id, ResultQuery(version=1)))
    assert (await service.result(lab.doctor, command(), test.id, NEWEST)).value == "1.9"


async def test_a_correction_is_a_new_version_and_the_doctor_is_told(lab: Lab) -> None:
    service = lab.services.lab
    test = await lab.until(S.RELEASED)
    right = CorrectionIn(value="2.6", reason="wrong tube", comment="checked twice")
    corrected = await service.correct(lab.otto, command(), test.id, right)
    assert (corrected.state, corrected.result_version, corrected.flag) == (S.RELEASED, 2, Flag.HIGH)
    old, new = [
        await service.result(lab.doctor, command(), test.id, ResultQuery(version=version))
        for version in (1, 2)
    ]
    assert [(r.value, r.status, r.reason) for r in (old, new)] == [
        ("1.2", ResultStatus.FINAL, None),
        ("2.6", ResultStatus.CORRECTED, "wrong tube"),
    ]
    told = await lab.services.notifications.list_own(lab.doctor, NotificationQuery())
    assert [(one.kind, one.title) for one in told.items] == [
        ("result_corrected", "Result corrected: Lactate")
    ]


async def test_before_the_release_only_the_laboratory_reads(lab: Lab) -> None:
    test = await lab.until(S.VERIFIED)
    await refused(Code.NOT_FOUND, lab.services.lab.result(lab.doctor, command(), test.id, NEWEST))
    assert (await lab.services.lab.result(lab.anne, command(), test.id, NEWEST)).value == "1.2"
    (order,) = (await lab.services.lab.orders(lab.doctor, command(), LabOrderQuery())).items
    assert (order.tests[0].state, order.tests[0].flag) == (S.VERIFIED, None)


async def test_results_are_for_those_who_treat_the_patient(lab: Lab, person: PersonFactory) -> None:
    test = await lab.until(S.RELEASED)
    service = lab.services.lab
    stranger, clerk = await person(Role.DOCTOR, ward="MED"), await person(Role.RECEPTION)
    for somebody in (stranger, clerk):
        await refused(Code.FORBIDDEN, service.result(somebody, command(), test.id, NEWEST))
        await refused(Code.FORBIDDEN, service.get_order(somebody, command(), test.order_id))
    assert (await service.orders(stranger, command(), LabOrderQuery())).items == []
    assert (await service.result(lab.nurse, command(), test.id, NEWEST)).value == "1.2"


async def test_who_ordered_keeps_the_right_to_read(lab: Lab) -> None:
    test = await lab.until(S.RELEASED)
    moved_on = replace(lab.doctor, assignments=frozenset())
    assert (await lab.services.lab.result(moved_on, command(), test.id, NEWEST)).value == "1.2"


async def test_alone_at_night_with_a_reason_and_a_review(lab: Lab, clock: ManualClock, query: Query) -> None:
    service = lab.services.lab
    alone = ReleaseIn(reason="alone on duty")
    test = await lab.until(S.RESULTED)
    set_clock(clock, NOON)
    await refused(Code.CONFLICT, service.release(lab.anne, command(), test.id, alone))
    set_clock(clock, MIDNIGHT)
    await refused(Code.ILLEGAL_MOVE, service.release(lab.anne, command(), test.id, ReleaseIn()))
    released = await service.release(lab.anne, command(), test.id, alone)
    assert (released.state, released.review_due) == (S.RELEASED, True)
    due = await service.worklist(lab.otto, command(), WorklistQuery(review_due=True))
    assert [one.id for one in due.items] == [test.id]
    told = await lab.services.notifications.list_own(lab.otto, NotificationQuery())
    assert [one.kind for one in told.items] == ["review_due"]
    await refused(Code.FORBIDDEN, service.review(lab.anne, command(), test.id, NOW))
    with pytest.raises(DBAPIError, match="lab_test_review_check"):
        await query(
            "UPDATE lab_test SET review_due = false, review_remind_at = NULL, reviewed_by = entered_by"
            " WHERE id = :id",
            id=test.id,
        )
    assert not (await service.review(lab.otto, command(), test.id, NOW)).review_due
    assert (await service.worklist(lab.otto, command(), WorklistQuery(review_due=True))).items == []


async def test_values_are_checked_before_anything_is_written(lab: Lab, hospital: Hospital) -> None:
    order = await lab.order("LAC")
    await lab.received(order)
    await refused(Code.INVALID, lab.enter(order.tests[0].id, "1.25"))
    await refused(
        Code.FORBIDDEN,
        lab.services.lab.enter_result(lab.nurse, command(), order.tests[0].id, ResultIn(value="1.2")),
    )
    await refused(Code.NOT_FOUND, lab.enter(uuid.uuid4()))
    assert await hospital.documents.collection("lab_results").count_documents({}) == 0


async def test_a_repeated_result_is_one_version(lab: Lab, query: Query) -> None:
    order = await lab.order("LAC")
    await lab.received(order)
    once = command(key="bench-1")
    for _ in range(2):
        entered = await lab.services.lab.enter_result(
            lab.anne, once, order.tests[0].id, ResultIn(value="1.2")
        )
        assert entered.result_version == 1
    assert len(await query("SELECT 1 FROM lab_result_version")) == 1


async def test_two_enter_at_once_and_one_is_told(lab: Lab) -> None:
    order = await lab.order("LAC")
    await lab.received(order)
    outcomes = await asyncio.gather(
        *(lab.enter(order.tests[0].id, value) for value in ("1.0", "2.0", "3.0")), return_exceptions=True
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1


async def test_a_document_of_a_failed_transaction_exists_for_nobody(
    lab: Lab, hospital: Hospital, clock: ManualClock, query: Query
) -> None:
    test = await lab.until(S.RELEASED)
    documents = hospital.documents.collection("lab_results")
    assert await documents.count_documents({}) == 1

    class GoneError(Exception):
        pass

    def fail(point: str) -> None:
        if point == "before_commit":
            raise GoneError

    service = lab.services.lab
    broken = UnitsOfWork(hospital.engine, clock, RandomIds(), {}, reached=fail)
    healthy, service._units = service._units, broken
    with pytest.raises(GoneError):
        await service.correct(lab.anne, command(), test.id, CorrectionIn(value="9.9", reason="mistaken"))
    service._units = healthy
    assert await documents.count_documents({}) == 2
    assert len(await query("SELECT 1 FROM document_ref WHERE collection = 'lab_results'")) == 1
    read = await service.result(lab.anne, command(), test.id, NEWEST)
    assert (read.value, read.latest_version) == ("1.2", 1)
    await refused(Code.NOT_FOUND, service.result(lab.anne, command(), test.id, ResultQuery(version=2)))


async def test_an_altered_or_missing_document_is_told_not_shown(lab: Lab, hospital: Hospital) -> None:
    test = await lab.until(S.RELEASED)
    documents = hospital.documents.collection("lab_results")
    await documents.update_one({}, {"$set": {"body.value": "9.9"}})
    await refused(Code.INTEGRITY, lab.services.lab.result(lab.doctor, command(), test.id, NEWEST))
    await documents.delete_many({})
    await refused(Code.INTEGRITY, lab.services.lab.result(lab.doctor, command(), test.id, NEWEST))
