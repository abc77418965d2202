"""The beds service on real servers: rights, versions, counts, and what boards are told."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange, BedIn, BedQuery, WardIn
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command

CLEAN = BedChange(status=BedStatus.CLEANING)


async def test_a_nurse_of_the_ward_changes_a_bed_and_its_counts(
    services: Services, ward: WardFactory, person: PersonFactory
) -> None:
    beds = await ward("ICU", beds=3)
    nurse = await person(Role.NURSE, ward="ICU")

    changed = await services.beds.change(nurse, command(), beds[0].id, CLEAN)

    assert (changed.status, changed.version) == (BedStatus.CLEANING, beds[0].version + 1)
    (counts,) = (await services.beds.free(nurse)).wards
    assert (counts.total, counts.available, counts.cleaning) == (3, 2, 1)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DOCTOR, Role.RECEPTION, Role.PHARMACY, Role.LAB])
async def test_other_roles_may_not_change_a_bed(
    services: Services, ward: WardFactory, person: PersonFactory, role: Role
) -> None:
    (bed,) = await ward("ICU", beds=1)
    somebody = await person(role, ward="ICU")
    with pytest.raises(HmsError) as refused:
        await services.beds.change(somebody, command(), bed.id, CLEAN)
    assert refused.value.code is Code.FORBIDDEN


async def test_a_nurse_of_another_ward_is_refused_and_the_denial_is_audited(
    services: Services, hospital: Hospital, ward: WardFactory, person: PersonFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    stranger = await person(Role.NURSE, ward="MED")
    with pytest.raises(HmsError, match="assignment"):
        await services.beds.change(stranger, command("beds.change"), bed.id, CLEAN)
    async with hospital.engine.connect() as connection:
        denied = await connection.execute(
            text("SELECT action FROM audit_log WHERE outcome = 'denied' AND principal_id = :id"),
            {"id": stranger.id},
        )
        assert denied.scalars().all() == ["beds.change"]


async def test_a_stale_version_changes_nothing(
    services: Services, ward: WardFactory, person: PersonFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await person(Role.NURSE, ward="ICU")
    await services.beds.change(nurse, command(expected_version=bed.version), bed.id, CLEAN)
    with pytest.raises(HmsError) as refused:
        await services.beds.change(
            nurse, command(expected_version=bed.version), bed.id, BedChange(isolation=True)
        )
    assert refused.value.code is Code.STALE_VERSION
    assert refused.value.fields == {"current_version": bed.version + 1}


async def test_the_same_key_changes_once_and_another_body_is_refused(
    services: Services, ward: WardFactory, person: PersonFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await person(Role.NURSE, ward="ICU")
    first = await services.beds.change(nurse, command("beds.change", key="k1"), bed.id, CLEAN)
    again = await services.beds.change(nurse, command("beds.change", key="k1"), bed.id, CLEAN)
    assert again == first
    with pytest.raises(HmsError) as refused:
        await services.beds.change(nurse, command("beds.other", key="k1"), bed.id, CLEAN)
    assert refused.value.code is Code.IDEMPOTENCY_MISMATCH


async def test_fifty_nurses_at_once_make_one_move_and_the_counts_still_add_up(
    services: Services, hospital: Hospital, ward: WardFactory, person: PersonFactory
) -> None:
    beds = await ward("ICU", beds=5)
    nurse = await person(Role.NURSE, ward="ICU")
    outcomes = await asyncio.gather(
        *(services.beds.change(nurse, command(), beds[n % 5].id, CLEAN) for n in range(50)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, HmsError)]
    assert len(refused) == 45
    assert {error.code for error in refused} == {Code.ILLEGAL_MOVE}
    (counts,) = (await services.beds.free(nurse)).wards
    assert (counts.available, counts.cleaning, counts.total) == (0, 5, 5)
    async with hospital.engine.connect() as connection:
        versions = await connection.execute(
            text("SELECT version FROM change_log WHERE stream = 'beds/ward:ICU' ORDER BY version")
        )
        assert versions.scalars().all() == list(range(1, 12))  # the ward, five beds, five moves: no gap


async def test_an_expired_reservation_makes_the_bed_available(
    services: Services, ward: WardFactory, person: PersonFactory, clock: ManualClock
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await person(Role.NURSE, ward="ICU")
    reserve = BedChange(status=BedStatus.RESERVED, reserved_minutes=30)
    held = await services.beds.change(nurse, command(), bed.id, reserve)
    assert held.reserved_until == clock.now() + timedelta(minutes=30)

    await services.beds.release_expired(SYSTEM, command())
    assert (await services.beds.bed(nurse, command(), bed.id)).status is BedStatus.RESERVED
    clock.advance(timedelta(minutes=31))
    await services.beds.release_expired(SYSTEM, command())
    assert (await services.beds.bed(nurse, command(), bed.id)).status is BedStatus.AVAILABLE


async def test_codes_of_wards_and_beds_are_unique(services: Services, ward: WardFactory) -> None:
    await ward("ICU", beds=1)
    with pytest.raises(HmsError, match="exists already"):
        await services.beds.define_ward(SYSTEM, command(), WardIn(code="ICU", name="Again"))
    with pytest.raises(HmsError, match="has a bed 01 already"):
        await services.beds.define_bed(SYSTEM, command(), BedIn(ward="ICU", room="R9", code="01"))
    with pytest.raises(HmsError, match="ward NONE does not exist"):
        await services.beds.define_bed(SYSTEM, command(), BedIn(ward="NONE", room="R9", code="01"))


async def test_lists_come_in_pages(services: Services, ward: WardFactory) -> None:
    await ward("ICU", beds=5)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await services.beds.beds(SYSTEM, command(), BedQuery(ward="ICU", limit=2, cursor=cursor))
        seen += [bed.code for bed in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["01", "02", "03", "04", "05"]


async def test_locations_are_a_tree(services: Services, ward: WardFactory) -> None:
    await ward("ICU", beds=3)
    await ward("MED", beds=1)
    (facility,) = (await services.beds.locations(SYSTEM)).facilities
    (building,) = facility.buildings
    assert [(ward.code, [(room.code, room.beds) for room in ward.rooms]) for ward in building.wards] == [
        ("ICU", [("R1", ["01", "02"]), ("R2", ["03"])]),
        ("MED", [("R1", ["01"])]),
    ]


async def test_the_database_itself_refuses_an_occupied_bed_without_a_patient(
    hospital: Hospital, ward: WardFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    with pytest.raises(IntegrityError, match="exactly while a patient is in it"):
        async with hospital.engine.begin() as connection:
            await connection.execute(
                text("UPDATE beds_bed SET status = 'occupied' WHERE id = :id"), {"id": bed.id}
            )
