"""A quick pass of the matrix: several faults in one go under load; and every check is known to fail."""

import asyncio
import copy
import random
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from hms_rt.departments.opd.schemas.queue import TokenIn
from hms_rt.kernel.principal import SYSTEM
from tests.faults import kills, stores
from tests.faults.cast import CLINIC, said
from tests.faults.catalogue import FAULTS, named
from tests.faults.desk import Sent
from tests.faults.matrix import Fault, Outcome, course, end_of_work, examine
from tests.faults.scene import Scene, scene
from tests.faults.stage import Kind, Stage, stage

SEED = 7
LOAD_S = 2.0


@pytest_asyncio.fixture(scope="module")
async def stores_of_their_own() -> AsyncIterator[Stage]:
    """They are killed and restarted: the session's serve everybody."""
    async with stage(Kind.PLAIN, random.Random(SEED), durable=False) as made:
        yield made


async def one_thing_after_the_other(made: Scene) -> None:
    """A server dies between COMMIT and publishing, then Redis, then PostgreSQL."""
    await kills.at_its_point(made)
    await stores.redis_restarted(made)
    await stores.postgres_immediate(made)


async def test_nothing_is_lost_doubled_or_shown_when_a_server_and_the_stores_die_under_load(
    stores_of_their_own: Stage,
) -> None:
    fault = Fault("several", "a server, Redis and PostgreSQL", one_thing_after_the_other)
    outcome = Outcome(fault.name, fault.what)
    async with scene(stores_of_their_own, random.Random(SEED), point="after_commit", pause_s=0.3) as made:
        await course(made, fault, LOAD_S, outcome)
    wrong = [f"{each.name}: {each.detail}" for each in made.verdicts if not each.ok]
    assert not wrong, wrong
    assert len(made.ledger.acknowledged()) > 20


async def test_every_check_fails_when_there_is_reason_to(stores_of_their_own: Stage) -> None:
    async with scene(stores_of_their_own, random.Random(SEED), servers=1, pause_s=0.1) as made:
        await made.connect()
        made.work()
        deadline = time.monotonic() + 30
        while not made.ledger.acknowledged("opd.issue") and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await end_of_work(made)

        async def failing() -> set[str]:
            return {each.name for each in await examine(made) if not each.ok}

        before = await failing()
        assert before <= {"no patient where none may be"}, before  # too short for everybody to be seen
        display = next(s for s in made.screens if s.seat.audience == "display" and s.board is not None)
        assert display.board is not None
        kept = copy.deepcopy(display.board.state)
        display.board.state.popitem()
        assert "boards equal the database" in await failing()
        display.board.state = kept
        display.board.version -= 1
        assert "boards equal the database" in await failing()
        display.board.version += 1
        assert "boards equal the database" not in await failing()

        patient = stores_of_their_own.cast.patients["MED"][0]
        display.record.append(f'42/beds,["change",{{"name":"{patient.canary}"}}]')
        leaks = [each.detail for each in await examine(made) if each.name == "no patient where none may be"]
        assert any(f"{display.seat.who} {display.seat.room} got" in leak for leak in leaks)

        user = stores_of_their_own.cast.users["desk"]
        unheard = Sent("beds.read", "never-stored", user, "", 0.0, acknowledged_at=1.0)
        made.ledger.commands.append(unheard)
        assert "no acknowledged command lost" in await failing()
        made.ledger.commands.remove(unheard)

        await made.observer.services.opd.issue(SYSTEM, said(), CLINIC, TokenIn())
        assert "none doubled" in await failing()


def test_faults_are_found_by_name_and_share_stages() -> None:
    assert [fault.name for fault in named(["half-open", "disk-full"])] == ["half-open", "disk-full"]
    kinds = [fault.kind for fault in FAULTS]
    assert kinds == sorted(kinds, key=list(Kind).index)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    with pytest.raises(KeyError):
        named(["no-such-fault"])
