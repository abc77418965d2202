"""Who may do what in which clinic and at which counter."""

import uuid

import pytest

from hms_rt.departments.opd.model.token import TokenState
from hms_rt.departments.opd.schemas.queue import (
    CallIn,
    CancelIn,
    ClinicIn,
    CounterIn,
    DayEndIn,
    NextIn,
    QueueQuery,
    TokenIn,
    TokenQuery,
    TransferIn,
)
from hms_rt.departments.opd.service import OpdService
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from tests.conftest import PersonFactory, command
from tests.opd.conftest import NOW, Opd, Query, refused

S = TokenState
SCREEN = Principal(
    kind=PrincipalKind.DEVICE,
    id=uuid.uuid4(),
    session_id=uuid.uuid4(),
    name="Screen",
    rooms=frozenset({"/opd clinic:GEN"}),
)


async def test_who_works_at_one_counter_calls_and_serves_there_only(
    opd: Opd, person: PersonFactory, query: Query
) -> None:
    service, here = opd.service, opd.nurse
    there = await person(Role.NURSE, clinic="GEN", counter="G2")
    token, _ = await opd.issue(), await opd.issue()
    for wanted in (NextIn(counter="G2"), NextIn(counter="E1")):
        await refused(Code.FORBIDDEN, service.call_next(here, command("opd.call_next"), "GEN", wanted))
    await refused(Code.FORBIDDEN, service.call(here, command(), token.id, CallIn(counter="G2")))
    await refused(Code.FORBIDDEN, service.close_counter(here, command(), "G2"))
    await service.call_next(here, command(), "GEN", NextIn(counter="G1"))
    for move in (service.serve, service.recall, service.hold, service.no_show):
        await refused(Code.FORBIDDEN, move(there, command(), token.id, NOW))
    await service.serve(here, command(), token.id, NOW)
    await refused(Code.FORBIDDEN, service.done(there, command(), token.id, NOW))
    await refused(Code.FORBIDDEN, service.transfer(there, command(), token.id, TransferIn(clinic="EYE")))
    assert (await service.done(here, command(), token.id, NOW)).state is S.DONE
    denied = await query(
        "SELECT action FROM audit_log WHERE outcome = 'denied' AND principal_id = :id", id=here.id
    )
    assert [row.action for row in denied].count("opd.call_next") == 2


async def test_a_waiting_token_is_the_whole_clinics(opd: Opd, person: PersonFactory) -> None:
    service, token = opd.service, await opd.issue()
    at_counter = await person(Role.LAB, counter="G2")
    of_clinic = await person(Role.DOCTOR, clinic="GEN")
    stranger = await person(Role.NURSE, clinic="EYE", counter="E1")
    await refused(Code.FORBIDDEN, service.hold(stranger, command(), token.id, NOW))
    await service.hold(at_counter, command(), token.id, NOW)
    await service.resume(of_clinic, command(), token.id, NOW)


async def test_numbers_are_given_and_taken_back_by_reception_and_by_the_clinic(
    opd: Opd, person: PersonFactory
) -> None:
    service = opd.service
    reason = CancelIn(reason="went home")
    doctor = await person(Role.DOCTOR, clinic="GEN")
    await refused(Code.FORBIDDEN, service.issue(doctor, command(), "GEN", TokenIn()))
    await refused(Code.FORBIDDEN, service.issue(opd.nurse, command(), "EYE", TokenIn()))
    token = await service.issue(opd.nurse, command(), "GEN", TokenIn())
    eye = await opd.issue("EYE")
    await refused(Code.FORBIDDEN, service.cancel(doctor, command(), token.id, reason))
    await refused(Code.FORBIDDEN, service.cancel(opd.nurse, command(), eye.id, reason))
    await service.cancel(opd.nurse, command(), token.id, reason)
    await service.cancel(opd.reception, command(), eye.id, reason)


