"""PostgreSQL away: patient data stops, screens say stale, nobody hangs, and all comes back by itself."""

import asyncio
import dataclasses
import tempfile
import uuid
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from hms_rt import app
from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.identity.schemas import AssignmentIn, DeviceNew
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Role
from hms_rt.realtime import blackout, pulse, subscriptions
from hms_rt.storage import change_log, postgres
from tests.conftest import ClientFactory, WardFactory, command
from tests.listening import HospitalServer
from tests.realtime.board import Board
from tests.realtime.conftest import BoardFactory, Client, RawFactory, address, cookie_of, fresh, turn
from tests.realtime.line import Line
from tests.realtime.raw import Json, until
from tests.realtime.test_handshake import handshake

ROOM = "ward:ICU"
SOON_S = 20.0
PATIENCE_S = 60.0


@dataclass
class Distant:
    """One more process, whose way to PostgreSQL the test holds or cuts."""

    hospital: Hospital
    server: TestServer
    line: Line

    async def lose(self, how: str) -> None:
        if how == "held":
            self.line.hold()
        else:
            await self.line.cut()


@pytest_asyncio.fixture
async def distant(
    hospital: Hospital, settings: Settings, stores: Stores, clock: ManualClock
) -> AsyncIterator[Distant]:
    with tempfile.TemporaryDirectory(prefix="hms-line-") as folder:
        line = Line(stores.postgres_uri, Path(folder))
        await line.mend()
        made = Hospital(settings, dataclasses.replace(stores, postgres_uri=line.uri), clock=clock)
        await made.start()
        listening = HospitalServer(made)
        await listening.start_server()
        yield Distant(made, listening, line)
        await line.mend()
        await made.realtime.drain()
        await listening.close()
        await made.stop()
        await line.cut()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything in seconds that takes half a minute in a hospital."""
    monkeypatch.setattr(blackout, "BLIND_S", 2.0)
    monkeypatch.setattr(subscriptions, "SURE_S", 1.0)
    monkeypatch.setattr(change_log, "READ_S", 0.3)
    monkeypatch.setattr(postgres, "ANSWER_S", 2.0)
    monkeypatch.setattr(postgres, "CONNECT_S", 1.0)
    for place in (pulse, app):
        monkeypatch.setattr(place, "FRESH_S", 1.0)
    monkeypatch.setattr(pulse, "TICK_S", 0.01)


async def screen_of(hospital: Hospital, client: Client) -> Client:
    """``client``, enrolled as the ward's screen."""
    new = DeviceNew(name="Door", rooms=[f"/beds {ROOM}"])
    link = await hospital.services.identity.create_device(SYSTEM, command(), new)
    assert (await client.get(link.path, allow_redirects=False)).status == 303
    return client


async def asked(board: Board) -> Json | None:
    """Ask for the room again; why it was refused."""
    board.refused = None
    await board.subscribe()
    return board.refused


async def back(board: Board) -> None:
    """Ask again, as the pages do, until the server knows what is current."""
    async with asyncio.timeout(SOON_S):
        while True:
            refusal = await asked(board)
            if refusal is None:
                return
            assert refusal["code"] == "unavailable"
            await asyncio.sleep(0.1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["held", "cut"])
async def test_without_postgresql_patient_data_stops_and_comes_back(
    how: str,
    hospital: Hospital,
    distant: Distant,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    clinical = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM, to=distant.server)
    staff = await board_of(await client_as(Role.RECEPTION), ROOM, to=distant.server)
    display = await board_of(await screen_of(hospital, await client_as()), ROOM, to=distant.server)
    assert [clinical.audience, staff.audience, display.audience] == ["clinical", "staff", "display"]

    await distant.lose(how)
    await until(lambda: None not in (clinical.revoked, staff.revoked), SOON_S)
    assert [clinical.revoked, staff.revoked, display.revoked] == ["unavailable", "unavailable", None]
    heard = [len(one.changes) for one in (clinical, staff)]
    beats = len(display.raw.events("heartbeat"))
    await turn(hospital, bed)  # elsewhere; it arrives here by Redis
    await display.reach(display.version + 1, SOON_S)
    refusal = await asked(clinical)
    assert refusal is not None
    assert refusal["code"] == "unavailable"
    assert refusal["retry_after_ms"] > 0
    assert [len(one.changes) for one in (clinical, staff)] == heard
    assert len(display.raw.events("heartbeat")) == beats

    await distant.line.mend()
    for board in (clinical, staff):
        await back(board)
        assert board.state == await fresh(hospital, "/beds", ROOM, board.audience)
    await until(lambda: len(display.raw.events("heartbeat")) > beats, SOON_S)
    await turn(hospital, bed)
    for board in (clinical, staff, display):
        await board.settle(await fresh(hospital, "/beds", ROOM, board.audience))
        assert not board.broken


