"""The medication administration record on real servers: what is due, recorded, held, moved, retracted."""

import asyncio
import uuid
from collections.abc import Awaitable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.model.medication import Outcome
from hms_rt.departments.ipd.schemas import DepartureIn, ReturnIn, TransferIn
from hms_rt.departments.ipd.schemas.medication import (
    AdministrationIn,
    AdministrationOut,
    AdministrationQuery,
    AsNeededIn,
    DoseOut,
    DoseQuery,
    Retraction,
)
from hms_rt.departments.patients.schemas import PatientUpdate
from hms_rt.departments.patients.schemas.details import WhyIn
from hms_rt.departments.pharmacy.schemas.prescriptions import When, Why
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import PersonFactory, WardFactory, command
from tests.ipd.medication import VIENNA, Ward
from tests.pharmacy.conftest import line, refused

WHY = Why(reason="kidneys failing")
EVERY_6 = {"kind": "every_hours", "every_hours": 6}


def hours(doses: list[DoseOut]) -> list[str]:
    return [one.due_at.astimezone(VIENNA).strftime("%H:%M") for one in doses]


async def test_a_day_on_the_ward(icu: Ward) -> None:
    await icu.prescribe(line(duration_days=2))
    due = await icu.doses()
    assert hours(due) == ["08:00", "14:00", "20:00"]
    assert await icu.sums() == (3, 0)
    await icu.later(minutes=70)
    given = await icu.give(due[0])
    assert (given.outcome, str(given.amount), given.given_by) == (
        Outcome.GIVEN,
        "500",
        icu.pharmacy.nurse.id,
    )
    error = await refused(Code.ILLEGAL_MOVE, icu.give(due[0]))
    assert error.fields["state"] == "given"
    await refused(Code.INVALID, icu.give(due[1]))  # six hours too soon
    await icu.later(hours=6)  # 14:10
    reason = AdministrationIn(outcome=Outcome.REFUSED, reason="nausea")
    await icu.give(due[1], reason)
    await icu.agree()
    await icu.later(hours=7)  # 21:10: an hour after 20:00
    assert await icu.sums() == (3, 1), "the next day is planned, and one is overdue"
    late = AdministrationIn(outcome=Outcome.GIVEN, occurred_at=icu.clock.now() - timedelta(minutes=65))
    await icu.give(due[2], late)
    assert await icu.sums() == (3, 0)
    record = await icu.services.medication.administrations(
        SYSTEM, command(), AdministrationQuery(admission_id=icu.here.id)
    )
    assert [one.outcome for one in record.items] == ["given", "refused", "given"]
    assert record.items[0].recorded_at - record.items[0].occurred_at == timedelta(minutes=65)
    await icu.agree()


