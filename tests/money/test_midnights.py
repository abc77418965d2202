"""Two processes at the same midnights, while wards tell late who moved, left or never came; one process is
killed: each day in bed is charged once, and taken back when its cause is, and only then."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.billing.projector.bed_days import LATE
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import (
    AdmissionIn,
    AdmissionOut,
    BedChoice,
    DepartureIn,
    Timed,
    TransferIn,
)
from hms_rt.departments.ipd.schemas.commands import CorrectionIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import WardFactory, command
from tests.money.midnights import SharedClock, looking
from tests.money.sums import broken
from tests.pharmacy.conftest import Query, query

__all__ = ["query"]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
EACH = 2
WHO = (
    "stays",
    "moves",
    "moved late",
    "left late",
    "never came",
    "left later",
    "moved later",
    "never came later",
)
"""What becomes of whom; so many of each."""
CHARGED = {
    "stays": ["ICU", "ICU"],
    "moves": ["ICU", "MED"],
    "moved late": ["MED", "MED"],
    "left late": ["ICU"],
    "left later": ["ICU"],
    "moved later": ["ICU", "MED"],
}
BEHIND = "SELECT 1 FROM billing_stay WHERE ward IS NOT NULL AND next_day < :today"
DAYS = """
    SELECT admission_id, cause, source AS ward, reverses IS NOT NULL AS back, reversed_by IS NULL AS stands
    FROM billing_charge WHERE kind = 'bed_day' ORDER BY cause, id
"""
FREE = "SELECT id FROM beds_bed WHERE ward_code = 'MED' ORDER BY code"
CAUGHT_UP_S = 60.0


class Night:
    """Patients of ICU, and what is told of them."""

    def __init__(self, hospital: Hospital, clock: SharedClock, free: list[Any]) -> None:
        self.ipd, self.hospital, self.clock = hospital.services.ipd, hospital, clock
        self.free = iter(free)
        self.people: dict[str, list[AdmissionOut]] = defaultdict(list)

    async def comes(self, who: str, bed: Any) -> None:
        patients = self.hospital.services.patients
        patient = await patients.register(SYSTEM, command(), PatientNew(family_name="Curie"))
        new = AdmissionIn(patient_id=patient.id, ward="ICU", reason="sepsis")
        asked = await self.ipd.request(SYSTEM, command(), new)
        await self.ipd.accept(SYSTEM, command(), asked.id, Timed())
        self.people[who].append(await self.ipd.assign(SYSTEM, command(), asked.id, BedChoice(bed_id=bed)))

    def move(self, who: str, at: datetime) -> list[Coroutine[Any, Any, Any]]:
        beds = [TransferIn(bed_id=next(self.free).id, occurred_at=at) for _ in self.people[who]]
        told = zip(self.people[who], beds, strict=True)
        return [self.ipd.transfer(SYSTEM, command(), one.id, bed) for one, bed in told]

    def leave(self, who: str, at: datetime) -> list[Coroutine[Any, Any, Any]]:
        gone = DepartureIn(disposition=Disposition.LEFT, occurred_at=at)
        return [self.ipd.depart(SYSTEM, command(), one.id, gone) for one in self.people[who]]

    def never(self, who: str) -> list[Coroutine[Any, Any, Any]]:
        why = CorrectionIn(reason="another patient")
        return [self.ipd.cancel_admit(SYSTEM, command(), one.id, why) for one in self.people[who]]


@pytest_asyncio.fixture
async def shared(tmp_path: Path, settings: Settings) -> SharedClock:
    """Noon in Vienna, today."""
    clock = SharedClock(tmp_path / "clock")
    clock.set(datetime.combine(clock.now().astimezone(settings.zone), time(12), settings.zone))
    return clock


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores, shared: SharedClock) -> AsyncIterator[Hospital]:
    """Not started: the processes look for timers, and it tells what happened."""
    made = Hospital(settings, stores, clock=shared)
    yield made
    await made.close()


async def test_two_processes_charge_each_day_in_bed_once_whatever_is_told_at_their_midnights(
    hospital: Hospital,
    shared: SharedClock,
    settings: Settings,
    stores: Stores,
    ward: WardFactory,
    tmp_path: Path,
    query: Query,
) -> None:
    beds = await ward("ICU", EACH * len(WHO))
    await ward("MED", EACH * 3)
    night = Night(hospital, shared, await query(FREE))
    for number, bed in enumerate(beds):
        await night.comes(WHO[number % len(WHO)], bed.id)
    noon = shared.now()
    midnight = noon + 12 * HOUR
    async with AsyncExitStack() as stack:
        started = [looking(stores, settings.facility_timezone, tmp_path / "clock") for _ in range(2)]
        one, _ = await asyncio.gather(*map(stack.enter_async_context, started))
        shared.set(midnight)
        await asyncio.gather(
            *night.move("moves", midnight),
            *night.move("moved late", noon + 6 * HOUR),
            *night.leave("left late", noon + 8 * HOUR),
            *night.never("never came"),
        )
        await _caught_up(query, shared, settings)
        shared.set(midnight + DAY)
        one.kill()
        await asyncio.gather(
            *night.leave("left later", noon + DAY - HOUR),
            *night.move("moved later", noon + DAY - HOUR),
            *night.never("never came later"),
        )
        await _caught_up(query, shared, settings)
    await _right(night, query)
    async with hospital.engine.connect() as connection:
        assert await broken(connection) == []


async def _caught_up(query: Query, clock: SharedClock, settings: Settings) -> None:
    """What is told late is charged a while later."""
    today = clock.now().astimezone(settings.zone).date()
    clock.set(clock.now() + LATE + timedelta(minutes=1))
    async with asyncio.timeout(CAUGHT_UP_S):
        while await query(BEHIND, today=today):
            await asyncio.sleep(0.05)


async def _right(night: Night, query: Query) -> None:
    found = defaultdict(list)
    rows = await query(DAYS)
    for row in rows:
        if row.stands and not row.back:
            found[row.admission_id].append(row.ward)
    for who, admissions in night.people.items():
        for admission in admissions:
            assert found[admission.id] == CHARGED.get(who, []), who
    back = Counter(row.cause for row in rows if row.back)
    charged = Counter(row.cause for row in rows if not row.back)
    standing = Counter(row.cause for row in rows if not row.back and row.stands)
    assert all(charged[cause] == back[cause] + standing[cause] and standing[cause] <= 1 for cause in charged)
    unmoved = {one.id for who in ("stays", "moves") for one in night.people[who]}
    assert not [row for row in rows if row.back and row.admission_id in unmoved], "reversed without a cause"
