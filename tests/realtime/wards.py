"""What people may try in wards, for the property test over all departments."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from hms_rt.departments.beds.model import Isolation
from hms_rt.departments.beds.schemas import BedOut, CleaningIn, CleaningQuery, RoomIsolationIn
from hms_rt.departments.ipd.schemas import (
    BedChoice,
    BirthIn,
    HoldIn,
    NeedsIn,
    ReturnIn,
    SwapIn,
    Timed,
    TransferIn,
)
from hms_rt.departments.ipd.schemas.leaving import RoundIn, SummaryIn
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import command

WHY = "a test of the hospital"
WRONG = ReturnIn(reason=WHY)
ELSEWHERE = ReturnIn(reason=WHY, ward="MED", override_reason=WHY)


class Wards(Protocol):
    """What of the hospital is used here."""

    services: Services
    beds: list[BedOut]
    admissions: list[uuid.UUID]


def _one(several: Sequence[uuid.UUID], number: int) -> uuid.UUID:
    if not several:
        raise LookupError
    return several[number % len(several)]


def _bed(w: Wards, number: int) -> uuid.UUID:
    return w.beds[number % len(w.beds)].id


async def hold(w: Wards, a: int, b: int) -> None:
    await w.services.ipd.hold(SYSTEM, command(), _one(w.admissions, a), HoldIn(bed_id=_bed(w, b)))


async def take(w: Wards, a: int, b: int) -> None:
    ipd, admission = w.services.ipd, _one(w.admissions, a)
    if b % 3 == 0:
        await ipd.release_hold(SYSTEM, command(), admission, WRONG)
    elif b % 3 == 1:
        await ipd.transfer(SYSTEM, command(), admission, TransferIn(held=True))
    else:
        await ipd.assign(SYSTEM, command(), admission, BedChoice(held=True))


async def swap(w: Wards, a: int, b: int) -> None:
    reason = "a test of the hospital" if b % 2 else None
    other = SwapIn(with_admission=_one(w.admissions, b), override_reason=reason)
    await w.services.ipd.swap(SYSTEM, command(), _one(w.admissions, a), other)


async def need(w: Wards, a: int, b: int) -> None:
    kinds = (None, *Isolation)
    kind = kinds[b % len(kinds)]
    needs = NeedsIn(isolation=kind, organism="MRSA" if kind is not None and a % 2 else None)
    await w.services.ipd.change_needs(SYSTEM, command(), _one(w.admissions, a), needs)


async def keep_room(w: Wards, a: int, b: int) -> None:
    kinds = (None, *Isolation)
    kept = RoomIsolationIn(isolation=kinds[b % len(kinds)], override_reason=WHY if a % 3 else None)
    bed = w.beds[a % len(w.beds)]
    await w.services.beds.isolate_room(SYSTEM, command(), bed.ward, bed.room, kept)


async def born(w: Wards, a: int, b: int) -> None:
    mother = await w.services.ipd.admission(SYSTEM, command(), _one(w.admissions, a))
    child = BirthIn(born_at=mother.admitted_at or mother.requested_at)
    made = await w.services.ipd.birth(SYSTEM, command(), mother.id, child)
    w.admissions.append(made.admission.id)


async def correct_stay(w: Wards, a: int, b: int) -> None:
    ipd = w.services.ipd
    corrections = (ipd.cancel_admit, ipd.cancel_transfer, ipd.cancel_discharge)
    where = WRONG if b % 2 else ELSEWHERE
    await corrections[b % 3](SYSTEM, command(), _one(w.admissions, a), where)


async def room_in(w: Wards, a: int, b: int) -> None:
    ipd, admission = w.services.ipd, _one(w.admissions, a)
    if b % 2:
        await ipd.room_in(SYSTEM, command(), admission, Timed())
    else:
        alone = TransferIn(bed_id=_bed(w, b), override_reason=WHY, children_stay=WHY)
        await ipd.transfer(SYSTEM, command(), admission, alone)


async def write(w: Wards, a: int, b: int) -> None:
    ipd, admission = w.services.ipd, _one(w.admissions, a)
    if b % 2:
        await ipd.make_round(SYSTEM, command(), admission, RoundIn(text="no fever"))
    else:
        said = SummaryIn(diagnoses="sepsis", course="got well")
        await ipd.write_summary(SYSTEM, command(), admission, said)


async def clean(w: Wards, a: int, b: int) -> None:
    beds = w.services.beds
    if b % 4 == 0:
        await beds.request_cleaning(SYSTEM, command(), _bed(w, a), CleaningIn(note="a test"))
        return
    asked = (await beds.cleanings(SYSTEM, CleaningQuery(ward=("ICU", "MED")[a % 2]))).items
    moves = (beds.finish_cleaning, beds.claim_cleaning, beds.give_back_cleaning)
    await moves[b % 3](SYSTEM, command(), _one([one.id for one in asked], a))


ATTEMPTS: tuple[Callable[[Wards, int, int], Awaitable[None]], ...] = (
    hold,
    take,
    swap,
    need,
    keep_room,
    born,
    correct_stay,
    room_in,
    write,
    clean,
)
