"""A visit from the door through vitals and consultation to orders and the disposition."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.exc import IntegrityError

from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.schemas.catalogue import CatalogueIn
from hms_rt.departments.lab.schemas.ordering import LabOrderIn
from hms_rt.departments.opd.model.visit import Disposition, VisitState
from hms_rt.departments.opd.schemas.queue import CancelIn, DayEndIn, TransferIn
from hms_rt.departments.opd.schemas.visits import (
    VisitClose,
    VisitEnd,
    VisitEntryIn,
    VisitIn,
    VisitOut,
    VisitQuery,
)
from hms_rt.departments.patients.schemas.record import EntryOut, EntryQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import PersonFactory, command
from tests.opd.bookings import Bookings
from tests.opd.conftest import NOW, Opd, Query, refused

S = VisitState
HOME = VisitClose(disposition=Disposition.HOME)
TIRED = VisitEnd(reason="tired of waiting")


class Care:
    """A nurse and a doctor of clinic GEN."""

    def __init__(self, opd: Opd, doctor: Principal) -> None:
        self.opd, self.doctor, self.service = opd, doctor, opd.service

    async def open(self, patient: uuid.UUID, **said: Any) -> VisitOut:
        body = VisitIn(clinic="GEN", patient_id=patient, **said)
        return await self.service.open_visit(self.opd.nurse, command(), body)

    async def write(self, visit: VisitOut, kind: str, by: Principal | None = None, **body: Any) -> EntryOut:
        entry = VisitEntryIn(kind=kind, body=body)
        return await self.service.write_into(by or self.opd.nurse, command(), visit.id, entry)

    async def consult(self, visit: VisitOut) -> VisitOut:
        return await self.service.consult(self.doctor, command(), visit.id, NOW)

    async def read(self, visit: VisitOut) -> VisitOut:
        return await self.service.visit(self.opd.nurse, command(), visit.id)


@pytest_asyncio.fixture
async def care(opd: Opd, person: PersonFactory) -> Care:
    return Care(opd, await person(Role.DOCTOR, clinic="GEN", counter="G1"))


async def test_from_the_appointment_through_vitals_and_consultation_to_orders(
    care: Care, bookings: Bookings, opd: Opd, query: Query
) -> None:
    await bookings.schedule()
    curie = await opd.patient("Curie")
    booked = await bookings.book((await bookings.today())[0], curie)
    arrived = await bookings.arrive(booked)
    visit = await care.open(curie)
    assert (visit.state, visit.token_id, visit.appointment_id) == (S.ARRIVED, arrived.token.id, booked.id)
    vitals = await care.write(visit, "vitals", heart_rate=81)
    assert vitals.context is not None
    assert vitals.context.id == visit.id
    assert (await care.read(visit)).state == S.TRIAGED
    await care.write(visit, "vitals", heart_rate=79)
    assert "call it first" in (await refused(Code.CONFLICT, care.consult(visit))).detail
    await opd.call(arrived.token)
    consulted = await care.consult(visit)
    assert (consulted.state, consulted.doctor_id) == (S.IN_CONSULTATION, care.doctor.id)
    assert (await opd.service.token(SYSTEM, command(), arrived.token.id)).state == "serving"
    await care.write(visit, "diagnosis", by=care.doctor, text="migraine")
    lac = CatalogueIn(code="LAC", name="Lactate", specimen_kind=SpecimenKind.BLOOD)
    await opd.services.lab.define_test(SYSTEM, command(), lac)
    order = LabOrderIn(patient_id=curie, tests=["LAC"], clinic="GEN")
    placed = await opd.services.lab.order(care.doctor, command(), order)
    closed = await opd.service.close_visit(care.doctor, command(expected_version=3), visit.id, HOME)
    assert (closed.state, closed.disposition) == (S.CLOSED, Disposition.HOME)
    full = await opd.service.visit(care.doctor, command(), visit.id)
    assert full.lab_orders == [placed.id]
    assert (await opd.service.token(SYSTEM, command(), arrived.token.id)).state == "done"
    kept = await opd.service.appointment(SYSTEM, command(), booked.id)
    assert kept.state == "fulfilled"
    record = await opd.services.patients.list_entries(
        care.doctor, command(), curie, EntryQuery(context=visit.id)
    )
    assert sorted(entry.kind for entry in record.items) == ["diagnosis", "vitals", "vitals"]
    steps = (await opd.service.visit_history(care.doctor, command(), visit.id)).items
    assert [step.move for step in steps] == ["open", "triage", "consult", "close"]
    await refused(Code.ILLEGAL_MOVE, care.write(visit, "note", text="too late"))
    assert await query("SELECT 1 FROM patients_record_entry WHERE kind = 'note'") == []
    again = await care.open(curie)
    assert again.token_id is None


async def test_a_patient_has_one_open_visit_in_a_clinic_and_its_own_number(
    care: Care, opd: Opd, query: Query
) -> None:
    curie, noether = await opd.patient("Curie"), await opd.patient("Noether")
    first = await care.open(curie)
    assert str(first.id) in (await refused(Code.CONFLICT, care.open(curie))).detail
    token = await opd.issue(patient_id=noether)
    await refused(Code.CONFLICT, care.open(await opd.patient(), token_id=token.id))
    with pytest.raises(IntegrityError, match="another patient or clinic"):
        await query("UPDATE opd_visit SET token_id = :token", token=token.id)
    second = await care.open(noether, token_id=token.id)
    page = await opd.service.visits(care.doctor, command(), VisitQuery(clinic="GEN", limit=1))
    assert [each.id for each in page.items] == [second.id]
    rest = VisitQuery(clinic="GEN", limit=1, cursor=page.next_cursor)
    assert [each.id for each in (await opd.service.visits(care.doctor, command(), rest)).items] == [first.id]
    assert (await opd.service.visits(care.doctor, command(), VisitQuery(patient=uuid.uuid4()))).items == []


async def test_who_leaves_leaves_the_queue_and_who_left_the_queue_has_left(
    care: Care, opd: Opd, clock: ManualClock
) -> None:
    people = [await opd.patient(name) for name in ("Curie", "Noether", "Meitner", "Lovelace")]
    numbers = [await opd.issue(patient_id=each) for each in people]
    visits = [await care.open(each) for each in people]
    gone = await opd.service.leave(opd.nurse, command(), visits[0].id, TIRED)
    assert (gone.state, gone.reason) == (S.LEFT, "tired of waiting")
    assert (await opd.service.token(SYSTEM, command(), numbers[0].id)).state == "cancelled"
    await opd.service.cancel(opd.reception, command(), numbers[1].id, CancelIn(reason="went home"))
    left = await care.read(visits[1])
    assert (left.state, left.reason) == (S.LEFT, "went home")
    mistaken = await opd.service.cancel_visit(opd.nurse, command(), visits[2].id, TIRED)
    assert mistaken.state == S.CANCELLED
    assert (await opd.service.token(SYSTEM, command(), numbers[2].id)).state == "waiting"
    await opd.call(numbers[3])
    await care.consult(visits[3])
    clock.advance(timedelta(minutes=5))
    await opd.service.day_end(SYSTEM, command(), "GEN", DayEndIn(reason="closing"))
    assert (await care.read(visits[3])).state == S.IN_CONSULTATION, "it is still to be documented"
    closed = await opd.service.close_visit(care.doctor, command(), visits[3].id, HOME)
    assert closed.state == S.CLOSED


async def test_a_visit_goes_on_under_the_number_that_comes_back(care: Care, opd: Opd, query: Query) -> None:
    curie = await opd.patient("Curie")
    token = await opd.issue(patient_id=curie)
    visit = await care.open(curie)
    await opd.call(token)
    await care.consult(visit)
    over_there = await opd.service.transfer(SYSTEM, command(), token.id, TransferIn(clinic="EYE"))
    await opd.call_next("E1", "EYE")
    await opd.service.serve(SYSTEM, command(), over_there.id, NOW)
    back = await opd.service.transfer(SYSTEM, command(), over_there.id, TransferIn(clinic="GEN"))
    await opd.call(back)
    await opd.service.serve(SYSTEM, command(), back.id, NOW)
    await opd.service.close_visit(care.doctor, command(), visit.id, HOME)
    states = await query("SELECT state FROM opd_token ORDER BY id")
    assert [row.state for row in states] == ["transferred", "transferred", "done"]


ATTACKS = [
    ("INSERT INTO opd_visit SELECT gen_random_uuid(), clinic_code, day, patient_id, patient_name, mrn, state,"
     " opened_at, since, recorded_at FROM opd_visit", None),
    ("UPDATE opd_visit SET state = 'lost'", "opd_visit_state_check"),
    ("UPDATE opd_visit SET state = 'triaged'", "opd_visit_triaged_check"),
    ("UPDATE opd_visit SET state = 'in_consultation'", "opd_visit_consulted_check"),
    ("UPDATE opd_visit SET finished_at = now()", "opd_visit_finished_check"),
    ("UPDATE opd_visit SET disposition = 'home'", "opd_visit_closed_check"),
    ("UPDATE opd_visit SET state = 'left', finished_at = now()", "opd_visit_reason_check"),
]  # fmt: skip


async def test_the_database_itself_refuses_every_attack_on_a_rule(care: Care, opd: Opd, query: Query) -> None:
    visit = await care.open(await opd.patient())
    for statement, rule in ATTACKS:
        with pytest.raises(IntegrityError, match=rule or "opd_visit"):
            await query(statement)
    await opd.service.cancel_visit(opd.nurse, command(), visit.id, TIRED)
    with pytest.raises(IntegrityError, match="does not change its state"):
        await query("UPDATE opd_visit SET state = 'arrived', finished_at = NULL")