async def test_a_cashier_calls_to_the_counter_named_and_may_not_transfer(
    opd: Opd, person: PersonFactory
) -> None:
    cashier = await person(Role.ADMIN, cashier="G1")
    await opd.issue()
    for counter in ("G2", "E1"):
        wanted = NextIn(counter=counter)
        await refused(Code.FORBIDDEN, opd.service.call_next(cashier, command(), "GEN", wanted))
    token = await opd.service.call_next(cashier, command(), "GEN", NextIn(counter="G1"))
    await opd.service.serve(cashier, command(), token.id, NOW)
    to_eye = TransferIn(clinic="EYE")
    await refused(Code.FORBIDDEN, opd.service.transfer(cashier, command(), token.id, to_eye))
    await opd.service.done(cashier, command(), token.id, NOW)


async def test_only_administrators_define_and_only_they_and_reception_end_the_day(
    opd: Opd, person: PersonFactory
) -> None:
    service, end = opd.service, DayEndIn(reason="closing time")
    clinic, counter = ClinicIn(code="NEW", name="New"), CounterIn(code="N1", name="New")
    for somebody in (opd.nurse, opd.reception, await person(Role.DOCTOR, clinic="GEN"), SCREEN):
        await refused(Code.FORBIDDEN, service.define_clinic(somebody, command(), clinic))
        await refused(Code.FORBIDDEN, service.define_counter(somebody, command(), "GEN", counter))
        if somebody is not opd.reception:
            await refused(Code.FORBIDDEN, service.day_end(somebody, command(), "GEN", end))
            await refused(Code.FORBIDDEN, service.close_past_days(somebody, command()))
    admin = await person(Role.ADMIN)
    await service.define_clinic(admin, command(), clinic)
    await service.define_counter(admin, command(), "NEW", counter)
    assert (await service.day_end(opd.reception, command(), "GEN", end)).closed == 0


async def test_a_queue_is_read_by_those_who_work_there(opd: Opd, query: Query) -> None:
    service, patient = opd.service, await opd.patient()
    token, eye = await opd.issue(patient_id=patient), await opd.issue("EYE")
    for somebody, clinic, seen in ((opd.nurse, "EYE", eye), (SCREEN, "GEN", token), (SCREEN, "EYE", eye)):
        await refused(Code.FORBIDDEN, service.queue(somebody, command(), clinic, QueueQuery()))
        await refused(Code.FORBIDDEN, service.tokens(somebody, command(), clinic, TokenQuery()))
        await refused(Code.FORBIDDEN, service.token(somebody, command(), seen.id))
        await refused(Code.FORBIDDEN, service.history(somebody, command(), seen.id))
    (shown,) = (await service.queue(opd.nurse, command(), "GEN", QueueQuery())).tokens
    assert shown.patient_name == "Curie"
    await service.token(opd.nurse, command(), token.id)
    read = await query(
        "SELECT action, patient_id FROM audit_log "
        "WHERE principal_id = :id AND outcome = 'allowed' ORDER BY id",
        id=opd.nurse.id,
    )
    assert [tuple(row) for row in read] == [("queue.read", None), ("token.read", patient)]


async def test_each_sees_the_queue_as_befits_them(opd: Opd, person: PersonFactory) -> None:
    def seen(principal: Principal, clinic: str = "GEN") -> Audience:
        return OpdService.audience(principal, clinic)

    assert seen(opd.nurse) is Audience.CLINICAL
    assert seen(await person(Role.DOCTOR, clinic="GEN")) is Audience.CLINICAL
    assert seen(opd.reception) is seen(await person(Role.ADMIN)) is Audience.STAFF
    assert seen(await person(Role.LAB, clinic="GEN")) is Audience.STAFF
    assert seen(SCREEN) is Audience.DISPLAY
    for principal in (opd.nurse, SCREEN, await person(Role.PHARMACY, clinic="GEN")):
        with pytest.raises(HmsError) as raised:
            seen(principal, "EYE")
        assert raised.value.code is Code.FORBIDDEN
