"""After any sequence of commands, old snapshot + changes = fresh snapshot, and the hospital's sums hold."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hms_rt.app import Hospital
from hms_rt.kernel.principal import Role
from hms_rt.services import Services
from tests.conftest import ClientFactory, PersonFactory, WardFactory
from tests.realtime.board import Board
from tests.realtime.conftest import BoardFactory, fresh
from tests.realtime.world import ATTEMPTS, World, build
from tests.surface.rules import broken_rules

CLIENTS = 4
steps = st.lists(
    st.tuples(st.integers(0, len(ATTEMPTS) - 1), st.integers(0, 30), st.integers(0, 30)),
    min_size=10,
    max_size=60,
)


async def boards_of(world: World, board_of: BoardFactory, client_as: ClientFactory) -> list[Board]:
    """One board for every room and audience that a user can have."""
    clinical = await client_as(Role.DOCTOR, ward="ICU", clinic="GEN")
    reception = await client_as(Role.RECEPTION)
    lab = await client_as(Role.LAB)
    nurse = await client_as(Role.NURSE, ward="ICU")
    wanted: list[tuple[Any, str, str]] = [
        (clinical, "/beds", "ward:ICU"),
        (reception, "/beds", "ward:ICU"),
        (reception, "/beds", "ward:MED"),
        (reception, "/beds", "hospital"),
        (nurse, "/beds", "cleaning:ICU"),
        (clinical, "/opd", "clinic:GEN"),
        (reception, "/opd", "clinic:GEN"),
        (reception, "/opd", "clinic:ER"),
        (reception, "/opd", f"doctor:{world.doctor.id}"),
        (lab, "/lab", "worklist"),
        (lab, "/lab", "alerts"),
        (clinical, "/lab", "ward:ICU"),
        (clinical, "/lab", "clinic:GEN"),
    ]
    return [await board_of(client, room, namespace=namespace) for client, namespace, room in wanted]


async def play(world: World, walk: list[tuple[int, int, int]]) -> None:
    """Several clients at once, each taking every fourth step."""

    async def client(number: int) -> None:
        for step in walk[number::CLIENTS]:
            await world.do(step)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))


async def test_boards_and_sums_are_right_after_any_sequence_of_commands(
    hospital: Hospital,
    services: Services,
    ward: WardFactory,
    person: PersonFactory,
    client_as: ClientFactory,
    board_of: BoardFactory,
) -> None:
    world = await build(services, ward, person)
    boards = await boards_of(world, board_of, client_as)

    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(steps)
    async def property_holds(walk: list[tuple[int, int, int]]) -> None:
        await play(world, walk)
        for board in boards:
            await board.settle(await fresh(hospital, board.namespace, board.room, board.audience))
        assert await broken_rules(hospital) == []

    await run_examples(property_holds)
    assert world.done > 50, (world.done, world.refused)
    assert world.refused > 20, "nobody tried anything forbidden"


async def run_examples(test: Any) -> None:
    """Run an async hypothesis test inside the running loop: its examples are driven from a thread."""
    loop = asyncio.get_running_loop()
    inner = test.hypothesis.inner_test

    def example(walk: list[tuple[int, int, int]]) -> None:
        asyncio.run_coroutine_threadsafe(inner(walk), loop).result(60)

    test.hypothesis.inner_test = example
    await asyncio.to_thread(test)
