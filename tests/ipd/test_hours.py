"""Occupancy by hour: finished once, corrected by late entries; and never two patients in a bed at a time."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.model.touched import Touched, joined, shared
from hms_rt.departments.ipd.schemas import BedChoice, CorrectionIn, DepartureIn, TransferIn
from hms_rt.departments.ipd.schemas.hours import HoursQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import WardFactory, command
from tests.ipd.conftest import Journeys, Query, refused
from tests.ipd.test_concurrency import breaks

HOUR = timedelta(hours=1)


async def hours(services: Services, since: datetime, until: datetime) -> list[tuple[Any, ...]]:
    found = await services.ipd.occupancy_by_hour(SYSTEM, HoursQuery(ward="ICU", since=since, until=until))
    return [
        (one.at_start, one.arrivals, one.departures, one.occupied_seconds, one.revision)
        for one in found.hours
    ]


async def test_hours_are_finished_once_by_two_servers_and_corrected_by_what_is_entered_late(
    hospital: Hospital,
    services: Services,
    settings: Settings,
    stores: Stores,
    ward: WardFactory,
    journeys: Journeys,
    clock: ManualClock,
    query: Query,
) -> None:
    first, second = await ward("ICU", beds=2)
    start = clock.now().replace(minute=0, second=0)
    clock.advance(HOUR)
    await query("UPDATE ipd_occupancy_mark SET finished_until = :at", at=start)
    ada = await journeys.admitted(first.id, at=start + 0.5 * HOUR)
    clock.advance(3 * HOUR)
    other = Hospital(settings, stores, clock=clock)
    services_of = [each.services.ipd for each in (hospital, other) for _ in range(25)]
    await asyncio.gather(*(ipd.finish_hours(SYSTEM, command()) for ipd in services_of))
    await other.close()
    until = start + 3 * HOUR
    assert await hours(services, start, until) == [(0, 1, 0, 1800, 0), (1, 0, 0, 3600, 0), (1, 0, 0, 3600, 0)]

    bea = await journeys.admitted(second.id, at=start + 1.25 * HOUR)  # late
    gone = DepartureIn(disposition=Disposition.LEFT, occurred_at=start + 2 * HOUR)
    await services.ipd.depart(SYSTEM, command(), bea.id, gone)
    await services.ipd.finish_hours(SYSTEM, command())
    assert await hours(services, start, until) == [(0, 1, 0, 1800, 0), (1, 1, 1, 6300, 1), (1, 0, 0, 3600, 0)]
    wrong = CorrectionIn(reason="wrong patient")
    await services.ipd.cancel_admit(SYSTEM, command(), ada.id, wrong)
    await services.ipd.finish_hours(SYSTEM, command())
    now = await hours(services, start, start + 5 * HOUR)
    assert now[:3] == [(0, 0, 0, 0, 1), (0, 1, 1, 2700, 2), (0, 0, 0, 0, 1)]
    assert len(now) == 5  # the running hour, too
    assert await query("SELECT 1 FROM ipd_occupancy_stale") == []


async def test_a_stay_that_is_told_months_late_is_looked_at_in_pieces_that_end(
    services: Services, ward: WardFactory, journeys: Journeys, clock: ManualClock, query: Query
) -> None:
    """One transaction for all of it would run into the limit of a statement, again and again."""
    (bed,) = await ward("ICU", beds=1)
    now = clock.now().replace(minute=0, second=0)
    came = now - 6_000 * HOUR
    ada = await journeys.admitted(bed.id, at=came)
    gone = DepartureIn(disposition=Disposition.LEFT, occurred_at=now - HOUR)
    await services.ipd.depart(SYSTEM, command(), ada.id, gone)
    await query("UPDATE ipd_occupancy_mark SET finished_until = :at", at=now)
    before = await query("SELECT count(*) AS n FROM audit_log")
    clock.advance(HOUR)
    await services.ipd.finish_hours(SYSTEM, command())
    assert await query("SELECT 1 FROM ipd_occupancy_stale") == []
    assert await query("SELECT count(*) AS n FROM audit_log") == before
    assert await hours(services, came - HOUR, came + HOUR) == [(0, 1, 0, 0, 0), (1, 0, 0, 3600, 0)]
    assert await hours(services, now - 2 * HOUR, now) == [(1, 0, 1, 3600, 0), (0, 0, 0, 0, 0)]
    (full,) = await query("SELECT count(*) AS n FROM ipd_occupancy_hour WHERE occupied_seconds = 3600")
    assert full.n == 5_999


def test_times_are_joined_and_shared_out_so_that_every_touched_hour_is_looked_at_once() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    noted = [
        Touched("B", start, start + HOUR),
        Touched("A", start + 2.5 * HOUR, datetime.max.replace(tzinfo=UTC)),
        Touched("A", start + 0.5 * HOUR, start + 1.5 * HOUR),
        Touched("A", start + HOUR, start + 1.25 * HOUR),
        Touched("A", start + 11 * HOUR, start + 12 * HOUR),
    ]
    finished = start + 10 * HOUR
    times = joined(noted, finished)
    assert times == [Touched("A", start, finished), Touched("B", start - HOUR, start + HOUR)]
    seen: Counter[tuple[str, datetime]] = Counter()
    while times:
        now, times = shared(times, 5)
        pieces = [
            (one.ward, one.since + n * HOUR) for one in now for n in range((one.until - one.since) // HOUR)
        ]
        assert 0 < len(pieces) <= 5
        seen.update(pieces)
    assert set(seen.values()) == {1}
    assert len(seen) == 12


async def test_stays_never_overlap_for_a_patient_or_a_bed_in_the_past_either(
    services: Services, ward: WardFactory, journeys: Journeys, clock: ManualClock, query: Query
) -> None:
    first, second = await ward("ICU", beds=2)
    came = clock.now() - 5 * HOUR
    ada = await journeys.admitted(first.id, at=came)
    moved = TransferIn(bed_id=second.id, occurred_at=came + 2 * HOUR)
    await services.ipd.transfer(SYSTEM, command(), ada.id, moved)
    await services.beds.change(SYSTEM, command(), first.id, BedChange(status=BedStatus.AVAILABLE))
    bea = await journeys.accepted()
    early = BedChoice(bed_id=first.id, occurred_at=came + HOUR)
    told = await refused(Code.CONFLICT, services.ipd.assign(SYSTEM, command(), bea.id, early))
    assert "another patient was in that bed at that time" in told.detail
    await services.ipd.assign(
        SYSTEM, command(), bea.id, BedChoice(bed_id=first.id, occurred_at=came + 2 * HOUR)
    )
    past = (
        "INSERT INTO ipd_stay (id, admission_id, patient_id, bed_id, bed_code, ward_code, started_at,"
        " ended_at, entered_in_error)"
        " SELECT gen_random_uuid(), id, patient_id, :bed, 'x', ward_code, :since, :until, false"
        " FROM ipd_admission WHERE id = :id"
    )
    span = {"since": came + HOUR, "until": came + 1.5 * HOUR}
    await breaks("ipd_stay_bed_excl", query, past, id=bea.id, bed=first.id, **span)
    await breaks("ipd_stay_patient_excl", query, past, id=ada.id, bed=second.id, **span)
    before = {"since": came - 2 * HOUR, "until": came - HOUR}
    await query(past, id=ada.id, bed=second.id, **before)
    await breaks("ipd_stay_patient_excl", query, past, id=ada.id, bed=first.id, **before)
