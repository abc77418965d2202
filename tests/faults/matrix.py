"""Runs faults: the same course for each, and the same checks afterwards, whatever the fault was."""

import asyncio
import random
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hms_rt.realtime.follower import RING
from tests.faults import checks
from tests.faults.checks import Verdict
from tests.faults.processes import Footprint
from tests.faults.scene import PROCESSES, Scene, grown, scene
from tests.faults.stage import Kind, Stage

WARM_S = 1.5
DRAIN_S = 60.0
SETTLE_S = 15.0
FAULT_S = 240.0


@dataclass(frozen=True)
class Fault:
    """What is done to a hospital under load. ``strike`` calls ``scene.healed()`` once the cause is gone."""

    name: str
    what: str
    strike: Callable[[Scene], Awaitable[None]]
    kind: Kind = Kind.PLAIN
    point: str | None = None
    proxied: bool = False
    workers: bool = False
    """One ``serve --workers 2`` instead of two servers."""

    recover_s: float = 30.0


@dataclass
class Outcome:
    """What became of one fault."""

    name: str
    what: str
    done: list[str] = field(default_factory=list)
    sent: int = 0
    acknowledged: int = 0
    retried: int = 0
    copies: int = 0
    again: dict[str, int] = field(default_factory=dict)
    boards: int = 0
    recovered_s: float = 0.0
    longest_silence_s: float = 0.0
    verdicts: list[Verdict] = field(default_factory=list)
    not_run: str = ""
    logs: dict[str, list[str]] = field(default_factory=dict)
    """Of a fault with a failed check: the ends of the servers' logs."""

    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Every check held; what was not run did not fail."""
        return all(verdict.ok for verdict in self.verdicts)


async def run(stage: Stage, fault: Fault, seed: int, seconds: float) -> Outcome:
    """One fault under about ``seconds`` of load; what goes wrong in here is a failed check, too."""
    outcome = Outcome(fault.name, fault.what)
    began = time.monotonic()
    chance = random.Random(f"{seed} {fault.name}")
    try:
        async with (
            asyncio.timeout(FAULT_S + seconds),
            scene(
                stage,
                chance,
                servers=1 if fault.workers else PROCESSES,
                workers=PROCESSES if fault.workers else 1,
                point=fault.point,
                proxied=fault.proxied,
            ) as made,
        ):
            try:
                await course(made, fault, seconds, outcome)
            finally:
                _count(made, outcome)
    except Exception as error:
        where = traceback.format_exception(error)
        outcome.verdicts.append(Verdict("it ran to its end", ok=False, detail="".join(where)[-3000:]))
    outcome.seconds = time.monotonic() - began
    return outcome


async def course(made: Scene, fault: Fault, seconds: float, outcome: Outcome) -> None:
    """Baseline, load, the fault in the middle of it, recovery, checks, baseline again."""
    baseline = await measure_baseline(made)
    await made.connect()
    made.work()
    await asyncio.sleep(seconds * made.chance.uniform(0.2, 0.4))
    await fault.strike(made)
    outcome.recovered_s = await made.recovered(fault.recover_s)
    limit = f"{outcome.recovered_s:.1f} s of {fault.recover_s:g}"
    made.check("all is back in time", outcome.recovered_s < fault.recover_s, limit + _who_is_late(made))
    await asyncio.sleep(seconds * 0.3)
    await end_of_work(made)
    made.verdicts += await examine(made)
    await made.disconnect()
    await compare(made, baseline)


async def measure_baseline(made: Scene) -> list[Footprint]:
    """Everything was used once: screens came and went, work was done, pools are full."""
    await made.connect()
    made.work()
    await asyncio.sleep(WARM_S)
    await end_of_work(made)
    cookie = made.people["reception"].cookie()
    for server in made.servers:
        await server.warm(cookie)
    await made.disconnect()
    await asyncio.sleep(0.5)
    return await made.footprints()


async def end_of_work(made: Scene) -> None:
    """Every command is answered, and every screen has the time to show it."""
    assert made.shift is not None
    answered = await made.shift.end(DRAIN_S)
    if not answered:
        made.check("every command was answered", ok=False, detail=str(made.ledger.open[:3]))
    await made.settled(SETTLE_S)


async def examine(made: Scene) -> list[Verdict]:
    """What must hold once load has stopped, with the screens still connected."""
    return [
        await checks.boards_equal_the_database(made.observer, made.screens),
        *await checks.commands_happened_once(made.observer, made.ledger),
        checks.nobody_saw_what_is_not_theirs(made.stage.cast, made.screens),
    ]


async def compare(made: Scene, baseline: list[Footprint]) -> None:
    """Nobody is connected: the servers hold what they held before."""
    ring = sum(min(RING, version) for version in (await made.heads()).values())
    after = await made.footprints(below=baseline, ring=ring)
    found = [grown(was, now, ring) for was, now in zip(baseline, after, strict=True)]
    told = "; ".join(
        f"{was.rss_kib // 1024}->{now.rss_kib // 1024} MiB, "
        f"{was.descriptors}->{now.descriptors} descriptors, {was.tasks}->{now.tasks} tasks"
        for was, now in zip(baseline, after, strict=True)
    )
    made.check(
        "memory, descriptors and tasks are back", not any(found), "; ".join(filter(None, found)) or told
    )


def _who_is_late(made: Scene) -> str:
    late = [f"{s.seat.who} {s.seat.room}" for s in made.screens if s.proven_at < made.healed_at]
    late += [desk.person.name for desk in made.desks if desk.told_at < made.healed_at]
    return f"; without news: {late[:6]}" if late else ""


def _count(made: Scene, outcome: Outcome) -> None:
    ledger = made.ledger
    outcome.done = made.done
    outcome.sent = len(ledger.commands)
    outcome.acknowledged = len(ledger.acknowledged())
    outcome.retried = ledger.retried
    outcome.copies = ledger.copies
    outcome.again = dict(Counter(ledger.answers_again))
    outcome.boards = len(made.screens)
    outcome.longest_silence_s = max((screen.longest_silence for screen in made.screens), default=0.0)
    errors = [line for server in made.servers for line in server.errors()]
    made.check("no errors in the servers' logs", not errors, "; ".join(errors[:2]))
    outcome.verdicts = [*made.verdicts, *outcome.verdicts]
    if not outcome.ok:
        outcome.logs = {f"{server.name} {server.url}": server.tail() for server in made.servers}
