"""The load: nurses, reception, doctors and the laboratory at work, each at a seeded pace.

Every worker keeps to things that nobody else touches, so that what must be in the database afterwards
follows from its acknowledged commands alone.
"""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable

from tests.faults.cast import CLINIC, Cast
from tests.faults.desk import Desk

Worker = Callable[[Desk, Cast], Awaitable[None]]
Memory = dict[uuid.UUID, tuple[int, str]]
"""Version and state of the beds that a nurse set, from one shift to the next."""

NEXT_STATUS = {"available": "cleaning", "cleaning": "available"}


class Shift:
    """Runs workers until the shift ends; a command under way is finished first, for as long as it takes."""

    def __init__(self, cast: Cast, chance: random.Random, *, pause_s: float) -> None:
        self.cast = cast
        self.ended = asyncio.Event()
        self.goes_on = asyncio.Event()
        """Cleared while nobody begins anything."""

        self.goes_on.set()
        self._chance = chance
        self._pause_s = pause_s
        self._tasks: list[asyncio.Task[None]] = []
        self.desks: list[Desk] = []

    def begin(self, worker: Worker, desk: Desk, *others: Desk) -> None:
        """Let somebody work, with the help of others."""
        self.desks += [desk, *others]
        self._tasks.append(asyncio.create_task(self._work(worker, desk), name=f"work {desk.person.name}"))

    async def end(self, seconds: float) -> bool:
        """No new commands; False if some were not answered within ``seconds``. Raises what workers raised."""
        self.ended.set()
        self.goes_on.set()
        done, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in done:
            task.result()
        for desk in self.desks:
            await desk.close()
        return not late

    async def abandon(self) -> None:
        """Everybody stops where they stand."""
        self.ended.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for desk in self.desks:
            await desk.close()

    async def _work(self, worker: Worker, desk: Desk) -> None:
        while not self.ended.is_set():
            await worker(desk, self.cast)
            await self.goes_on.wait()
            await asyncio.sleep(self._pause_s * self._chance.uniform(0.5, 1.5))


def nurse_by_rest(ward: str, known: Memory) -> Worker:
    """Turns the even free beds of a ward between available and cleaning, by PATCH with If-Match."""

    async def work(desk: Desk, cast: Cast) -> None:
        bed = desk.chance.choice(cast.beds[ward][::2])
        version, status = known.get(bed, (1, "available"))
        body = {"status": NEXT_STATUS[status]}
        sent = await desk.rest("beds.change", "PATCH", f"/beds/{bed}", body, version=version)
        if sent.done:
            known[bed] = (sent.answer["version"], sent.answer["status"])

    return work


def nurse_by_socket(ward: str, known: Memory) -> Worker:
    """Turns the odd free beds of a ward over a socket, without saying what was read."""

    async def work(desk: Desk, cast: Cast) -> None:
        bed = desk.chance.choice(cast.beds[ward][1::2])
        _, status = known.get(bed, (1, "available"))
        body = {"bed_id": str(bed), "status": NEXT_STATUS[status]}
        sent = await desk.socket("beds.change", "/beds", "change_bed", body)
        if sent.done:
            known[bed] = (sent.answer["version"], sent.answer["status"])

    return work


def reception() -> Worker:
    """Gives tokens, by REST and over a socket, to patients whom only staff may see; registers newcomers."""

    async def work(desk: Desk, cast: Cast) -> None:
        what = desk.chance.random()
        patient = str(desk.chance.choice(cast.patients[CLINIC]).id)
        if what < 0.45:
            await desk.rest("opd.issue", "POST", f"/clinics/{CLINIC}/tokens", {"patient_id": patient})
        elif what < 0.9:
            await desk.socket("opd.issue", "/opd", "issue", {"clinic": CLINIC, "patient_id": patient})
        else:
            name = f"Newcomer{desk.chance.randrange(1 << 60):x}"
            await desk.rest("patients.register", "POST", "/patients", {"family_name": name})

    return work


def counter(code: str) -> Worker:
    """Calls the next patient, serves, and finishes, over a socket."""

    async def work(desk: Desk, cast: Cast) -> None:
        called = await desk.socket("opd.move", "/opd", "call_next", {"clinic": CLINIC, "counter": code})
        if not called.done:
            return
        token = {"token_id": called.answer["id"]}
        for move in ("serve", "done"):
            await desk.socket("opd.move", "/opd", move, token)

    return work


def doctor(ward: str) -> Worker:
    """Writes notes: two stores per command."""

    async def work(desk: Desk, cast: Cast) -> None:
        patient = desk.chance.choice(cast.patients[ward])
        note = {"kind": "note", "body": {"text": f"seen {patient.canary}"}}
        await desk.rest("patients.append", "POST", f"/patients/{patient.id}/record", note)

    return work


def laboratory(ordering: Desk, verifying: Desk) -> Worker:
    """An order from the ward to its release: three people, REST and sockets, two stores."""

    async def work(desk: Desk, cast: Cast) -> None:
        patient = desk.chance.choice(cast.patients["ICU"])
        body = {"patient_id": str(patient.id), "tests": ["LAC"], "ward": "ICU"}
        order = await ordering.rest("lab.order", "POST", "/lab/orders", body)
        if not order.done:
            return
        taken = {"order_id": order.answer["id"], "kind": "blood"}
        specimen = await desk.socket("lab.collect", "/lab", "collect", taken)
        if not specimen.done:
            return
        test = order.answer["tests"][0]["id"]
        received = {"specimen_id": specimen.answer["id"]}
        await desk.socket("lab.receive", "/lab", "receive", received)
        value = f"{desk.chance.uniform(0.5, 8):.1f}"
        await desk.socket("lab.enter", "/lab", "enter_result", {"test_id": test, "value": value})
        await verifying.socket("lab.verify", "/lab", "verify", {"test_id": test})
        await verifying.socket("lab.release", "/lab", "release", {"test_id": test})

    return work
