"""The clinic's room: an old snapshot with the changes since equals a fresh one, and who sees what of it."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from channels import opd as channel
from hms_rt.app import Hospital
from hms_rt.departments.opd import views
from hms_rt.departments.opd.model.token import Priority, TokenState
from hms_rt.departments.opd.schemas.queue import CallIn, CancelIn, DayEndIn, Late, NextIn, TokenIn, TransferIn
from hms_rt.departments.patients.schemas import PatientUpdate
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import HmsError
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.opd.conftest import NOW, Opd, Query

S = TokenState
State = dict[str, Any]
CLINICS = {"GEN": ("G1", "G2"), "EYE": ("E1",)}


class Rooms:
    """Fresh snapshots, and the states that clients hold who only ever applied changes."""

    def __init__(self, hospital: Hospital, query: Query) -> None:
        self._hospital = hospital
        self._query = query
        self._held: dict[str, tuple[int, State]] = {clinic: (0, {}) for clinic in CLINICS}
        self.causes: Counter[str] = Counter()

    async def fresh(self, clinic: str) -> State:
        """The room's state as the database says it."""
        async with self._hospital.units.reading() as connection:
            found = await self._hospital.services.opd.clinic_state(connection, clinic)
        assert found is not None
        return dict(found)

    async def applied(self, clinic: str) -> State:
        """What a client holds after the changes since it looked last."""
        version, state = self._held[clinic]
        rows = await self._query(
            "SELECT version, ops FROM change_log WHERE stream = :s AND version > :v ORDER BY version",
            s=views.clinic_stream(clinic),
            v=version,
        )
        for row in rows:
            version += 1
            assert row.version == version
            for op in row.ops:
                self.causes[op["cause"]] += 1
                if op["op"] == "put":
                    state[op["key"]] = op["value"]
                else:
                    del state[op["key"]]
        self._held[clinic] = version, state
        return state

    async def agree(self) -> None:
        for clinic in CLINICS:
            assert await self.applied(clinic) == await self.fresh(clinic), clinic


@pytest.fixture
def rooms(hospital: Hospital, query: Query) -> Rooms:
    return Rooms(hospital, query)


async def test_a_room_shows_clinic_counters_sums_and_unfinished_tokens(opd: Opd, rooms: Rooms) -> None:
    patient = await opd.patient()
    done = await opd.until(S.DONE, patient_id=patient)
    called = await opd.until(S.CALLED, category="B", priority=Priority.URGENT, patient_id=patient)
    state = await rooms.fresh("GEN")
    assert set(state) == {"clinic", "line", "summary", "counter:G1", "counter:G2", views.token_key(called.id)}
    assert views.token_key(done.id) not in state
    clinic = {"code": "GEN", "name": "General", "day": "2026-03-02"}
    assert (state["clinic"], state["line"]) == ({**clinic, "announcements": []}, {"in_row": 0, "at_most": 2})
    assert state["counter:G1"] == {"code": "G1", "name": "Room G1", "open": True}
    assert state[views.token_key(called.id)] == {
        "id": str(called.id),
        "number": 2,
        "label": "B-002",
        "order": "1 2026-03-02T08:00:00.000Z 000002",
        "state": "called",
        "priority": "urgent",
        "category": "B",
        "counter": "G1",
        "origin": "GEN",
        "day": "2026-03-02",
        "issued_at": "2026-03-02T08:00:00.000Z",
        "queued_at": "2026-03-02T08:00:00.000Z",
        "called_at": "2026-03-02T08:00:00.000Z",
        "due_at": None,
        "serving_at": None,
        "patient_id": str(patient),
        "patient_name": "Curie",
        "mrn": called.mrn,
        "doctor_id": None,
        "restricted": False,
        "version": 2,
    }
    summary = state["summary"]
    assert (summary["called"], summary["done"], summary["last_number"], summary["active_counters"]) == (
        1,
        1,
        2,
        2,
    )
    await rooms.agree()


