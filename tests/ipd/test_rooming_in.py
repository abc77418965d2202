"""Mother and child: where she goes the child goes, unless somebody says why not."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio
from pydantic import ValidationError

from hms_rt.departments.beds.model import BedStatus, Isolation
from hms_rt.departments.beds.schemas import BedChange, BedOut
from hms_rt.departments.ipd.model import AdmissionState, ChildrenGo, Disposition, Move
from hms_rt.departments.ipd.schemas import (
    AdmissionOut,
    BedChoice,
    BirthIn,
    CorrectionIn,
    DepartureIn,
    DischargeOrderIn,
    HoldIn,
    NeedsIn,
    ReturnIn,
    SwapIn,
    Timed,
    TransferIn,
)
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command
from tests.ipd.conftest import Journeys, Query, refused
from tests.ipd.test_concurrency import breaks, consistent

MISTAKE = ReturnIn(reason="wrong patient")
S = AdmissionState


@dataclass
class Maternity:
    """A mother in MAT and her child in a cot beside her; a clock that moves with every step."""

    services: Services
    clock: ManualClock
    rooms: list[BedOut]  # one bed to a room: MAT, then SUR
    mother: uuid.UUID
    child: uuid.UUID

    def later(self, minutes: int = 10) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    async def admission(self, one: uuid.UUID) -> AdmissionOut:
        return await self.services.ipd.admission(SYSTEM, command(), one)

    async def cot(self) -> BedOut:
        """Where the child lies."""
        child = await self.admission(self.child)
        (now,) = [stay for stay in child.stays if stay.ended_at is None]
        return await self.services.beds.bed(SYSTEM, command(), now.bed_id)

    async def made_available(self, bed: uuid.UUID) -> None:
        await self.services.beds.change(SYSTEM, command(), bed, BedChange(status=BedStatus.AVAILABLE))

    async def moves(self, one: uuid.UUID) -> list[Move]:
        history = await self.services.ipd.history(SYSTEM, command(), one)
        return [event.move for event in history.events]


@pytest_asyncio.fixture
async def mat(services: Services, ward: WardFactory, journeys: Journeys, clock: ManualClock) -> Maternity:
    first, _, second = await ward("MAT", beds=3)  # the third is in another room
    (third,) = await ward("SUR", beds=1)
    mother = await journeys.admitted(first.id, "MAT", at=clock.now() - timedelta(hours=3))
    born = await services.ipd.birth(SYSTEM, command(), mother.id, BirthIn(born_at=clock.now()))
    made = Maternity(services, clock, [first, second, third], mother.id, born.admission.id)
    made.later()
    return made


async def test_a_child_goes_where_its_mother_goes_as_one_change_of_the_boards(
    mat: Maternity, person: PersonFactory, query: Query
) -> None:
    nurse = await person(Role.NURSE, ward="MAT")
    left = await mat.cot()
    assert (left.beside, left.kind) == ("01", "cot")
    await mat.services.ipd.hold(nurse, command(), mat.mother, HoldIn(bed_id=mat.rooms[2].id))
    moved = await mat.services.ipd.transfer(nurse, command(), mat.mother, TransferIn(held=True))
    cot = await mat.cot()
    assert (cot.ward, cot.room, cot.beside) == ("SUR", mat.rooms[2].room, mat.rooms[2].code)
    assert cot.status is BedStatus.OCCUPIED
    assert (await mat.services.beds.bed(SYSTEM, command(), left.id)).status is BedStatus.CLEANING
    child = await mat.admission(mat.child)
    assert (child.ward, child.stays[-1].started_at) == ("SUR", moved.stays[-1].started_at)
    assert await mat.moves(mat.child) == [Move.BIRTH, Move.TRANSFER]
    rows = await query(
        "SELECT xid, ops FROM change_log WHERE stream = 'beds/ward:SUR' ORDER BY version DESC LIMIT 1"
    )
    shown = {
        op["key"]: op.get("value", {}).get("beside") for op in rows[0].ops if op["key"].startswith("bed:")
    }
    assert shown == {f"bed:{mat.rooms[2].id}": None, f"bed:{cot.id}": mat.rooms[2].code}
    assert await consistent(query) == 2
    again = await mat.services.ipd.cancel_transfer(
        nurse, command(), mat.mother, ReturnIn(reason="mistake", ward="MAT")
    )
    back = await mat.cot()
    assert (again.ward, back.ward, back.beside) == ("MAT", "MAT", "02"), (
        "its mother went to the free bed there"
    )
    (now,) = [stay for stay in (await mat.admission(mat.child)).stays if stay.ended_at is None]
    assert now.started_at == child.stays[-1].started_at


async def test_a_child_stays_for_a_reason_and_comes_back_to_its_mother(
    mat: Maternity, person: PersonFactory, query: Query
) -> None:
    ipd, cot = mat.services.ipd, await mat.cot()
    nurse, stranger = await person(Role.NURSE, ward="SUR"), await person(Role.NURSE, ward="ICU")
    beside = await refused(Code.CONFLICT, ipd.room_in(nurse, command(), mat.child, Timed()))
    assert "already" in beside.detail
    alone = TransferIn(bed_id=mat.rooms[2].id, children_stay="operation")
    await ipd.transfer(nurse, command(), mat.mother, alone)
    apart = await mat.cot()
    assert (apart.id, apart.beside) == (cot.id, None)
    assert await mat.moves(mat.child) == [Move.BIRTH, Move.SEPARATE]
    mat.later()
    await refused(Code.FORBIDDEN, ipd.room_in(stranger, command(), mat.child, Timed()))
    not_born = await refused(Code.CONFLICT, ipd.room_in(nurse, command(), mat.mother, Timed()))
    assert "not born here" in not_born.detail
    version = (await mat.admission(mat.child)).version
    joined = await ipd.room_in(nurse, command(expected_version=version), mat.child, Timed())
    assert (joined.ward, (await mat.cot()).beside) == ("SUR", mat.rooms[2].code)
    mat.later()
    await mat.made_available(mat.rooms[0].id)
    await ipd.transfer(
        SYSTEM, command(), mat.mother, TransferIn(bed_id=mat.rooms[0].id, children_stay="phototherapy")
    )
    mat.later()
    await mat.made_available(mat.rooms[2].id)
    await ipd.transfer(SYSTEM, command(), mat.mother, TransferIn(bed_id=mat.rooms[2].id))
    assert (await mat.cot()).beside == mat.rooms[2].code, "she came back into the room where it lies"
    assert await mat.moves(mat.child) == [
        Move.BIRTH,
        Move.SEPARATE,
        Move.ROOM_IN,
        Move.SEPARATE,
        Move.ROOM_IN,
    ]
    await consistent(query)


async def test_two_mothers_exchange_rooms_and_each_child_follows(
    mat: Maternity, journeys: Journeys, query: Query
) -> None:
    ipd = mat.services.ipd
    other = await journeys.admitted(mat.rooms[1].id, "MAT")
    second = await ipd.birth(SYSTEM, command(), other.id, BirthIn(born_at=mat.clock.now()))
    mat.later()
    with_child = SwapIn(with_admission=second.admission.id)
    await refused(Code.CONFLICT, ipd.swap(SYSTEM, command(), mat.mother, with_child))
    await ipd.swap(SYSTEM, command(), mat.mother, SwapIn(with_admission=other.id))
    assert (await mat.cot()).beside == mat.rooms[1].code
    theirs = await mat.admission(second.admission.id)
    cot = await mat.services.beds.bed(SYSTEM, command(), theirs.stays[-1].bed_id)
    assert (cot.beside, cot.room) == ("01", mat.rooms[0].room)
    mat.later()
    apart = SwapIn(with_admission=other.id, children_stay="both asleep")
    await ipd.swap(SYSTEM, command(), mat.mother, apart)
    assert [(await mat.cot()).beside, (await mat.moves(mat.child))[-1]] == [None, Move.SEPARATE]
    await consistent(query)


async def test_a_departure_tells_what_happens_to_the_child(
    mat: Maternity, person: PersonFactory, query: Query
) -> None:
    ipd, cot = mat.services.ipd, await mat.cot()
    doctor, nurse = await person(Role.DOCTOR, ward="MAT"), await person(Role.NURSE, ward="MAT")
    await ipd.order_discharge(doctor, command(), mat.mother, DischargeOrderIn())
    home = DepartureIn(disposition=Disposition.HOME)
    told = await refused(Code.CONFLICT, ipd.depart(nurse, command(), mat.mother, home))
    assert told.fields == {"admissions": [str(mat.child)], "legal": ["leave", "stay"]}
    both = DepartureIn(disposition=Disposition.HOME, children=ChildrenGo.LEAVE)
    unordered = await refused(Code.CONFLICT, ipd.depart(nurse, command(), mat.mother, both))
    assert unordered.detail.startswith("the child who rooms in: no discharge is ordered")
    await ipd.order_discharge(doctor, command(), mat.child, DischargeOrderIn())
    mat.later()
    gone = await ipd.depart(nurse, command(), mat.mother, both)
    child = await mat.admission(mat.child)
    assert (child.state, child.discharged_at) == (S.DISCHARGED, gone.discharged_at)
    await mat.made_available(mat.rooms[0].id)
    mat.later()
    back = await ipd.cancel_discharge(nurse, command(), mat.mother, MISTAKE)
    assert back.state is S.DISCHARGE_ORDERED
    assert ((await mat.cot()).beside, (await mat.cot()).leaving_since is not None) == ("01", True)
    assert (await mat.cot()).id != cot.id, "that one waits to be cleaned"
    mat.later()
    alone = DepartureIn(disposition=Disposition.HOME, children=ChildrenGo.STAY, children_reason="jaundice")
    await ipd.depart(nurse, command(), mat.mother, alone)
    assert ((await mat.admission(mat.child)).state, (await mat.cot()).beside) == (S.DISCHARGE_ORDERED, None)
    await mat.made_available(mat.rooms[0].id)
    await ipd.cancel_discharge(nurse, command(), mat.mother, MISTAKE)
    assert (await mat.cot()).beside == "01"
    await ipd.depart(nurse, command(), mat.mother, DepartureIn(disposition=Disposition.DIED))
    assert await mat.moves(mat.child) == [
        *(Move.BIRTH, Move.ORDER_DISCHARGE, Move.DEPART, Move.CANCEL_DISCHARGE),
        *(Move.SEPARATE, Move.ROOM_IN, Move.SEPARATE),
    ]
    assert (await ipd.history(SYSTEM, command(), mat.child)).events[-1].reason == "the mother died"
    await consistent(query)


def test_what_a_departure_says_of_children_is_whole() -> None:
    for wrong in (
        {"disposition": "died", "children": "leave"},
        {"disposition": "home", "children": "stay"},
        {"disposition": "home", "children_reason": "why"},
    ):
        with pytest.raises(ValidationError):
            DepartureIn.model_validate(wrong)


async def test_mistakes_take_the_child_back_to_its_cot_and_are_refused_where_it_would_be_lost(
    mat: Maternity, journeys: Journeys, query: Query
) -> None:
    ipd, cot = mat.services.ipd, await mat.cot()
    never = CorrectionIn(reason="wrong patient")
    assert (
        "children room in"
        in (await refused(Code.CONFLICT, ipd.cancel_admit(SYSTEM, command(), mat.mother, never))).detail
    )
    await ipd.transfer(SYSTEM, command(), mat.mother, TransferIn(bed_id=mat.rooms[2].id))
    mat.later()
    for bed in (cot.id, mat.rooms[0].id):
        await mat.made_available(bed)
    await ipd.cancel_transfer(SYSTEM, command(), mat.mother, MISTAKE)
    assert ((await mat.cot()).id, (await mat.cot()).beside) == (cot.id, "01")
    # the child alone goes to a unit of its own, and comes back where its mother is not any more
    mat.later()
    unit = await mat.services.beds.bed(SYSTEM, command(), mat.rooms[1].id)
    await ipd.transfer(SYSTEM, command(), mat.child, TransferIn(bed_id=unit.id))
    assert (await mat.cot()).beside is None
    await mat.made_available(mat.rooms[2].id)
    await ipd.transfer(SYSTEM, command(), mat.mother, TransferIn(bed_id=mat.rooms[2].id))
    await mat.made_available(cot.id)
    await ipd.cancel_transfer(SYSTEM, command(), mat.child, MISTAKE)
    assert ((await mat.cot()).id, (await mat.cot()).beside) == (cot.id, None)
    await consistent(query)


async def test_a_mothers_isolation_counts_for_the_child_beside_her(
    mat: Maternity, journeys: Journeys
) -> None:
    ipd = mat.services.ipd
    contact = NeedsIn(isolation=Isolation.CONTACT)
    await ipd.change_needs(SYSTEM, command(), mat.mother, contact)
    waiting = await journeys.accepted("MAT")
    free = await mat.services.beds.free(SYSTEM)
    assert {row.ward: row.suitable for row in free.wards} == {"MAT": 1, "SUR": 1}
    await ipd.change_needs(SYSTEM, command(), waiting.id, contact)
    here = await ipd.assign(SYSTEM, command(), waiting.id, BedChoice(ward="MAT"))
    assert here.stays[0].bed == "02", "one isolation, one room"
    left = await mat.cot()
    await ipd.transfer(SYSTEM, command(), mat.mother, TransferIn(bed_id=mat.rooms[2].id))
    assert (await mat.services.beds.bed(SYSTEM, command(), left.id)).status is BedStatus.CONTAMINATED


AWAY = """
    WITH s AS (UPDATE ipd_stay SET bed_id = :bed, ward_code = 'SUR'
               WHERE admission_id = :mother AND ended_at IS NULL),
         a AS (UPDATE ipd_admission SET ward_code = 'SUR' WHERE id = :mother),
         b AS (UPDATE beds_bed SET status = CASE id WHEN :bed THEN 'occupied' ELSE 'available' END
               WHERE id IN (:bed, :left))
    UPDATE beds_occupant SET bed_id = :bed WHERE bed_id = :left
