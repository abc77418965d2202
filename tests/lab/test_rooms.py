"""Rooms: what they show, and that an old snapshot with the changes since equals a fresh one."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.app import Hospital
from hms_rt.departments.ipd.events import StayMoved
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import AdmissionIn, BedChoice, DepartureIn, Timed, TransferIn
from hms_rt.departments.lab import views
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.schemas.ordering import Cancellation, LabTestOut, Rejection, SpecimenIn
from hms_rt.departments.lab.schemas.results import CorrectionIn, Disagreement, ReleaseIn
from hms_rt.departments.patients.schemas import PatientUpdate
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.storage.unit_of_work import UnitOfWork
from tests.conftest import PersonFactory, WardFactory, command
from tests.lab.conftest import NOW, Lab, Query

S = LabState
State = dict[str, Any]
STREAMS = ("worklist", "ward:ICU", "ward:MED", "clinic:GEN")


class Rooms:
    """Fresh snapshots, and the states that clients hold who only ever applied changes."""

    def __init__(self, hospital: Hospital, query: Query) -> None:
        self._lab = hospital.services.lab
        self._hospital = hospital
        self._query = query
        self.held: dict[str, tuple[int, State]] = {name: (0, {}) for name in STREAMS}

    async def fresh(self, name: str) -> State:
        """The room's state as the database says it."""
        kind, _, code = name.partition(":")
        read: Callable[[AsyncConnection, str], Awaitable[Any]] = {
            "worklist": self._lab.worklist_state,
            "ward": self._lab.ward_state,
            "clinic": self._lab.clinic_state,
        }[kind]
        async with self._hospital.units.reading() as connection:
            return dict(await read(connection, code))

    async def apply(self, name: str) -> State:
        """What a client holds after the changes since it looked last."""
        version, state = self.held[name]
        rows = await self._query(
            "SELECT version, ops FROM change_log WHERE stream = :s AND version > :v ORDER BY version",
            s=f"lab/{name}",
            v=version,
        )
        for row in rows:
            version += 1
            assert row.version == version
            for op in row.ops:
                if op["op"] == "put":
                    state[op["key"]] = op["value"]
                else:
                    state.pop(op["key"], None)
        self.held[name] = version, state
        return state

    async def agree(self) -> None:
        for name in STREAMS:
            assert await self.apply(name) == await self.fresh(name), name


@pytest.fixture
def rooms(hospital: Hospital, query: Query) -> Rooms:
    return Rooms(hospital, query)


def stay_moved(patient_id: uuid.UUID, from_ward: str | None, to_ward: str | None) -> StayMoved:
    left, taken = (uuid.uuid4() if ward is not None else None for ward in (from_ward, to_ward))
    who = (uuid.uuid4(), uuid.uuid4(), patient_id)
    return StayMoved(*who, from_ward, to_ward, left, taken, datetime.now(UTC))


async def move(hospital: Hospital, patient_id: uuid.UUID, from_ward: str | None, to_ward: str | None) -> None:
    async def work(uow: UnitOfWork) -> None:
        await hospital.services.patients.lock(uow, patient_id)
        uow.record(stay_moved(patient_id, from_ward, to_ward))

    await hospital.units.execute(SYSTEM, command(), type(None), work)


def states(state: State) -> list[str]:
    return sorted(value["state"] for value in state.values())


async def test_worklist_and_ward_show_the_way_of_a_test(lab: Lab, rooms: Rooms) -> None:
    order = await lab.order("LAC", "CRP")
    assert states(await rooms.fresh("worklist")) == states(await rooms.fresh("ward:ICU")) == ["ordered"] * 2
    released = await lab.until(S.RELEASED, order=order)
    assert states(await rooms.fresh("worklist")) == ["received"]
    shown = await rooms.fresh("ward:ICU")
    assert states(shown) == ["received", "released"]
    value = shown[views.key(released.id)]
    assert "1.2" not in str(value)
    assert (value["location"], value["flag"], value["mrn"]) == ("ward:ICU", "normal", order.mrn)
    await lab.services.lab.cancel_order(lab.doctor, command(), order.id, Cancellation(reason="not needed"))
    assert states(await rooms.fresh("ward:ICU")) == ["released"]
    await rooms.agree()