@pytest.mark.usefixtures("impatient")
async def test_a_passing_failure_takes_no_room(
    hospital: Hospital,
    distant: Distant,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody's rights change (another ward is given) while the database stumbles: this ward stays."""
    monkeypatch.setattr(blackout, "BLIND_S", 60.0)
    (bed,) = await ward("ICU", beds=1)
    await ward("MED", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    board = await board_of(nurse, ROOM, to=distant.server)
    me = await (await nurse.get("/api/v1/auth/me")).json()
    await distant.line.cut()
    more = AssignmentIn(kind=AssignmentKind.WARD, place="MED")
    await hospital.services.identity.assign(SYSTEM, command(), me["id"], more)
    await turn(hospital, bed)
    await board.reach(board.version + 1, SOON_S)
    await until(lambda: distant.hospital.hub.sweep_age() > subscriptions.SURE_S, SOON_S)
    await distant.line.mend()
    (subscriber,) = distant.hospital.realtime.pulse.everyone()
    await until(lambda: subscriber.principal.places(AssignmentKind.WARD) == {"ICU", "MED"}, SOON_S)
    await turn(hospital, bed)
    await board.settle(await fresh(hospital, "/beds", ROOM, "clinical"))
    assert (board.revoked, board.snapshots, board.asked) == (None, 0, 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["held", "cut"])
async def test_without_postgresql_every_door_says_so_in_time(
    how: str,
    distant: Distant,
    client_as: ClientFactory,
    dial: RawFactory,
    ward: WardFactory,
) -> None:
    """503 with the time to come back, on both doors: never a hang, never an error of ours."""
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    raw = await dial(nurse, "/beds", to=distant.server)
    await distant.lose(how)
    for again in (False, True):  # what is under way when it happens, and what comes later
        if again:
            await until(lambda: distant.hospital.hub.sweep_age() > subscriptions.SURE_S, SOON_S)
            status, kind, problem = await handshake(distant.server, cookie_of(nurse))
            assert (status, kind, problem["code"]) == (503, "application/problem+json", "unavailable")
        async with asyncio.timeout(PATIENCE_S):
            answers = await asyncio.gather(*requests(distant.server, nurse, bed.id))
            changed = await raw.call(
                "/beds",
                "change_bed",
                {"id": "1", "bed_id": str(bed.id), "status": "cleaning"},
                seconds=PATIENCE_S,
            )
            joined = await raw.call("/beds", "subscribe", {"room": ROOM}, seconds=PATIENCE_S)
        for answer in answers:
            assert answer.status == 503, await answer.text()
            assert int(answer.headers["Retry-After"]) >= 1
            assert (await answer.json())["code"] == "unavailable"
        for refused in (changed, joined):
            assert refused["error"]["code"] == "unavailable"
            assert refused["error"]["retry_after_ms"] > 0


def requests(server: TestServer, client: Client, bed_id: uuid.UUID) -> list[Coroutine[Any, Any, Any]]:
    """Reading, changing, signing in."""
    bed, session = f"{address(server)}/api/v1/beds/{bed_id}", client.session
    headers = {"If-Match": '"1"', "Idempotency-Key": "k"}
    name = {"username": "nobody", "password": "whatever it may be"}
    return [
        session.get(bed),
        session.patch(bed, json={"status": "cleaning"}, headers=headers),
        session.post(f"{address(server)}/api/v1/auth/login", json=name),
    ]


async def test_a_command_of_a_process_that_hears_nothing_asks_who_is_there(
    hospital: Hospital,
    distant: Distant,
    client_as: ClientFactory,
    dial: RawFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither Redis nor sweeps tell it of rights, but PostgreSQL answers: no right of long ago counts."""
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    raw = await dial(nurse, "/beds", to=distant.server)
    await distant.hospital._bus.stop()
    await distant.hospital.hub._sweeps.stop()
    monkeypatch.setattr("hms_rt.realtime.rights.SURE_S", 0.0)
    me = await (await nurse.get("/api/v1/auth/me")).json()
    away = AssignmentIn(kind=AssignmentKind.WARD, place="ICU")
    await hospital.services.identity.unassign(SYSTEM, command(), me["id"], away)
    await until(lambda: distant.hospital.hub.sweep_age() > pulse.FRESH_S, SOON_S)
    (subscriber,) = distant.hospital.realtime.pulse.everyone()
    assert not (await distant.hospital.rights.standing(subscriber)).places(AssignmentKind.WARD)
    answer = await raw.call("/beds", "change_bed", {"id": "1", "bed_id": str(bed.id), "status": "cleaning"})
    assert answer["error"]["code"] == "forbidden"
    assert (await nurse.post("/api/v1/auth/logout")).status == 204
    with pytest.raises(HmsError) as refusal:
        await distant.hospital.rights.standing(subscriber)
    assert refusal.value.code is Code.UNAUTHENTICATED