async def test_there_is_no_room_of_a_clinic_that_does_not_exist(hospital: Hospital, opd: Opd) -> None:
    async with hospital.units.reading() as connection:
        assert await opd.service.clinic_state(connection, "NONE") is None


async def test_a_transfer_leaves_one_board_and_joins_the_other(opd: Opd, rooms: Rooms) -> None:
    token = await opd.until(S.SERVING)
    onward = await opd.service.transfer(SYSTEM, command(), token.id, TransferIn(clinic="EYE"))
    assert views.token_key(token.id) not in await rooms.fresh("GEN")
    shown = (await rooms.fresh("EYE"))[views.token_key(onward.id)]
    assert (shown["label"], shown["origin"], shown["state"]) == ("A-001", "GEN", "waiting")
    await rooms.agree()


async def test_a_new_name_reaches_every_queue_where_the_patient_waits(opd: Opd, rooms: Rooms) -> None:
    patient = await opd.patient()
    done = await opd.until(S.DONE, patient_id=patient)
    tokens = {"GEN": await opd.issue(patient_id=patient), "EYE": await opd.issue("EYE", patient_id=patient)}
    other = await opd.issue(patient_id=await opd.patient("Noether"))
    await rooms.agree()
    update = PatientUpdate(family_name="Sklodowska")
    await opd.services.patients.update(SYSTEM, command(expected_version=1), patient, update)
    for clinic, token in tokens.items():
        assert (await rooms.fresh(clinic))[views.token_key(token.id)]["patient_name"] == "Sklodowska"
    assert (await rooms.fresh("GEN"))[views.token_key(other.id)]["patient_name"] == "Noether"
    await rooms.agree()
    assert rooms.causes["renamed"] == 2
    finished = await opd.service.token(SYSTEM, command(), done.id)
    assert finished.patient_name == "Sklodowska"


async def test_a_display_never_shows_who_it_is(opd: Opd, rooms: Rooms) -> None:
    patient = await opd.patient("Sklodowska")
    await opd.until(S.CALLED, patient_id=patient, priority=Priority.EMERGENCY)
    waiting = await opd.issue(patient_id=patient)
    state = await rooms.fresh("GEN")
    kind, *_ = channel.rooms(opd.services)
    shown = {key: dict(kind.views[Audience.DISPLAY](key, value) or {}) for key, value in state.items()}
    assert {"label", "order", "state", "counter", "called_at", "due_at"} == views.DISPLAY_FIELDS
    for secret in ("Sklodowska", str(patient), waiting.mrn, "emergency", "patient"):
        assert str(secret) not in str(shown), secret
    assert set(shown[views.token_key(waiting.id)]) == {
        "label",
        "order",
        "state",
        "counter",
        "called_at",
        "due_at",
    }
    assert (shown["summary"], shown["clinic"]) == (state["summary"], state["clinic"])
    key = views.token_key(waiting.id)
    staff = dict(kind.views[Audience.STAFF](key, state[key]) or {})
    assert (staff["patient_name"], staff["mrn"]) == ("Sklodowska", waiting.mrn)


