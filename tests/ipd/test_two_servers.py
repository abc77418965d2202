"""Rules of wards, attacked by fifty at once over two server processes on one port."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds.model import BedStatus, Isolation
from hms_rt.departments.beds.schemas import BedChange, CleaningQuery
from hms_rt.departments.ipd.schemas import BirthIn, NeedsIn
from hms_rt.kernel.errors import HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from tests.cli.processes import configured, serving_workers
from tests.conftest import PASSWORD, PersonFactory, WardFactory, command
from tests.ipd.attacks import (
    Ask,
    Attacked,
    a_death_ends_what_is_open_once,
    a_room_is_kept_while_others_come_in,
    all_at_once,
    doses_are_given_once_in_time_and_never_too_many,
    mothers_and_children_are_never_torn_apart,
    two_people_give_what_is_controlled,
    what_is_told_late_never_overlaps,
)
from tests.ipd.conftest import Journeys, Query
from tests.ipd.test_concurrency import consistent
from tests.pharmacy.conftest import furnish

FIFTY = 50
BUSY = 503
"""Who waits for the same patient for longer than the database lets anybody wait is told to try again."""


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores) -> AsyncIterator[Hospital]:
    """Not started: the servers of the test do the work."""
    made = Hospital(settings, stores)
    yield made
    await made.close()


async def signed_in(url: str, username: str) -> str:
    async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        signed = {"username": username, "password": PASSWORD}
        async with client.post("/api/v1/auth/login", json=signed) as answer:
            assert answer.status == 200
        return "; ".join(f"{one.key}={one.value}" for one in client.cookie_jar)


def asking(url: str, cookie: str) -> Ask:
    async def ask(path: str, body: Any) -> int:
        """A connection of its own, so that either process may get it."""
        async with (
            aiohttp.ClientSession(url, headers={"Cookie": cookie}) as own,
            own.post(f"/api/v1{path}", json=body) as answer,
        ):
            assert answer.status in {200, 409, 422, BUSY}, await answer.text()
            return answer.status

    return ask


async def test_every_rule_holds_under_fifty_commands_over_two_processes(
    hospital: Hospital,
    ward: WardFactory,
    person: PersonFactory,
    journeys: Journeys,
    stores: Stores,
    query: Query,
    tmp_path: Path,
) -> None:
    services = hospital.services
    beds = await ward("ICU", beds=10)  # two to a room
    await person(Role.ADMIN, Role.DOCTOR, Role.NURSE, username="chief", ward="ICU")
    await person(Role.NURSE, username="midwife", ward="MAT")
    await person(Role.NURSE, username="surgeon", ward="SUR")
    await person(Role.NURSE, username="infectiologist", ward="INF")
    await person(Role.DOCTOR, Role.NURSE, username="palliative", ward="PAL")
    await furnish(services)
    treated = await journeys.admitted(beds[9].id)
    here = [await journeys.admitted(bed.id) for bed in beds[:2]]
    coming = [await journeys.accepted() for _ in range(FIFTY - 1)]
    held, room, dirty = beds[2], beds[4:6], beds[6]
    await services.beds.change(SYSTEM, command(), dirty.id, BedChange(status=BedStatus.CLEANING))
    (request,) = (await services.beds.cleanings(SYSTEM, CleaningQuery(ward="ICU"))).items

    async with serving_workers(tmp_path, configured(stores), workers=2) as served:
        ask = asking(served.url, await signed_in(served.url, "chief"))

        # one bed is held for one admission
        bed = {"bed_id": str(held.id)}
        holds = [ask(f"/admissions/{one.id}/hold", bed) for one in (here[0], *coming)]
        assert await all_at_once(holds) == {200: 1, 409: FIFTY - 1}
        ((holder,),) = await query("SELECT admission_id FROM beds_hold")

        # nobody but its holder takes it, and the holder once
        way = "transfer" if holder == here[0].id else "assign"
        takes = [ask(f"/admissions/{holder}/{way}", {"held": True}) for _ in range(5)]
        takes += [ask(f"/admissions/{one.id}/assign", bed) for one in coming[:45] if one.id != holder]
        taken = await all_at_once(takes)
        assert taken[200] == 1
        waiting = [one for one in coming if one.id != holder]

        # a room is shared only within one isolation, whoever comes first
        for one in waiting[:10]:
            needs = NeedsIn(isolation=Isolation.CONTACT)
            await services.ipd.change_needs(SYSTEM, command(), one.id, needs)
        rooms = [
            ask(f"/admissions/{one.id}/assign", {"bed_id": str(room[number % 2].id)})
            for number, one in enumerate(waiting)
        ]
        await all_at_once(rooms)
        together = await query(
            "SELECT DISTINCT isolation_kind FROM beds_bed WHERE room_code = 'R3' AND status = 'occupied'"
        )
        assert len(together) == 1

        # a request to clean is claimed by one
        claims = [ask(f"/cleaning/{request.id}/claim", None) for _ in range(FIFTY)]
        assert await all_at_once(claims) == {200: 1, 409: FIFTY - 1}

        # two exchange beds again and again while others want the same beds
        lying = await query("SELECT admission_id FROM ipd_stay WHERE ended_at IS NULL ORDER BY bed_id")
        one, other = (row.admission_id for row in lying[:2])
        swaps = [ask(f"/admissions/{one}/swap", {"with_admission": str(other)}) for _ in range(15)]
        swaps += [ask(f"/admissions/{other}/swap", {"with_admission": str(one)}) for _ in range(15)]
        swaps += [ask(f"/admissions/{one}/transfer", {"ward": "ICU"}) for _ in range(20)]
        assert (await all_at_once(swaps))[200] > 0
        midwife = asking(served.url, await signed_in(served.url, "midwife"))
        field = Attacked(services, midwife, journeys, query, ward)
        await mothers_and_children_are_never_torn_apart(field)
        await doses_are_given_once_in_time_and_never_too_many(replace(field, ask=ask), treated)
        await two_people_give_what_is_controlled(replace(field, ask=ask), treated)
        surgeon = asking(served.url, await signed_in(served.url, "surgeon"))
        await what_is_told_late_never_overlaps(replace(field, ask=surgeon))
        sent = asking(served.url, await signed_in(served.url, "infectiologist"))
        await a_room_is_kept_while_others_come_in(replace(field, ask=sent))
        palliative = asking(served.url, await signed_in(served.url, "palliative"))
        *last, free = await ward("PAL", beds=4)
        dying = [await journeys.admitted(bed.id, "PAL") for bed in last]
        dying.append(await journeys.accepted("PAL"))
        await a_death_ends_what_is_open_once(replace(field, ask=palliative), dying, str(free.id))
    assert await consistent(query) >= 3
    overlapping = await query(
        "SELECT 1 FROM ipd_stay a JOIN ipd_stay b ON a.id < b.id AND (a.bed_id = b.bed_id OR"
        " a.patient_id = b.patient_id) AND NOT a.entered_in_error AND NOT b.entered_in_error"
        " AND tstzrange(a.started_at, a.ended_at) && tstzrange(b.started_at, b.ended_at)"
    )
    assert overlapping == []


async def test_children_born_at_once_get_numbers_and_cots_of_their_own(
    hospital: Hospital, ward: WardFactory, person: PersonFactory, journeys: Journeys, query: Query
) -> None:
    (bed,) = await ward("MAT", beds=1)
    mother = await journeys.admitted(bed.id, "MAT")
    nurse = await person(Role.NURSE, ward="MAT")
    born = BirthIn(born_at=hospital.clock.now())

    async def one() -> None:
        """On a busy machine the last may wait longer for the mother than anybody waits for a lock."""
        while True:
            try:
                await hospital.services.ipd.birth(nurse, command(), mother.id, born)
            except HmsError as error:
                if "try again" not in error.detail:
                    raise
            else:
                return

    await asyncio.gather(*(one() for _ in range(12)))
    rows = await query("SELECT number FROM ipd_birth ORDER BY number")
    assert [row.number for row in rows] == list(range(1, 13))
    cots = await query("SELECT id FROM beds_bed WHERE kind = 'cot' AND status = 'occupied'")
    assert len(cots) == 12
