"""The closed loop of critical values: step by step until a clinician accepts, to somebody, and once."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.identity.schemas import UserUpdate
from hms_rt.departments.lab.model.alert import AlertState, Step
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.schemas.alerts import AlertHistory, AlertOut, AlertQuery
from hms_rt.departments.lab.schemas.ordering import Cancellation
from hms_rt.departments.lab.schemas.results import CorrectionIn, Disagreement, ReleaseIn, ResultQuery
from hms_rt.departments.notifications.model.on_call import PlaceKind
from hms_rt.departments.notifications.schemas import NotificationQuery
from hms_rt.departments.notifications.schemas.on_call import GroupIn, MemberIn, ShiftIn
from hms_rt.departments.notifications.service import Kind
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import PersonFactory, command
from tests.lab.conftest import NOW, SAID, Lab, Query, refused

S = LabState


@dataclass
class Loop:
    """The laboratory with the hospital's clock."""

    lab: Lab
    clock: ManualClock

    async def raised(
        self, value: str = "9.9", by: Principal | None = None, clinic: str | None = None
    ) -> AlertOut:
        place = {"clinic": clinic} if clinic is not None else {"ward": "ICU"}
        order = await self.lab.order("LAC", patient_id=None, by=by, **place)
        test = await self.lab.until(S.RESULTED, value, order)
        found = await self.lab.services.lab.alerts(SYSTEM, command(), AlertQuery())
        return next(one for one in found.items if one.test_id == test.id)

    async def after(self, minutes: float) -> None:
        """So much later, with the timer running."""
        self.clock.advance(timedelta(minutes=minutes))
        await self.lab.services.lab.escalate_overdue(SYSTEM, command())

    async def seen(self, alert_id: uuid.UUID) -> AlertHistory:
        return await self.lab.services.lab.get_alert(SYSTEM, command(), alert_id)

    async def told(self, user: Principal) -> list[str]:
        listed = await self.lab.services.notifications.list_own(user, NotificationQuery())
        of_lab = [one for one in listed.items if one.kind is not Kind.ON_CALL_CHANGED]
        return [one.kind.value for one in reversed(of_lab)]


@pytest.fixture
def loop(lab: Lab, clock: ManualClock) -> Loop:
    return Loop(lab, clock)


async def put_on_call(loop: Loop, doctor: Principal, code: str, kind: PlaceKind, place: str | None) -> None:
    duty = loop.lab.services.notifications
    group = GroupIn(code=code, name="On call", place_kind=kind, place=place)
    await duty.define_group(SYSTEM, command(), group)
    await duty.add_member(SYSTEM, command(), code, MemberIn(user_id=doctor.id))
    begins = loop.clock.now() - timedelta(hours=1)
    shift = ShiftIn(user_id=doctor.id, starts_at=begins, ends_at=begins + timedelta(hours=12))
    await duty.add_shift(SYSTEM, command(), code, shift)


async def test_doctor_then_ward_nurse_then_on_call_then_everybody_until_a_clinician_accepts(
    loop: Loop, person: PersonFactory
) -> None:
    lab = loop.lab
    colleague, admin = await person(Role.DOCTOR, ward="ICU"), await person(Role.ADMIN)
    charge, on_call = await person(Role.NURSE, charge_nurse="ICU"), await person(Role.DOCTOR)
    await put_on_call(loop, on_call, "ICU-NIGHT", PlaceKind.WARD, "ICU")
    alert = await loop.raised()
    people = (lab.doctor, lab.nurse, charge, on_call, colleague, admin)

    async def counts() -> list[int]:
        return [len(await loop.told(one)) for one in people]

    assert await counts() == [1, 0, 0, 0, 0, 0]
    await loop.after(9.9)
    assert await counts() == [1, 0, 0, 0, 0, 0]
    await loop.after(0.2)
    assert await counts() == [1, 1, 1, 0, 0, 0]
    known = await lab.services.lab.relay(lab.nurse, command(), alert.id, SAID)
    known = await lab.services.lab.read_back(lab.anne, command(), alert.id, SAID)
    assert (known.state, known.step) == (AlertState.ESCALATED, Step.WARD_NURSE)
    await loop.after(10.1)
    assert await counts() == [1, 1, 1, 1, 0, 0]
    for turn in (1, 2):
        await loop.after(15.1)
        assert await counts() == [1 + turn, 1, 1 + turn, 1 + turn, turn, turn]
    seen = await loop.seen(alert.id)
    assert (seen.step, seen.nobody_on_call) == (Step.EVERYBODY, False)
    assert [(e.move.value, e.step.value, len(e.told)) for e in seen.events] == [
        ("raise", "doctor", 1),
        ("escalate", "ward_nurse", 2),
        ("relay", "ward_nurse", 0),
        ("read_back", "ward_nurse", 0),
        ("escalate", "on_call", 1),
        ("escalate", "everybody", 5),
        ("escalate", "everybody", 5),
    ]
    assert {one.user_id for one in seen.receipts} == {one.id for one in people}
    assert not any(one.seen_at for one in seen.receipts)
    # who was told may read the value and take it over, though the ward is not theirs
    read = await lab.services.lab.result(on_call, command(), alert.test_id, ResultQuery())
    assert (read.value, read.status) == ("9.9", "preliminary")
    await refused(Code.FORBIDDEN, lab.services.lab.acknowledge(charge, command(), alert.id, SAID))
    taken = await lab.services.lab.acknowledge(on_call, command(), alert.id, SAID)
    assert (taken.state, taken.escalate_at) == (AlertState.ACKNOWLEDGED, None)
    assert (await loop.told(lab.doctor))[-1] == "critical_acknowledged"
    assert (await loop.told(on_call))[-1] == "critical_escalated"
    before = await counts()
    await loop.after(600)
    assert await counts() == before


