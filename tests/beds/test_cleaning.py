"""Housekeeping: asked for by itself, claimed once, told when overdue, once; never a word of a patient."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds import views
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.model.cleaning import CleaningKind, CleaningState
from hms_rt.departments.beds.schemas import BedChange, CleaningIn, CleaningQuery
from hms_rt.departments.notifications.schemas import NotificationQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from hms_rt.storage.postgres import violated
from tests.conftest import PersonFactory, WardFactory, command

DIRTY = BedChange(status=BedStatus.CLEANING)


async def asked(services: Services) -> list[Any]:
    return list((await services.beds.cleanings(SYSTEM, CleaningQuery(ward="ICU"))).items)


async def test_a_bed_that_waits_is_on_the_list_and_available_once_it_is_clean(
    hospital: Hospital, services: Services, ward: WardFactory, person: PersonFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    cleaner, nurse = await person(housekeeping="ICU"), await person(Role.NURSE, ward="ICU")
    beds = services.beds
    await beds.change(nurse, command(), bed.id, DIRTY)
    (request,) = await asked(services)
    assert (request.kind, request.state, request.bed) == (CleaningKind.ROUTINE, CleaningState.REQUESTED, "01")
    with pytest.raises(HmsError, match="already"):
        await beds.request_cleaning(nurse, command(), bed.id, CleaningIn(note="coffee"))
    with pytest.raises(HmsError, match="waits to be cleaned"):
        await beds.cancel_cleaning(nurse, command(), request.id)
    claims = await asyncio.gather(
        *(beds.claim_cleaning(cleaner, command(), request.id) for _ in range(10)), return_exceptions=True
    )
    codes = [one.code for one in claims if isinstance(one, HmsError)]
    assert codes == [Code.ILLEGAL_MOVE] * 9
    async with hospital.units.reading() as connection:
        state = await beds.cleaning_state(connection, "ICU")
        board = await beds.ward_state(connection, "ICU")
    assert state is not None
    assert board is not None
    assert [value["claimed_by_name"] for value in state.values()] == [cleaner.name]
    shown = board[views.bed_key(bed.id)]
    assert set(views.display(views.bed_key(bed.id), shown)["cleaning"]) == {"state", "due_at"}
    await beds.finish_cleaning(cleaner, command(), request.id)
    assert (await beds.bed(SYSTEM, command(), bed.id)).status is BedStatus.AVAILABLE

    spot = await beds.request_cleaning(nurse, command(), bed.id, CleaningIn(note="coffee on the floor"))
    await beds.change(nurse, command(), bed.id, DIRTY)
    await beds.change(nurse, command(), bed.id, BedChange(status=BedStatus.AVAILABLE))
    assert (await asked(services))[0].id == spot.id  # the same request, of another kind since
    assert {one.state for one in await asked(services)} == {CleaningState.DONE}


async def test_overdue_is_told_to_the_charge_nurse_once_by_fifty_timers_of_two_servers(
    hospital: Hospital,
    services: Services,
    settings: Settings,
    stores: Stores,
    ward: WardFactory,
    person: PersonFactory,
    clock: ManualClock,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    charge, _ = await person(Role.NURSE, charge_nurse="ICU"), await person(Role.NURSE, ward="ICU")
    await services.beds.change(SYSTEM, command(), bed.id, DIRTY)
    await services.beds.tell_overdue(SYSTEM, command())
    clock.advance(timedelta(minutes=46))
    other = Hospital(settings, stores, clock=clock)
    several = [each.services.beds for each in (hospital, other) for _ in range(25)]
    await asyncio.gather(*(beds.tell_overdue(SYSTEM, command()) for beds in several))
    await other.close()
    told = (await services.notifications.list_own(charge, NotificationQuery())).items
    assert [one.title for one in told] == ["Bed 01 of ward ICU waits for cleaning since 46 minutes"]
    assert (await asked(services))[0].overdue_at == clock.now()


async def test_the_database_refuses_a_second_request_and_a_bed_that_nobody_is_asked_to_clean(
    hospital: Hospital, services: Services, ward: WardFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    await services.beds.change(SYSTEM, command(), bed.id, DIRTY)
    again = (
        "INSERT INTO beds_cleaning SELECT gen_random_uuid(), bed_id, ward_code, kind, state, requested_at,"
    )
    attacks = {
        "beds_cleaning_open_bed_key": f"{again} requested_by, due_at, note FROM beds_cleaning",
        "beds_bed_cleaning_check": "UPDATE beds_cleaning SET state = 'done', finished_at = now(),"
        " finished_by = requested_by",
        "beds_cleaning_claimed_check": "UPDATE beds_cleaning SET state = 'claimed'",
        "beds_cleaning_finished_check": "UPDATE beds_cleaning SET state = 'cancelled'",
        "beds_bed_out_of_service_check": "UPDATE beds_bed SET status = 'out_of_service'",
        "beds_bed_isolated_check": "UPDATE beds_bed SET isolation_kind = 'contact'",
    }
    for rule, statement in attacks.items():
        if rule == "beds_cleaning_open_bed_key":
            statement = statement.replace("note FROM", "note, NULL, NULL, NULL, NULL, NULL, NULL, 1 FROM")
        with pytest.raises(IntegrityError) as raised:
            async with hospital.engine.begin() as connection:
                await connection.execute(text(statement))
        assert violated(raised.value) == rule
