"""Everybody comes at once: a few at a time are let in, in order, and the rest is told when to come back."""

import asyncio

import pytest

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.realtime.admission import RETRY_MS, Admission


class Screens:
    """Screens that stay at the door until let go."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.inside: list[int] = []
        self.leave = asyncio.Event()

    async def come(self, number: int) -> int:
        async with self.admission:
            self.inside.append(number)
            await self.leave.wait()
        return number


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_as_many_as_there_are_places_enter_and_the_others_follow_in_order() -> None:
    screens = Screens(Admission(at_once=2, waiting=10))
    coming = [asyncio.create_task(screens.come(number)) for number in range(6)]
    await settle()
    assert screens.inside == [0, 1]
    screens.leave.set()
    assert await asyncio.gather(*coming) == list(range(6))
    assert screens.inside == list(range(6))


async def test_behind_too_many_one_is_told_when_to_come_back() -> None:
    screens = Screens(Admission(at_once=1, waiting=1))
    coming = [asyncio.create_task(screens.come(number)) for number in range(2)]
    await settle()
    with pytest.raises(HmsError) as refusal:
        await screens.come(2)
    assert refusal.value.code is Code.UNAVAILABLE
    assert refusal.value.retry_after_ms is not None
    assert RETRY_MS[0] <= refusal.value.retry_after_ms <= RETRY_MS[1]
    screens.leave.set()
    assert await asyncio.gather(*coming) == [0, 1]


async def test_who_waits_too_long_is_told_so_and_leaves_the_queue() -> None:
    screens = Screens(Admission(at_once=1, waiting=5, patience=0.05))
    first = asyncio.create_task(screens.come(0))
    await settle()
    with pytest.raises(HmsError):
        await screens.come(1)
    screens.leave.set()
    await first
    assert await screens.come(2) == 2
    assert screens.inside == [0, 2]


async def test_one_who_hangs_up_while_waiting_costs_no_place() -> None:
    screens = Screens(Admission(at_once=1, waiting=5))
    first, second, third = (asyncio.create_task(screens.come(number)) for number in range(3))
    await settle()
    second.cancel()
    await settle()
    screens.leave.set()
    assert list(await asyncio.gather(first, third)) == [0, 2]
    for number in range(3, 6):
        assert await screens.come(number) == number


async def test_one_who_hangs_up_as_its_turn_comes_gives_it_to_the_next() -> None:
    admission = Admission(at_once=1, waiting=5)
    screens = Screens(admission)
    screens.leave.set()

    async def hold(leave: asyncio.Event) -> None:
        async with admission:
            await leave.wait()

    leave = asyncio.Event()
    holder = asyncio.create_task(hold(leave))
    await settle()
    second, third = (asyncio.create_task(screens.come(number)) for number in (2, 3))
    await settle()
    leave.set()
    await holder
    second.cancel()
    assert await third == 3