async def test_when_nobody_is_on_call_everybody_in_charge_is_told_and_the_board_is_red(
    loop: Loop, person: PersonFactory, hospital: Hospital
) -> None:
    colleague, charge = await person(Role.DOCTOR, ward="ICU"), await person(Role.NURSE, charge_nurse="ICU")
    admin = await person(Role.ADMIN)
    alert = await loop.raised()
    await loop.after(10.1)
    await loop.after(10.1)
    for one in (colleague, charge, admin):
        assert (await loop.told(one))[-1] == "critical_escalated"
    seen = await loop.seen(alert.id)
    assert (seen.step, seen.nobody_on_call) == (Step.EVERYBODY, True)
    async with hospital.units.reading() as connection:
        (shown,) = (await loop.lab.services.lab.alerts_state(connection, "")).values()
    assert (shown["red"], shown["nobody_on_call"], shown["location"]) == (True, True, "ward:ICU")


async def test_outpatients_escalate_to_the_clinics_on_call_and_a_doctor_who_left_to_colleagues(
    loop: Loop, person: PersonFactory, query: Query
) -> None:
    doctor, on_call = await person(Role.DOCTOR, clinic="GEN"), await person(Role.DOCTOR, on_call="GEN")
    rota = await person(Role.DOCTOR)
    nurse = await person(Role.NURSE, clinic="GEN")
    await put_on_call(loop, rota, "GEN", PlaceKind.CLINIC, "GEN")
    await loop.raised(by=doctor, clinic="GEN")
    assert [await loop.told(one) for one in (doctor, on_call, rota)] == [["critical_result"], [], []]
    await loop.after(10.1)
    assert await loop.told(on_call) == await loop.told(rota) == ["critical_escalated"]
    assert await loop.told(nurse) == []
    await query("UPDATE identity_user SET active = false WHERE id = :id", id=doctor.id)
    await loop.raised(by=doctor, clinic="GEN")
    assert (await loop.told(on_call))[-1] == "critical_result"  # at once: a doctor of the clinic


async def test_the_hospitals_on_call_is_asked_where_the_place_has_none(
    loop: Loop, person: PersonFactory
) -> None:
    chief = await person(Role.DOCTOR)
    await put_on_call(loop, chief, "HOUSE", PlaceKind.HOSPITAL, None)
    alert = await loop.raised()
    await loop.after(10.1)
    await loop.after(10.1)
    assert await loop.told(chief) == ["critical_escalated"]
    assert not (await loop.seen(alert.id)).nobody_on_call


async def test_where_nobody_works_the_administrators_are_told_at_once(
    loop: Loop, person: PersonFactory
) -> None:
    admin, doctor = await person(Role.ADMIN), await person(Role.DOCTOR, ward="EMPTY")
    order = await loop.lab.order("LAC", by=doctor, ward="EMPTY")
    await loop.lab.services.identity.update_user(SYSTEM, command(), doctor.id, UserUpdate(active=False))
    await loop.lab.until(S.RESULTED, "9.9", order)
    assert await loop.told(admin) == ["critical_result"]
    (alert,) = (await loop.lab.services.lab.alerts(SYSTEM, command(), AlertQuery())).items
    assert (alert.step, alert.nobody_on_call) == (Step.EVERYBODY, True)


async def test_a_critical_value_that_turns_out_normal_is_told_to_all_who_were_alarmed(loop: Loop) -> None:
    lab, service = loop.lab, loop.lab.services.lab
    alert = await loop.raised()
    await loop.after(10.1)
    await service.verify(lab.otto, command(), alert.test_id, NOW)
    await service.release(lab.otto, command(), alert.test_id, ReleaseIn())
    right = CorrectionIn(value="1.1", reason="wrong patient's tube")
    await service.correct(lab.anne, command(), alert.test_id, right)
    for one in (lab.doctor, lab.nurse):
        assert (await loop.told(one))[-1] == "result_corrected"
    seen = await loop.seen(alert.id)
    assert (seen.state, seen.superseded_by, seen.acknowledged_by) == (AlertState.CLOSED, 2, None)
    before = await loop.told(lab.nurse)
    await loop.after(600)
    assert await loop.told(lab.nurse) == before


