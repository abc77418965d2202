"""The way of a test on real servers: orders, specimens, results, releases, versions."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from hms_rt.app import Hospital
from hms_rt.departments.lab.events import ResultReleased
from hms_rt.departments.lab.model.catalogue import Flag, SpecimenKind
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.model.order import OrderState, ResultStatus
from hms_rt.departments.lab.model.specimen import SpecimenState
from hms_rt.departments.lab.schemas.catalogue import CatalogueChange
from hms_rt.departments.lab.schemas.ordering import (
    Cancellation,
    LabOrderIn,
    LabOrderQuery,
    Rejection,
    SpecimenIn,
    WorklistQuery,
)
from hms_rt.departments.lab.schemas.results import (
    ReleaseIn,
    ResultIn,
    ResultQuery,
)
from hms_rt.departments.notifications.schemas import NotificationQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.principal import SYSTEM, Role
from tests.conftest import PersonFactory, command
from tests.lab.conftest import NOW, Lab, Query, refused

S = LabState
BLOOD = SpecimenIn(kind=SpecimenKind.BLOOD)
NEWEST = ResultQuery()


async def test_the_whole_way_by_those_who_may(lab: Lab, query: Query) -> None:
    service = lab.services.lab
    order = await lab.order("LAC", "CRP", "CULT")
    assert (order.state, order.ward, order.patient_name) == (OrderState.OPEN, "ICU", "Curie")
    taken = await service.collect(lab.nurse, command(), order.id, BLOOD)
    assert (taken.state, len(taken.tests)) == (SpecimenState.COLLECTED, 2)
    assert taken.barcode.startswith("LAB")
    received = await service.receive(lab.anne, command(), taken.id, NOW)
    assert (received.state, received.version) == (SpecimenState.RECEIVED, 2)

    lactate = order.tests[0].id
    entered = await lab.enter(lactate, "2.4")
    assert (entered.state, entered.flag, entered.result_version) == (S.RESULTED, Flag.HIGH, 1)
    assert (await service.verify(lab.otto, command(), lactate, NOW)).state is S.VERIFIED
    released = await service.release(lab.otto, command(), lactate, ReleaseIn())
    assert (released.state, released.version) == (S.RELEASED, 6)

    read = await service.result(lab.doctor, command(), lactate, NEWEST)
    assert (read.value, read.unit, read.status, read.flag) == (
        "2.4",
        "mmol/L",
        ResultStatus.FINAL,
        Flag.HIGH,
    )
    assert read.reference.model_dump() == {
        "low": "0.5",
        "high": "2.0",
        "critical_low": None,
        "critical_high": "4.0",
        "assumed": [],
    }
    assert (read.author, read.author_name) == (lab.anne.id, lab.anne.name)
    rows = await query("SELECT action FROM audit_log WHERE patient_id = :p ORDER BY id", p=order.patient_id)
    assert [row.action for row in rows if row.action.startswith("lab.")] == [
        "lab.order",
        "lab.collect",
        "lab.receive",
        "lab.result_entry",
        "lab.verify",
        "lab.release",
        "lab.result_read",
    ]
    (specimen,) = await query("SELECT state FROM lab_specimen")
    assert specimen.state == "processed"


async def test_the_database_too_wants_two_people_and_keeps_history(lab: Lab, query: Query) -> None:
    test = await lab.until(S.VERIFIED)
    for statement, rule in (
        ("UPDATE lab_test SET verified_by = entered_by WHERE id = :id", "lab_test_two_people_check"),
        ("UPDATE lab_test SET verified_by = NULL, verified_at = NULL WHERE id = :id", "verified_check"),
        ("UPDATE lab_test SET result_version = 7 WHERE id = :id", "entered by somebody else"),
        ("UPDATE lab_test SET cancel_reason = 'because' WHERE id = :id", "lab_test_cancelled_check"),
        ("UPDATE lab_result_version SET flag = 'low' WHERE test_id = :id", "append-only"),
        ("DELETE FROM lab_result_version WHERE test_id = :id", "append-only"),
        ("DELETE FROM lab_catalogue_version WHERE code <> CAST(:id AS text)", "append-only"),
    ):
        with pytest.raises(DBAPIError, match=rule):
            await query(statement, id=str(test.id))


async def test_a_rejected_specimen_sends_its_tests_back(lab: Lab) -> None:
    service = lab.services.lab
    order = await lab.order("LAC", "CRP")
    first = await service.collect(lab.nurse, command(), order.id, BLOOD)
    gone = await service.reject(lab.anne, command(), first.id, Rejection(reason="clotted"))
    assert (gone.state, gone.reject_reason, gone.tests) == (SpecimenState.REJECTED, "clotted", [])
    tests = (await service.get_order(lab.doctor, command(), order.id)).tests
    assert [(test.state, test.specimen_id) for test in tests] == [(S.ORDERED, None)] * 2
    told = await lab.services.notifications.list_own(lab.nurse, NotificationQuery())
    assert [one.kind for one in told.items] == ["specimen_rejected"]
    second = await service.collect(lab.nurse, command(), order.id, BLOOD)
    assert second.id != first.id
    assert len(second.tests) == 2
    await refused(Code.ILLEGAL_MOVE, service.receive(lab.anne, command(), first.id, NOW))
    await service.receive(lab.anne, command(), second.id, NOW)
    await lab.enter(order.tests[0].id)
    await refused(
        Code.ILLEGAL_MOVE, service.reject(lab.anne, command(), second.id, Rejection(reason="clotted"))
    )


async def test_a_specimen_is_for_tests_of_its_order_and_kind(lab: Lab) -> None:
    service = lab.services.lab
    order, other = await lab.order("LAC", "CULT"), await lab.order("LAC")
    lactate, culture = (test.id for test in order.tests)

    async def collect(code: Code, **body: object) -> None:
        taken = SpecimenIn.model_validate({"kind": "blood", **body})
        await refused(code, service.collect(lab.nurse, command(), order.id, taken))

    await collect(Code.INVALID, tests=[other.tests[0].id])
    await collect(Code.INVALID, tests=[culture])
    await collect(Code.CONFLICT, kind="stool")
    label = SpecimenIn(kind=SpecimenKind.BLOOD, tests=[lactate], barcode="TUBE-1")
    assert (await service.collect(lab.nurse, command(), order.id, label)).barcode == "TUBE-1"
    await collect(Code.ILLEGAL_MOVE, tests=[lactate])
    same = SpecimenIn(kind=SpecimenKind.BLOOD, barcode="TUBE-1")
    await refused(Code.CONFLICT, service.collect(lab.nurse, command(), other.id, same))


async def test_orders_are_placed_in_the_doctors_own_places(lab: Lab, person: PersonFactory) -> None:
    await refused(Code.FORBIDDEN, lab.order(ward="MED"))
    await refused(Code.FORBIDDEN, lab.order(clinic="GEN"))
    await refused(Code.FORBIDDEN, lab.order(by=lab.nurse))
    await refused(Code.INVALID, lab.order("NOPE"))
    await refused(Code.NOT_FOUND, lab.order(patient_id=uuid.uuid4()))
    outpatient = await lab.order(by=await person(Role.DOCTOR, clinic="GEN"), clinic="GEN")
    assert (outpatient.ward, outpatient.clinic) == (None, "GEN")
    await refused(Code.FORBIDDEN, lab.services.lab.collect(lab.nurse, command(), outpatient.id, BLOOD))


async def test_what_is_not_released_can_be_cancelled(lab: Lab) -> None:
    service = lab.services.lab
    why = Cancellation(reason="transferred")
    order = await lab.order("LAC", "CRP")
    released = await lab.until(S.RELEASED, order=order)
    await refused(Code.ILLEGAL_MOVE, service.cancel_test(lab.doctor, command(), released.id, why))
    done = await service.cancel_order(lab.doctor, command(), order.id, why)
    assert (done.state, [test.state for test in done.tests]) == (
        OrderState.COMPLETED,
        [S.RELEASED, S.CANCELLED],
    )
    await refused(Code.CONFLICT, service.cancel_order(lab.doctor, command(), order.id, why))
    whole = await lab.order("LAC")
    await refused(Code.FORBIDDEN, service.cancel_test(lab.nurse, command(), whole.tests[0].id, why))
    await service.cancel_test(lab.doctor, command(), whole.tests[0].id, why)
    for state, wanted in ((OrderState.CANCELLED, whole.id), (OrderState.COMPLETED, order.id)):
        listed = await service.orders(lab.doctor, command(), LabOrderQuery(state=state))
        assert [one.id for one in listed.items] == [wanted]
    assert (await service.orders(lab.doctor, command(), LabOrderQuery(state=OrderState.OPEN))).items == []


async def test_results_keep_the_bounds_of_their_time(lab: Lab, query: Query) -> None:
    service = lab.services.lab
    before = await lab.until(S.RELEASED, "3.0")
    current = command(expected_version=1)
    change = CatalogueChange.model_validate({"reference_high": "3.5", "critical_high": None})
    changed = await service.change_test(SYSTEM, current, "LAC", change)
    assert (changed.version, changed.reference_high, changed.critical_high) == (2, "3.5", None)
    await refused(Code.STALE_VERSION, service.change_test(SYSTEM, current, "LAC", change))
    await refused(Code.FORBIDDEN, service.change_test(lab.anne, command(), "LAC", change))
    wrong = CatalogueChange(reference_low="4")
    await refused(Code.INVALID, service.change_test(SYSTEM, command(), "LAC", wrong))
    after = await lab.until(S.RELEASED, "9.9")
    assert (before.flag, after.flag) == (Flag.HIGH, Flag.HIGH)
    read = await service.result(lab.doctor, command(), before.id, NEWEST)
    assert (read.reference.high, read.flag) == ("2.0", Flag.HIGH)
    assert len(await query("SELECT 1 FROM lab_catalogue_version WHERE code = 'LAC'")) == 2
    await service.change_test(SYSTEM, command(), "LAC", CatalogueChange(active=False))
    await refused(Code.INVALID, lab.order("LAC"))
    page = await service.catalogue(lab.doctor, PageQuery(limit=2))
    assert [entry.code for entry in page.items] == ["CRP", "CULT"]
    rest = await service.catalogue(lab.doctor, PageQuery(limit=2, cursor=page.next_cursor))
    assert [(entry.code, entry.active) for entry in rest.items] == [("LAC", False)]


async def test_late_entry_keeps_both_times(lab: Lab, clock: ManualClock) -> None:
    order = await lab.order("LAC")
    await lab.received(order)
    then = clock.now() - timedelta(days=400)
    late = ResultIn(value="1.2", occurred_at=then)
    entered = await lab.services.lab.enter_result(lab.anne, command(), order.tests[0].id, late)
    assert entered.resulted_at == then
    read = await lab.services.lab.result(lab.anne, command(), entered.id, NEWEST)
    assert (read.occurred_at, read.recorded_at) == (then, clock.now())


async def test_a_release_is_a_fact_for_other_departments(lab: Lab, hospital: Hospital) -> None:
    heard: list[ResultReleased] = []

    async def listen(_: object, event: ResultReleased) -> None:
        heard.append(event)

    hospital.units._projectors[ResultReleased] = [listen]  # type: ignore[index]
    test = await lab.until(S.RELEASED)
    assert heard == [ResultReleased(test.id, test.order_id, test.patient_id, 1)]


async def _late_entry_takes_its_place(lab: Lab, patient: uuid.UUID, before: list[uuid.UUID]) -> None:
    """An order of yesterday, written down today, is the oldest, in a list of one doctor and in all lists."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    wanted = LabOrderIn(patient_id=patient, tests=["LAC"], ward="ICU", occurred_at=yesterday)
    late = await lab.services.lab.order(lab.doctor, command(), wanted)
    for who in (lab.doctor, lab.anne):
        for sort, expected in (("newest", [*before, late.id]), ("oldest", [late.id, *reversed(before)])):
            seen, cursor = [], None
            while True:
                asked = {"patient_id": patient, "limit": 1, "cursor": cursor, "sort": sort}
                page = await lab.services.lab.orders(who, command(), LabOrderQuery.model_validate(asked))
                seen += [order.id for order in page.items]
                if (cursor := page.next_cursor) is None:
                    break
            assert seen == expected, sort
        today = LabOrderQuery(patient_id=patient, since=yesterday + timedelta(hours=1))
        old = LabOrderQuery(patient_id=patient, until=yesterday + timedelta(hours=1))
        assert [one.id for one in (await lab.services.lab.orders(who, command(), today)).items] == before
        assert [one.id for one in (await lab.services.lab.orders(who, command(), old)).items] == [late.id]
    await lab.services.lab.cancel_order(lab.doctor, command(), late.id, Cancellation(reason="a test"))


async def test_lists_are_paged(lab: Lab) -> None:
    patient = await lab.patient()
    for _ in range(3):
        await lab.order("LAC", patient_id=patient)
    service = lab.services.lab
    seen, cursor = [], None
    while True:
        asked = LabOrderQuery(patient_id=patient, limit=2, cursor=cursor)
        page = await service.orders(lab.doctor, command(), asked)
        seen += [order.id for order in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 3
    await _late_entry_takes_its_place(lab, patient, seen)
    first = await service.worklist(lab.anne, command(), WorklistQuery(limit=2))
    rest = await service.worklist(lab.anne, command(), WorklistQuery(limit=2, cursor=first.next_cursor))
    assert (len(first.items), len(rest.items), rest.next_cursor) == (2, 1, None)
    await refused(Code.FORBIDDEN, service.worklist(lab.doctor, command(), WorklistQuery()))
