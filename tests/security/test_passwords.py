"""Hashing, its bounds, and the policy."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.security.passwords import Passwords

PEPPER = b"p" * 32


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(PEPPER, cost=4)
    yield made
    made.close()


async def test_a_password_matches_its_hash_only(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse battery")
    assert stored.startswith("$2b$04$")
    assert await passwords.verify("correct horse battery", stored)
    assert not await passwords.verify("correct horse batterz", stored)


async def test_the_part_beyond_72_bytes_counts(passwords: Passwords) -> None:
    stored = await passwords.hash("a" * 100 + "b")
    assert not await passwords.verify("a" * 100 + "c", stored)
    assert await passwords.verify("a" * 100 + "b", stored)


async def test_without_the_pepper_a_hash_is_worthless(passwords: Passwords) -> None:
    other = Passwords(b"q" * 32, cost=4)
    assert not await other.verify("correct horse battery", await passwords.hash("correct horse battery"))
    other.close()


async def test_an_unknown_user_costs_the_same_work() -> None:
    slow = Passwords(PEPPER, cost=10)
    stored = await slow.hash("correct horse battery")
    took = []
    for known in (stored, None):
        began = time.perf_counter()
        assert not await slow.verify("wrong", known)
        took.append(time.perf_counter() - began)
    slow.close()
    assert took[1] > took[0] / 5  # a shortcut would be a thousand times faster


async def test_a_flood_is_turned_away_and_then_served_again() -> None:
    small = Passwords(PEPPER, cost=8, threads=1, waiting=3)
    outcomes = await asyncio.gather(*(small.hash("x" * 12) for _ in range(6)), return_exceptions=True)
    refused = [o for o in outcomes if isinstance(o, HmsError)]
    assert len(refused) == 3
    assert all(e.code is Code.UNAVAILABLE and e.retry_after_ms for e in refused)
    assert await small.hash("x" * 12)
    small.close()


async def test_who_gives_up_waiting_leaves_the_queue() -> None:
    small = Passwords(PEPPER, cost=8, threads=1, waiting=2)
    waiting = [asyncio.create_task(small.hash("x" * 12)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for _ in range(100):
        if small._inside == 0:
            break
        await asyncio.sleep(0.01)
    assert await small.hash("x" * 12)
    small.close()


@pytest.mark.parametrize("password", ["short", "x" * 11, "é" * 600, "Margaret.Hopper"])
def test_the_policy_refuses(passwords: Passwords, password: str) -> None:
    with pytest.raises(HmsError) as refused:
        passwords.check(password, "margaret.hopper")
    assert refused.value.code is Code.INVALID


def test_the_demo_may_be_laxer() -> None:
    lax = Passwords(PEPPER, cost=4, minimum=4)
    lax.check("demo", "nurse")
    lax.close()


def test_a_short_pepper_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Passwords(b"short")