async def test_those_who_treat_see_no_flag_before_the_release_unless_it_is_critical(
    lab: Lab, rooms: Rooms
) -> None:
    for value, seen in (("2.4", None), ("4.4", "critical_high")):
        test = await lab.until(S.RESULTED, value)
        full = (await rooms.fresh("ward:ICU"))[views.key(test.id)]
        assert views.clinical(views.key(test.id), full)["flag"] == seen
        assert full["flag"] is not None
    released = await lab.until(S.RELEASED, "2.4")
    full = (await rooms.fresh("ward:ICU"))[views.key(released.id)]
    assert views.clinical("", full) == full


async def test_tests_follow_the_patient_and_who_treats_there_may_read(
    lab: Lab, rooms: Rooms, hospital: Hospital, ward: WardFactory, person: PersonFactory
) -> None:
    """By the real moves of an inpatient: from the clinic to a ward, to another, and home."""
    (icu,), (med,) = await ward("ICU", beds=1), await ward("MED", beds=1)
    ipd = hospital.services.ipd
    doctor = await person(Role.DOCTOR, clinic="GEN")
    order = await lab.order("LAC", "CRP", by=doctor, clinic="GEN")
    await lab.until(S.RELEASED, order=order)
    asked = await ipd.request(
        SYSTEM, command(), AdmissionIn(patient_id=order.patient_id, ward="ICU", reason="sepsis")
    )
    await ipd.accept(SYSTEM, command(), asked.id, Timed())
    await ipd.assign(SYSTEM, command(), asked.id, BedChoice(bed_id=icu.id))
    assert (await rooms.fresh("clinic:GEN"), states(await rooms.fresh("ward:ICU"))) == (
        {},
        ["received", "released"],
    )
    seen = await lab.services.lab.get_order(lab.nurse, command(), order.id)
    assert (seen.ward, seen.clinic) == ("ICU", None)
    await ipd.transfer(SYSTEM, command(), asked.id, TransferIn(bed_id=med.id))
    assert (await rooms.fresh("ward:ICU"), states(await rooms.fresh("ward:MED"))) == (
        {},
        ["received", "released"],
    )
    with pytest.raises(HmsError):
        await lab.services.lab.get_order(lab.nurse, command(), order.id)
    await ipd.depart(SYSTEM, command(), asked.id, DepartureIn(disposition=Disposition.LEFT))
    assert states(await rooms.fresh("ward:MED")) == ["received"]  # still awaited: somebody must see it
    await rooms.agree()


async def test_a_new_name_reaches_every_room(lab: Lab, rooms: Rooms) -> None:
    order = await lab.order()
    current = command(expected_version=1)
    update = PatientUpdate(family_name="Sklodowska")
    await lab.services.patients.update(SYSTEM, current, order.patient_id, update)
    for name in ("worklist", "ward:ICU"):
        (value,) = (await rooms.fresh(name)).values()
        assert value["patient_name"] == "Sklodowska"
    await rooms.agree()


async def test_a_ward_keeps_the_newest_released_results(
    lab: Lab, rooms: Rooms, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "BOARD_LIMIT", 2)
    tests = [await lab.until(S.RELEASED) for _ in range(3)]
    waiting = await lab.order()
    shown = {views.key(test.id) for test in (*tests[-2:], waiting.tests[0])}
    assert set(await rooms.fresh("ward:ICU")) == shown
    clock.advance(timedelta(seconds=1))
    right = CorrectionIn(value="1.3", reason="wrong tube")
    await lab.services.lab.correct(lab.anne, command(), tests[0].id, right)
    assert views.key(tests[0].id) in await rooms.fresh("ward:ICU")
    assert len(await rooms.fresh("ward:ICU")) == 3
    await rooms.agree()