class Walk:
    """Does something at random in a clinic; what is refused changes nothing."""

    def __init__(self, opd: Opd, query: Query, patients: list[uuid.UUID], rng: random.Random) -> None:
        self._opd, self._query, self._patients, self._rng = opd, query, patients, rng
        self.committed = 0

    async def step(self) -> None:
        ways: list[tuple[int, Callable[[], Awaitable[object]]]] = [
            (6, self._issue),
            (5, self._call_next),
            (16, self._move),
            (2, self._counter),
            (2, self._rename),
        ]
        (way,) = self._rng.choices([way for _, way in ways], [weight for weight, _ in ways])
        try:
            await way()
        except HmsError:
            return
        self.committed += 1

    def _clinic(self) -> tuple[str, str]:
        clinic = self._rng.choice(list(CLINICS))
        return clinic, self._rng.choice(CLINICS[clinic])

    async def _issue(self) -> None:
        patient = self._rng.choice([None, *self._patients])
        wanted = TokenIn(patient_id=patient, priority=self._rng.choice(list(Priority)))
        await self._opd.service.issue(SYSTEM, command(), self._clinic()[0], wanted)

    async def _call_next(self) -> None:
        clinic, counter = self._clinic()
        await self._opd.service.call_next(SYSTEM, command(), clinic, NextIn(counter=counter))

    async def _move(self) -> None:
        rows = await self._query(
            "SELECT id, clinic_code AS clinic, state FROM opd_token WHERE finished_at IS NULL ORDER BY id"
        )
        if not rows:
            await self._issue()
            return
        row = self._rng.choice(rows)
        service, token_id = self._opd.service, row.id
        counter = self._rng.choice(CLINICS[row.clinic])
        reason = CancelIn(reason="at random")
        other = TransferIn(clinic="EYE" if row.clinic == "GEN" else "GEN")

        def plain(method: Callable[..., Awaitable[object]], body: Late = NOW) -> Awaitable[object]:
            return method(SYSTEM, command(), token_id, body)

        moves: dict[str, list[Callable[[], Awaitable[object]]]] = {
            S.WAITING: [
                lambda: service.call(SYSTEM, command(), token_id, CallIn(counter=counter)),
                lambda: plain(service.hold),
                lambda: plain(service.cancel, reason),
            ],
            S.CALLED: [
                lambda: plain(service.serve),
                lambda: plain(service.recall),
                lambda: plain(service.no_show),
                lambda: plain(service.hold),
            ],
            S.SERVING: [
                lambda: plain(service.done),
                lambda: plain(service.done),
                lambda: plain(service.requeue),
                lambda: plain(service.transfer, other),
            ],
            S.ON_HOLD: [lambda: plain(service.resume), lambda: plain(service.cancel, reason)],
            S.NO_SHOW: [lambda: plain(service.requeue)],
        }
        await self._rng.choice(moves[row.state])()

    async def _counter(self) -> None:
        service, (_, counter) = self._opd.service, self._clinic()
        # Opened twice as often as closed, so that there is somewhere to be called to.
        change = self._rng.choice([service.open_counter, service.open_counter, service.close_counter])
        await change(SYSTEM, command(), counter)

    async def _rename(self) -> None:
        patients, patient = self._opd.services.patients, self._rng.choice(self._patients)
        read = await patients.get(SYSTEM, command(), patient)
        update = PatientUpdate(family_name=f"Name {self._rng.random():.6f}")
        await patients.update(SYSTEM, command(expected_version=read.version), patient, update)


async def test_an_old_snapshot_and_the_changes_since_are_a_fresh_one(
    opd: Opd, rooms: Rooms, query: Query, clock: ManualClock
) -> None:
    """One thing after another, through two midnights."""
    patients = [await opd.patient(name) for name in ("Curie", "Noether", "Hopper")]
    walk = Walk(opd, query, patients, random.Random(7))
    for number in range(220):
        clock.advance(timedelta(seconds=walk_seconds(number)))
        await walk.step()
        if number in (80, 160):
            clock.advance(timedelta(days=1))
            await opd.service.close_past_days(SYSTEM, command())
        if number % 5 == 0:
            await rooms.agree()
    await opd.service.day_end(SYSTEM, command(), "GEN", DayEndIn(reason="closing time"))
    await rooms.agree()
    assert walk.committed >= 150
    assert {"issued", "called", "serving", "done", "transferred", "renamed", "no_show"} <= set(rooms.causes)


def walk_seconds(number: int) -> int:
    """Uneven steps of time, so that no two services take equally long."""
    return 20 + number * 37 % 90


async def test_it_holds_when_everything_happens_at_once(opd: Opd, rooms: Rooms, query: Query) -> None:
    patients = [await opd.patient(name) for name in ("Curie", "Noether")]
    walk = Walk(opd, query, patients, random.Random(11))

    async def work() -> None:
        for _ in range(15):
            await walk.step()

    for _ in range(2):
        await asyncio.gather(*(work() for _ in range(4)))
        await rooms.agree()
    assert walk.committed >= 50