async def test_a_critical_value_measured_again_raises_its_own_alert_or_is_withdrawn(loop: Loop) -> None:
    lab, service = loop.lab, loop.lab.services.lab
    alert = await loop.raised()
    await service.acknowledge(lab.doctor, command(), alert.id, SAID)
    await service.disagree(lab.otto, command(), alert.test_id, Disagreement(reason="haemolysed"))
    again = await lab.enter(alert.test_id, "8.8")
    (new,) = (await service.alerts(lab.doctor, command(), AlertQuery())).items
    assert (new.result_version, again.result_version) == (2, 2)
    assert (await loop.seen(alert.id)).superseded_by == 2
    await service.disagree(lab.otto, command(), alert.test_id, Disagreement(reason="haemolysed again"))
    await lab.enter(alert.test_id, "1.8")
    assert (await service.alerts(lab.doctor, command(), AlertQuery())).items == []
    assert (await loop.told(lab.doctor))[-2:] == ["critical_result", "result_corrected"]
    every = await service.alerts(lab.doctor, command(), AlertQuery(every=True, patient_id=alert.patient_id))
    assert [one.state for one in every.items] == [AlertState.CLOSED] * 2


async def test_an_alert_outlives_its_test_its_board_and_the_stay(loop: Loop, query: Query) -> None:
    alert = await loop.raised()
    why = Cancellation(reason="transferred")
    await loop.lab.services.lab.cancel_test(loop.lab.doctor, command(), alert.test_id, why)
    await loop.after(10.1)
    assert (await loop.told(loop.lab.nurse))[-1] == "critical_escalated"
    for statement, rule in (
        ("DELETE FROM lab_critical_alert", "append-only"),
        ("TRUNCATE lab_critical_alert CASCADE", "append-only"),
        ("DELETE FROM lab_alert_event", "append-only"),
        ("UPDATE lab_alert_recipient SET told_at = now()", "append-only"),
        ("UPDATE lab_critical_alert SET escalate_at = NULL", "escalate_check"),
        (
            "UPDATE lab_critical_alert SET state = 'closed', closed_by = ordered_by, escalate_at = NULL",
            "acknow",
        ),
        ("UPDATE lab_critical_alert SET state = 'notified'", "is not the next state"),
        ("UPDATE lab_critical_alert SET state = 'acknowledged', escalate_at = NULL", "acknowledged_check"),
    ):
        with pytest.raises(DBAPIError, match=rule):
            await query(statement)


async def test_fifty_timers_over_two_applications_make_each_step_once_and_one_failure_keeps_none_waiting(
    loop: Loop, hospital: Hospital, settings: Settings, stores: Stores, query: Query
) -> None:
    alerts = [await loop.raised() for _ in range(3)]
    other = Hospital(settings, stores, clock=loop.clock)
    try:
        services = [hospital.services.lab, other.services.lab]
        for wanted in (Step.WARD_NURSE, Step.EVERYBODY):
            loop.clock.advance(timedelta(minutes=10, seconds=1))
            await asyncio.gather(*(services[n % 2].escalate_overdue(SYSTEM, command()) for n in range(50)))
            for alert in alerts:
                assert (await loop.seen(alert.id)).step is wanted
        told = await loop.told(loop.lab.nurse)
        assert told == ["critical_escalated"] * 3
        await query(
            "ALTER TABLE lab_alert_event ADD CONSTRAINT never CHECK (alert_id <> '" + str(alerts[0].id) + "')"
            " NOT VALID"
        )
        loop.clock.advance(timedelta(minutes=16))
        with pytest.raises(ExceptionGroup):
            await services[0].escalate_overdue(SYSTEM, command())
        assert [len((await loop.seen(one.id)).events) for one in alerts] == [3, 4, 4]
    finally:
        await other.close()


async def test_a_critical_result_without_an_alert_cannot_be_stored(lab: Lab, query: Query) -> None:
    test = await lab.until(S.RELEASED, "1.1")
    copy: Any = (
        "INSERT INTO lab_result_version (test_id, number, kind, document_id, flag, author, occurred_at,"
        " recorded_at) SELECT test_id, 2, 'correction', :document, 'critical_high', author, now(), now()"
        " FROM lab_result_version WHERE test_id = :id"
    )
    document = uuid.uuid4()
    await query(
        "INSERT INTO document_ref (id, collection, sha256, size, written_at)"
        " SELECT :document, collection, sha256, size, now() FROM document_ref LIMIT 1",
        document=document,
    )
    with pytest.raises(DBAPIError, match="raises no alert"):
        await query(copy, id=test.id, document=document)