async def test_two_nurses_at_once_give_a_dose_once(icu: Ward) -> None:
    await icu.prescribe()
    due = (await icu.doses())[0]
    await icu.later(hours=1)
    outcomes = await asyncio.gather(*(icu.give(due) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(one, AdministrationOut) for one in outcomes) == 1
    assert {getattr(one, "code", Code.ILLEGAL_MOVE) for one in outcomes} == {Code.ILLEGAL_MOVE}
    await icu.agree()


async def test_stopping_cancels_what_is_due_later_and_keeps_what_was_due(icu: Ward) -> None:
    prescription = await icu.prescribe(line(frequency=EVERY_6))
    first = (await icu.doses())[0]
    assert len(await icu.doses()) == 4
    await icu.later(hours=2)
    await icu.services.pharmacy.stop(icu.pharmacy.doctor, command(), prescription.id, WHY)
    assert [(one.id, one.state) for one in await icu.doses()] == [(first.id, "overdue")]
    await icu.agree()
    before = AdministrationIn(outcome=Outcome.GIVEN, occurred_at=first.due_at)
    await icu.give(first, before)
    assert await icu.sums() == (0, 0)
    await icu.later(hours=48)
    assert await icu.doses() == []
    await icu.agree()


async def test_a_hold_ends_doses_and_resuming_brings_the_later_ones_back(icu: Ward) -> None:
    prescription = await icu.prescribe(line(frequency=EVERY_6), line("PARA-SYR", "240"))
    pharmacy, doctor = icu.services.pharmacy, icu.pharmacy.doctor
    await icu.later(minutes=30)
    await pharmacy.hold(doctor, command(), prescription.id, WHY)
    assert hours(await icu.doses()) == ["07:00"], "was due before"
    await icu.agree()
    await icu.later(hours=7)  # 14:30: past 13:00 and 14:00
    assert hours(await icu.doses()) == ["07:00"]
    await pharmacy.resume(doctor, command(), prescription.id, When())
    back = sorted(hours(await icu.doses()))
    assert back == ["01:00", "07:00", "07:00", "08:00", "13:00", "14:00", "19:00", "20:00"]
    await icu.agree()
    query = DoseQuery(admission_id=icu.here.id, limit=200)
    planned = (await icu.services.medication.doses(SYSTEM, command(), query)).items
    skipped = next(one for one in planned if one.state == "cancelled")
    now = AdministrationIn(outcome=Outcome.GIVEN, occurred_at=icu.clock.now())
    assert (await refused(Code.ILLEGAL_MOVE, icu.give(skipped, now))).fields["state"] == "cancelled"
    given = text("UPDATE ipd_dose SET state = 'given', cancelled_for = NULL WHERE state = 'cancelled'")
    with pytest.raises(DBAPIError, match="is cancelled and cannot become given"):
        async with icu.hospital.engine.begin() as connection:
            await connection.execute(given)


async def test_doses_go_with_the_patient_and_come_back_after_a_mistaken_departure(icu: Ward) -> None:
    await icu.prescribe()
    ipd = icu.services.ipd
    await ipd.transfer(SYSTEM, command(), icu.here.id, TransferIn(bed_id=icu.other_bed))
    assert await icu.doses() == []
    assert len(await icu.doses("MED")) == 3
    await icu.agree()
    dose = (await icu.doses("MED"))[0]
    await icu.later(hours=1)
    await refused(Code.FORBIDDEN, icu.give(dose))
    await ipd.depart(SYSTEM, command(), icu.here.id, DepartureIn(disposition=Disposition.LEFT))
    assert await icu.doses("MED") == []
    await icu.later(hours=2)
    await icu.agree()
    beds = await icu.services.beds.bed(SYSTEM, command(), icu.other_bed)
    await _available(icu, beds.version)
    await ipd.cancel_discharge(SYSTEM, command(), icu.here.id, ReturnIn(reason="wrong patient"))
    back = await icu.doses("MED")
    assert (back[0].id, back[0].state, len(back)) == (dose.id, "overdue", 4), (
        "and the next morning is planned"
    )
    await icu.agree()


async def _available(icu: Ward, version: int) -> None:
    change = BedChange.model_validate({"status": "available"})
    await icu.services.beds.change(SYSTEM, command(expected_version=version), icu.other_bed, change)


async def test_entered_in_error_is_kept_and_the_dose_is_due_again(icu: Ward) -> None:
    await icu.prescribe()
    due = (await icu.doses())[0]
    await icu.later(minutes=65)
    given = await icu.give(due)
    service, nurse = icu.services.medication, icu.pharmacy.nurse
    why = Retraction(reason="wrong patient")
    retracted = await service.retract_administration(nurse, command(), given.id, why)
    assert (retracted.entered_in_error, retracted.error_reason) == (True, "wrong patient")
    await refused(Code.CONFLICT, service.retract_administration(nurse, command(), given.id, why))
    again = (await icu.doses())[0]
    assert (again.id, again.state, again.version) == (due.id, "due", 3)
    await icu.give(again)
    await icu.agree()


async def test_a_controlled_medicine_takes_a_witness_who_works_here(icu: Ward, person: PersonFactory) -> None:
    await icu.prescribe(line("MORPH10", "5", frequency={"kind": "once"}, route="intravenous"))
    (due,) = await icu.doses()
    await refused(Code.INVALID, icu.give(due))
    for nobody in (icu.pharmacy.nurse.id, icu.pharmacy.pharmacist.id, uuid.uuid4()):
        await refused(Code.INVALID, icu.give(due, AdministrationIn(outcome=Outcome.GIVEN, witness=nobody)))
    second = await person(Role.NURSE, ward="MED")
    given = await icu.give(due, AdministrationIn(outcome=Outcome.GIVEN, witness=second.id))
    assert given.witness == second.id


async def test_as_needed_up_to_the_most_within_24_hours_however_many_press(icu: Ward) -> None:
    often = {"kind": "as_needed", "max_per_24h": 3}
    prescription = await icu.prescribe(line("PARA-SYR", "240", frequency=often))
    line_id = prescription.lines[0].id
    service = icu.services.medication
    assert await icu.doses() == []

    def give(by: Principal, at: datetime | None = None) -> Awaitable[AdministrationOut]:
        return service.administer_as_needed(by, command(), line_id, AsNeededIn(occurred_at=at))

    nurse = icu.pharmacy.nurse
    outcomes = await asyncio.gather(*(give(nurse) for _ in range(10)), return_exceptions=True)
    given = [one for one in outcomes if isinstance(one, AdministrationOut)]
    assert len(given) == 3
    assert {getattr(one, "code", Code.CONFLICT) for one in outcomes} == {Code.CONFLICT}
    shown = (await icu.fresh("ICU"))[f"as_needed:{line_id}"]
    assert (shown["max_per_24h"], len(shown["recent"])) == (3, 3)
    await service.retract_administration(nurse, command(), given[0].id, Retraction(reason="spilled"))
    await give(nurse)
    await icu.later(hours=24)
    await give(nurse)
    await refused(Code.FORBIDDEN, give(icu.pharmacy.doctor))
    await icu.agree()
    await icu.services.pharmacy.stop(icu.pharmacy.doctor, command(), prescription.id, WHY)
    assert f"as_needed:{line_id}" not in await icu.fresh("ICU")
    await refused(Code.CONFLICT, give(nurse))
    await icu.agree()


async def test_a_rename_reaches_the_ward(icu: Ward) -> None:
    often = {"kind": "as_needed", "max_per_24h": 3}
    await icu.prescribe(line(), line("PARA-SYR", "240", frequency=often))
    update = PatientUpdate(family_name="Sklodowska")
    await icu.services.patients.update(SYSTEM, command(expected_version=1), icu.here.patient_id, update)
    names = {one["patient_name"] for key, one in (await icu.fresh("ICU")).items() if key != "sum"}
    assert names == {"Sklodowska"}
    await icu.agree()


async def test_what_is_left_of_a_stopped_prescription_follows_the_patient(
    icu: Ward, ward: WardFactory
) -> None:
    prescription = await icu.prescribe(line(frequency=EVERY_6))
    (first, *_), ipd = await icu.doses(), icu.services.ipd
    await icu.later(hours=2)
    await icu.services.pharmacy.stop(icu.pharmacy.doctor, command(), prescription.id, WHY)
    update = PatientUpdate(family_name="Sklodowska")
    await icu.services.patients.update(SYSTEM, command(expected_version=1), icu.here.patient_id, update)
    why = WhyIn(reason="known to the staff")
    await icu.services.patients.restrict(SYSTEM, command(expected_version=2), icu.here.patient_id, why)
    (left,) = await icu.doses()
    assert (left.id, left.patient_name, left.restricted) == (first.id, "Sklodowska", True)
    await icu.agree()
    await ipd.transfer(SYSTEM, command(), icu.here.id, TransferIn(bed_id=icu.other_bed))
    assert ([one.id for one in await icu.doses("MED")], await icu.doses()) == ([first.id], [])
    await icu.agree()
    await ipd.depart(SYSTEM, command(), icu.here.id, DepartureIn(disposition=Disposition.LEFT))
    assert (await icu.doses("MED"), await icu.sums("MED")) == ([], (0, 0))
    (somewhere,) = await ward("SUR", beds=1)
    back = ReturnIn(reason="never left", bed_id=somewhere.id)
    await ipd.cancel_discharge(SYSTEM, command(), icu.here.id, back)
    assert [(one.id, one.state) for one in await icu.doses("SUR")] == [(first.id, "overdue")]
    await icu.agree()


async def test_what_was_given_in_time_is_told_late_after_a_stop_a_transfer_and_a_departure(
    icu: Ward, person: PersonFactory
) -> None:
    first = await icu.prescribe(line(frequency=EVERY_6))
    second = await icu.prescribe(line("PARA-SYR", "240", frequency={"kind": "as_needed", "max_per_24h": 2}))
    ipd, service = icu.services.ipd, icu.services.medication
    due = [dose for dose in await icu.doses() if dose.line_id == first.lines[0].id]
    await icu.later(hours=5)  # an hour before the second
    early = icu.clock.now()
    await icu.later(minutes=10)
    await icu.services.pharmacy.stop(icu.pharmacy.doctor, command(), first.id, WHY)
    await ipd.transfer(SYSTEM, command(), icu.here.id, TransferIn(bed_id=icu.other_bed))
    await icu.later(minutes=10)
    await refused(Code.FORBIDDEN, icu.give(due[1]))
    given = await icu.give(due[1], AdministrationIn(outcome=Outcome.GIVEN, occurred_at=early))
    await refused(
        Code.ILLEGAL_MOVE,
        icu.give(due[2], AdministrationIn(outcome=Outcome.WITHHELD, reason="stopped", occurred_at=early)),
    )
    await ipd.depart(SYSTEM, command(), icu.here.id, DepartureIn(disposition=Disposition.LEFT))
    await icu.later(minutes=5)
    nurse = await person(Role.NURSE, ward="MED")
    needed = second.lines[0].id
    gone = service.administer_as_needed(nurse, command(), needed, AsNeededIn())
    assert "the patient left" in (await refused(Code.CONFLICT, gone)).detail
    before = AsNeededIn(occurred_at=icu.clock.now() - timedelta(minutes=12))
    await service.administer_as_needed(nurse, command(), needed, before)
    why = Retraction(reason="wrong patient")
    await service.retract_administration(nurse, command(), given.id, why)
    query = DoseQuery(admission_id=icu.here.id, limit=50)
    states = {one.id: one.state for one in (await service.doses(SYSTEM, command(), query)).items}
    assert states[due[1].id] == "cancelled", "nobody is there to get it"
    await icu.agree()


ADD = """
    INSERT INTO ipd_administration
        (id, line_id, dose_id, controlled, outcome, amount, reason, given_by, occurred_at, recorded_at)
    SELECT gen_random_uuid(), line_id, {dose}, {controlled}, '{outcome}', {amount}, NULL, given_by,
        occurred_at, recorded_at FROM ipd_administration WHERE id = '{id}'
"""


async def test_the_database_holds_its_rules_against_direct_sql(icu: Ward) -> None:
    often = {"kind": "as_needed", "max_per_24h": 1}
    as_needed = await icu.prescribe(line("PARA-SYR", "240", frequency=often))
    await icu.prescribe()
    due, later, *_ = await icu.doses()
    await icu.later(hours=1)
    given = await icu.give(due)
    needed = await icu.services.medication.administer_as_needed(
        icu.pharmacy.nurse, command(), as_needed.lines[0].id, AsNeededIn()
    )
    good = {"dose": "dose_id", "controlled": "false", "outcome": "given", "amount": "500", "id": given.id}
    attacks = (
        (ADD.format(**good), "ipd_administration_once_key"),
        (ADD.format(**{**good, "dose": "NULL"}), "due at its own moment"),
        (ADD.format(**{**good, "controlled": "true"}), "ipd_administration_line_fkey|witness_check"),
        (ADD.format(**{**good, "outcome": "refused"}), "taken_check|reason_check"),
        (ADD.format(**{**good, "amount": "0"}), "amount_check"),
        (ADD.format(**{**good, "amount": "NULL"}), "taken_check"),
        (ADD.format(**{**good, "id": needed.id}), "within 24 hours"),
        ("UPDATE ipd_administration SET amount = 1", "append-only"),
        ("UPDATE ipd_administration SET witness = given_by", "append-only|two_people"),
        ("DELETE FROM ipd_administration", "append-only"),
        ("INSERT INTO ipd_dose SELECT gen_random_uuid(), line_id, due_at, ward, state, cancelled_for, 1"
         " FROM ipd_dose", "ipd_dose_moment_key"),
        ("UPDATE ipd_dose SET state = 'cancelled'", "ipd_dose_cancelled_check"),
        ("UPDATE ipd_medication_sum SET due = -1", "ipd_medication_sum_check"),
        (f"UPDATE ipd_dose SET state = 'given' WHERE id = '{later.id}'", "disagree"),
        (f"UPDATE ipd_dose SET state = 'due' WHERE id = '{due.id}'", "disagree"),
        (f"UPDATE ipd_dose SET state = 'refused' WHERE id = '{due.id}'", "cannot become"),
        (f"UPDATE ipd_administration SET error_at = now(), error_by = given_by, error_reason = 'x'"
         f" WHERE id = '{given.id}'", "disagree"),
        ("UPDATE ipd_medication SET state = 'on_hold'", "ipd_medication_ceased_check"),
        ("UPDATE ipd_medication SET ceased_at = now()", "ipd_medication_ceased_check"),
    )  # fmt: skip
    for statement, rule in attacks:
        with pytest.raises(DBAPIError, match=rule):
            async with icu.hospital.engine.begin() as connection:
                await connection.execute(text(statement))
    stop = text("UPDATE ipd_medication SET state = 'ended', ceased_at = :at")
    with pytest.raises(DBAPIError, match="given after that moment"):
        async with icu.hospital.engine.begin() as connection:
            await connection.execute(stop, {"at": given.occurred_at})
    async with icu.hospital.engine.begin() as connection:
        await connection.execute(stop, {"at": given.occurred_at + timedelta(hours=1)})
    late = ADD.format(**{**good, "dose": "NULL", "id": needed.id})
    late = late.replace(
        "occurred_at, recorded_at FROM", "occurred_at + interval '25 hours', recorded_at FROM"
    )
    with pytest.raises(DBAPIError, match="not to be given at that moment"):
        async with icu.hospital.engine.begin() as connection:
            await connection.execute(text(late))