class Walk:
    """Does something at random with some test or patient; what is refused changes nothing."""

    def __init__(self, lab: Lab, hospital: Hospital, patients: list[uuid.UUID], rng: random.Random) -> None:
        self._lab, self._hospital, self._rng = lab, hospital, rng
        self._wards: dict[uuid.UUID, str | None] = dict.fromkeys(patients)
        self._tests: list[LabTestOut] = []
        self.refused = 0

    async def step(self) -> None:
        patient = self._rng.choice(list(self._wards))
        try:
            if not self._tests or self._rng.random() < 0.15:
                await self._order(patient)
            elif self._rng.random() < 0.15:
                await self._move(patient)
            else:
                await self._handle(self._rng.choice(self._tests))
        except HmsError:
            self.refused += 1

    async def _order(self, patient: uuid.UUID) -> None:
        ward = self._wards[patient]
        place = {"ward": ward} if ward is not None else {"clinic": "GEN"}
        codes = self._rng.sample(["LAC", "CRP", "CULT"], self._rng.randint(1, 3))
        order = await self._lab.order(*codes, patient_id=patient, by=SYSTEM, **place)
        self._tests += order.tests

    async def _move(self, patient: uuid.UUID) -> None:
        if self._rng.random() < 0.2:
            read = await self._lab.services.patients.get(SYSTEM, command(), patient)
            update = PatientUpdate(family_name=f"Name {self._rng.random():.6f}")
            current = command(expected_version=read.version)
            await self._lab.services.patients.update(SYSTEM, current, patient, update)
            return
        to = self._rng.choice([None, "ICU", "MED"])
        if (self._wards[patient], to) != (None, None):
            await move(self._hospital, patient, self._wards[patient], to)
            self._wards[patient] = to

    async def _handle(self, test: LabTestOut) -> None:
        service, anne, otto, reason = self._lab.services.lab, self._lab.anne, self._lab.otto, "at random"
        now = await service.get_order(anne, command(), test.order_id)
        (one,) = (found for found in now.tests if found.id == test.id)
        specimen = one.specimen_id or uuid.uuid4()
        culture = one.test == "CULT"
        value = "sterile" if culture else self._rng.choice(["1", "3", "9"])
        taken = SpecimenIn(kind=one.specimen_kind)
        moves: dict[LabState, list[Callable[[], Awaitable[object]]]] = {
            S.ORDERED: [lambda: service.collect(anne, command(), one.order_id, taken)],
            S.COLLECTED: [lambda: service.receive(anne, command(), specimen, NOW)],
            S.RECEIVED: [
                lambda: service.start(anne, command(), one.id, NOW),
                lambda: self._lab.enter(one.id, value),
                lambda: service.reject(anne, command(), specimen, Rejection(reason=reason)),
            ],
            S.IN_PROGRESS: [lambda: self._lab.enter(one.id, value)],
            S.RESULTED: [
                lambda: service.verify(otto, command(), one.id, NOW),
                lambda: service.disagree(otto, command(), one.id, Disagreement(reason=reason)),
            ],
            S.VERIFIED: [lambda: service.release(otto, command(), one.id, ReleaseIn())],
            S.RELEASED: [
                lambda: service.correct(anne, command(), one.id, CorrectionIn(value=value, reason=reason))
            ],
        }
        forward = moves.get(one.state, [])
        if self._rng.random() < 0.1 or not forward:
            await service.cancel_test(SYSTEM, command(), one.id, Cancellation(reason=reason))
        else:
            await self._rng.choice(forward)()


async def test_an_old_snapshot_and_the_changes_since_are_a_fresh_one(
    lab: Lab, rooms: Rooms, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "BOARD_LIMIT", 3)
    patients = [await lab.patient(name) for name in ("Curie", "Noether", "Meitner")]
    walk = Walk(lab, hospital, patients, random.Random(1))
    for turn in range(200):
        await walk.step()
        if turn % 10 == 9:
            await rooms.agree()
    assert walk.refused < 100
    for name in STREAMS:
        assert rooms.held[name][0] > 10, name


async def test_the_same_holds_when_several_work_at_once(
    lab: Lab, rooms: Rooms, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "BOARD_LIMIT", 2)
    patients = [await lab.patient(name) for name in ("Curie", "Noether")]
    walk = Walk(lab, hospital, patients, random.Random(3))

    async def work() -> None:
        for _ in range(40):
            await walk.step()

    for _ in range(2):
        await asyncio.gather(*(work() for _ in range(4)))
        await rooms.agree()
