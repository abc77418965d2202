"""SIGHUP under load: workers are replaced one by one, nothing is lost or done twice, nobody is refused."""

import asyncio
import random
import signal
import socket
import uuid
from collections import Counter
from pathlib import Path

from hms_rt.app import Hospital, Stores
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.cli.processes import Served, configured, serving_workers
from tests.conftest import PersonFactory, WardFactory, command
from tests.faults.cast import Seat
from tests.faults.desk import Desk, Ledger, Sent
from tests.faults.people import Person
from tests.faults.screen import Screen
from tests.realtime.conftest import fresh
from tests.realtime.raw import until

NEXT = {"available": "cleaning", "cleaning": "available"}


class Nurse:
    """Turns one bed over and over, by REST or over a socket, each time at the version of the last answer."""

    def __init__(self, desk: Desk, bed: uuid.UUID, *, over_socket: bool) -> None:
        self.desk = desk
        self.bed = bed
        self.over_socket = over_socket
        self.version = 1
        self.status = "available"
        self.commands = 0

    async def work(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            sent = await self._turn(NEXT[self.status])
            assert sent.done, sent
            self.commands += 1
            self.version, self.status = sent.answer["version"], sent.answer["status"]
            await asyncio.sleep(0.02)

    async def _turn(self, status: str) -> Sent:
        if self.over_socket:
            body = {"bed_id": str(self.bed), "status": status, "expected_version": self.version}
            return await self.desk.socket("turn", "/beds", "change_bed", body)
        path = f"/beds/{self.bed}"
        return await self.desk.rest("turn", "PATCH", path, {"status": status}, version=self.version)


async def knock(url: str, ended: asyncio.Event) -> Counter[str]:
    """New connections, one after the other, each with one request; how they ended."""
    outcomes: Counter[str] = Counter()
    host, _, port = url.removeprefix("http://").partition(":")
    while not ended.is_set():
        try:
            reader, writer = await asyncio.open_connection(host, int(port), family=socket.AF_INET)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), 20)
            outcomes[answer[:12].decode() or "cut off"] += 1
            writer.close()
        except OSError as error:
            outcomes[type(error).__name__] += 1
        await asyncio.sleep(0.005)
    return outcomes


async def roll(served: Served, times: int) -> None:
    before = served.pids()
    for time in range(1, times + 1):
        served.tell(signal.SIGHUP)
        await served.until("rolling.done", time, seconds=90)
    assert not set(before.values()) & set(served.pids().values()), "every worker is another one"


async def test_a_rolling_restart_under_load_loses_and_doubles_nothing_and_refuses_nobody(
    tmp_path: Path,
    stores: Stores,
    hospital: Hospital,
    services: Services,
    person: PersonFactory,
    ward: WardFactory,
) -> None:
    beds = await ward("ICU", beds=5)
    await person(Role.NURSE, username="nina", ward="ICU")
    ledger, chance, ended = Ledger(), random.Random(7), asyncio.Event()
    seat = Seat("nina", "/beds", "ward:ICU", "clinical")
    async with serving_workers(tmp_path, configured(stores)) as served:
        nina = Person("nina")
        await nina.enter(served.url)
        screens = [Screen(seat, nina, [served.url], random.Random(number)) for number in range(4)]
        for screen in screens:
            screen.start()
        await until(lambda: all(screen.live for screen in screens), 20)
        nurses = [
            Nurse(Desk(nina, uuid.uuid4(), [served.url], ledger, chance), bed.id, over_socket=number % 2 == 1)
            for number, bed in enumerate(beds)
        ]
        work = [asyncio.create_task(nurse.work(ended)) for nurse in nurses]
        knocking = asyncio.create_task(knock(served.url, ended))

        await roll(served, 2)
        ended.set()
        await asyncio.wait_for(asyncio.gather(*work), 30)
        assert set(await knocking) == {"HTTP/1.1 200"}, "a connection was cut off or refused"
        assert not ledger.failures

        for nurse in nurses:
            stored = await services.beds.bed(SYSTEM, command(), nurse.bed)
            assert (stored.version, stored.status.value) == (nurse.version, nurse.status)
            assert stored.version == 1 + nurse.commands, "every acknowledged command, exactly once"

        state = await fresh(hospital, "/beds", "ward:ICU", "clinical")
        for screen in screens:  # each was sent away in either round, and came back
            await until(lambda screen=screen: screen.live and screen.connections >= 3, 20)  # type: ignore[misc]
            assert screen.board is not None
            await screen.board.settle(state, 20)
            await screen.stop()
        for nurse in nurses:
            await nurse.desk.close()
        await nina.hang_up()
        served.tell(signal.SIGTERM)
        assert await served.ended() == 0


async def test_a_successor_that_cannot_start_leaves_the_old_workers_in_place(
    tmp_path: Path, stores: Stores, services: Services
) -> None:
    async with serving_workers(tmp_path, configured(stores)) as served:
        before = served.pids()
        (tmp_path / ".env").write_text("FACILITY_TIMEZONE=Mars/Olympus\n")
        served.tell(signal.SIGHUP)
        stopped = await served.until("rolling.stopped")
        assert "FACILITY_TIMEZONE" in stopped["error"]
        assert served.pids() == before
        (tmp_path / ".env").write_text("FACILITY_TIMEZONE=Europe/Vienna\n")
        served.tell(signal.SIGHUP)
        await served.until("rolling.done")
        assert not set(before.values()) & set(served.pids().values()), "mended settings are taken up"