"""


async def test_the_database_keeps_mother_and_child_in_one_room(
    mat: Maternity, query: Query, journeys: Journeys
) -> None:
    cot, (hers, _, away) = await mat.cot(), mat.rooms
    other = await journeys.admitted(mat.rooms[1].id, "MAT")
    await breaks("ipd_stay_beside_check", query, AWAY, bed=away.id, left=hers.id, mother=mat.mother)
    for rule, statement in (
        ("ipd_stay_beside_check", "UPDATE beds_occupant SET beside = NULL WHERE bed_id = :cot"),
        ("ipd_stay_beside_check", "UPDATE beds_occupant SET beside = :other WHERE bed_id = :cot"),
        ("ipd_stay_beside_check", "UPDATE ipd_stay SET apart_reason = 'x' WHERE bed_id = :cot"),
        ("ipd_stay_apart_check", "UPDATE ipd_stay SET beside = NULL, apart_reason = 'x' WHERE bed_id = :cot"),
        ("ipd_stay_mother_check", "UPDATE ipd_stay SET beside = :admission WHERE bed_id = :cot"),
        ("beds_occupant_beside_check", "UPDATE beds_occupant SET beside = :cot WHERE bed_id = :other"),
        ("ipd_stay_beside_other_check", "UPDATE ipd_stay SET beside = admission_id WHERE bed_id = :cot"),
    ):
        named = {"cot": cot.id, "other": mat.rooms[1].id, "admission": other.id}
        await breaks(rule, query, statement, **{k: v for k, v in named.items() if f":{k}" in statement})
