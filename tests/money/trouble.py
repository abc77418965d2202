"""Gives a command as a client does that gets no answer: again, with the same key, until it is told."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from tests.conftest import command
from tests.money.wire import Lost, Wire

T = TypeVar("T", bound=BaseModel)
Doing = Callable[[Command], Awaitable[T]]
ATTEMPTS = 50
AGAIN = {Code.UNAVAILABLE, Code.IDEMPOTENCY_RUNNING}
LOCKS = (
    "SELECT FROM patients_patient FOR UPDATE",
    "SELECT FROM pharmacy_prescription FOR UPDATE",
    "SELECT FROM pharmacy_stock FOR UPDATE",
    "SELECT FROM billing_shift FOR UPDATE",
)
WAITING = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Trouble(StrEnum):
    """What befalls a command."""

    NONE = "none"
    LOST_BEFORE_COMMIT = "connection lost before the COMMIT"
    LOST_AFTER_COMMIT = "connection lost after the COMMIT"
    LOST_AGAIN_AND_AGAIN = "lost at every attempt of the server, after the first COMMIT"
    LOST_IN_THE_MIDDLE = "connection lost in the middle"
    TOLD_TWICE = "the same command twice"
    TOLD_THRICE_AT_ONCE = "the same command three times at once"
    ALL_OF_THAT = "three times at once, and connections lost at COMMIT"
    LOCKED = "what it needs is locked for longer than it may wait"
    CANCELLED = "its statement is cancelled"
    TERMINATED = "its connection is terminated by PostgreSQL"


class Death(StrEnum):
    """What befalls a command that is given to one of two servers."""

    KILLED = "the server is killed while it works"
    KILLED_AMONG_COPIES = "three times at once to both servers, and one is killed meanwhile"
    REDIS_GONE = "Redis is killed"


LOSES: dict[Trouble, tuple[Lost, ...]] = {
    Trouble.LOST_BEFORE_COMMIT: (Lost.BEFORE,),
    Trouble.LOST_AFTER_COMMIT: (Lost.AFTER,),
    Trouble.LOST_AGAIN_AND_AGAIN: (Lost.AFTER, Lost.BEFORE, Lost.AFTER),
    Trouble.LOST_IN_THE_MIDDLE: (Lost.MIDDLE, Lost.AFTER),
    Trouble.ALL_OF_THAT: (Lost.AFTER, Lost.BEFORE),
}
STRIKES = {
    Trouble.LOCKED: f"SELECT 1 {WAITING}",
    Trouble.CANCELLED: f"SELECT pg_cancel_backend(pid) {WAITING}",
    Trouble.TERMINATED: f"SELECT pg_terminate_backend(pid) {WAITING}",
}


class Client:
    """Its ``seen`` counts what befell its commands, and what it was told meanwhile."""

    pause_s = 0.01
    """Before it asks again."""

    def __init__(self, wire: Wire, aside: AsyncEngine) -> None:
        self.seen: Counter[str] = Counter()
        self._wire = wire
        self._aside = aside
        """Another way to PostgreSQL, which never breaks."""

    async def give(self, doing: Doing[T], trouble: StrEnum = Trouble.NONE, *, messages: int = 0) -> T:
        """The answer of a command that was done, once. Raises ``HmsError`` if it is refused."""
        key = str(uuid.uuid4())

        async def once() -> T | HmsError:
            try:
                return await doing(command(key=key))
            except HmsError as error:
                return error

        self.seen[trouble] += 1
        told = await self._first(once, trouble, messages)
        for _ in range(ATTEMPTS):
            self.seen.update(one.code for one in told if isinstance(one, HmsError) and _again(one))
            final = [one for one in told if not _again(one)]
            if final:
                break
            await asyncio.sleep(self.pause_s)
            told = [await once()]
        else:
            raise AssertionError(f"never told: {told}")
        return self._one(final)

    async def _first(
        self, once: Callable[[], Awaitable[T | HmsError]], trouble: StrEnum, messages: int
    ) -> list[T | HmsError]:
        """What clients are told while the trouble lasts."""
        plan = LOSES.get(trouble, ()) if isinstance(trouble, Trouble) else ()
        self._wire.lose(*plan, after_messages=messages)
        if trouble in STRIKES:
            async with self._locked(STRIKES[Trouble(trouble)]):
                told = [await once()]
        elif trouble in (Trouble.TOLD_THRICE_AT_ONCE, Trouble.ALL_OF_THAT):
            told = list(await asyncio.gather(once(), once(), once()))
        else:
            told = [await once() for _ in range(2 if trouble is Trouble.TOLD_TWICE else 1)]
        self._wire.hold()
        return told

    def lose(self, *plan: Lost) -> None:
        """Break the connections of what is done next, without a command; nothing more, if nothing is told."""
        self._wire.lose(*plan)

    @staticmethod
    def _one(final: list[T | HmsError]) -> T:
        """All copies that were told something were told the same."""
        answers = [one for one in final if not isinstance(one, HmsError)]
        refusals = [one for one in final if isinstance(one, HmsError)]
        assert not (answers and refusals), f"done, and refused: {final}"
        if refusals:
            raise refusals[0]
        said = {one.model_dump_json() for one in answers}
        assert len(said) == 1, f"answered differently: {said}"
        return answers[0]

    @asynccontextmanager
    async def _locked(self, strike: str) -> AsyncIterator[None]:
        """Somebody holds what a command may need; whoever waits for it is struck."""
        async with self._aside.connect() as holder:
            for statement in LOCKS:
                await holder.execute(text(statement))
            striking = asyncio.create_task(self._strike(strike))
            try:
                yield
            finally:
                striking.cancel()
                await asyncio.gather(striking, return_exceptions=True)
                await holder.rollback()

    async def _strike(self, statement: str) -> None:
        while True:
            async with self._aside.begin() as connection:
                await connection.execute(text(statement))
            await asyncio.sleep(0.005)


def _again(told: BaseModel | HmsError) -> bool:
    return isinstance(told, HmsError) and (told.code in AGAIN or told.retry_after_ms is not None)
