"""Any sequence of the commands of pharmacy and billing, each with some trouble, drawn by hypothesis.

After every step what is stored is what clients were told (``books``), and everything adds up (``sums``).
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.services import Services
from tests.money.books import Books
from tests.money.sums import broken
from tests.money.trouble import Client, Doing, Trouble

T = TypeVar("T", bound=BaseModel)
MAY_REFUSE = {Code.CONFLICT, Code.ILLEGAL_MOVE, Code.NOT_FOUND, Code.FORBIDDEN}
LONGEST_S = 60
NOBODY = uuid.UUID(int=0)

troubles = st.one_of(st.just(Trouble.NONE), st.sampled_from(list(Trouble)))
messages = st.integers(0, 25)
picks = st.integers(0, 7)
quantities = st.sampled_from(["0.5", "1", "3", "7.25", "20"])
amounts = st.sampled_from(["0.01", "5", "12.01", "33.33", "100"])


@dataclass
class Ground:
    """What all sequences of a test share: one hospital, one set of books."""

    loop: asyncio.AbstractEventLoop
    services: Services
    client: Client
    aside: AsyncEngine
    clerk: Principal
    admin: Principal
    pharmacist: Principal
    doctor: Principal
    books: Books = field(default_factory=Books)
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    shift: uuid.UUID = NOBODY


class Commands(RuleBasedStateMachine):
    """Runs in a thread of its own; the commands run in the loop of ``ground``, on the real database."""

    ground: Ground
    new_patient: Any
    """Registers somebody."""

    def __init__(self) -> None:
        super().__init__()
        self.books, self.services = self.ground.books, self.ground.services
        self.pharmacy, self.billing = self.services.pharmacy, self.services.billing
        self.clerk, self.admin = self.ground.clerk, self.ground.admin
        self.pharmacist, self.doctor = self.ground.pharmacist, self.ground.doctor
        self.today = date.today()  # noqa: DTZ011 - near midnight a lot may be a day older: no matter
        self.patients: list[uuid.UUID] = []
        self.lots: list[uuid.UUID] = []
        self.prescriptions: list[PrescriptionOut] = []
        self.dispenses: list[uuid.UUID] = []
        self.write_offs: list[uuid.UUID] = []
        self.charges: list[uuid.UUID] = []
        self.invoices: list[uuid.UUID] = []
        self.payments: list[uuid.UUID] = []
        self.refunds: list[uuid.UUID] = []
        self.shifts_of_refunds: dict[uuid.UUID, uuid.UUID] = {}

    @initialize()
    def somebody_comes(self) -> None:
        self.patients = [self.wait(self.new_patient()) for _ in range(2)]

    # --- for the rules

    def wait(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self.ground.loop).result(LONGEST_S)

    def give(self, name: str, doing: Doing[T], trouble: Trouble = Trouble.NONE, after: int = 0) -> T | None:
        """The answer of a command; None if it was refused for a reason of the hospital."""
        try:
            answer: T = self.wait(self.ground.client.give(doing, trouble, messages=after))
        except HmsError as error:
            if error.code not in MAY_REFUSE:
                raise
            self.ground.refused[f"{name}: {error.code}"] += 1
            return None
        self.ground.done[name] += 1
        return answer

    def at_once(self, *doing: Doing[Any]) -> list[Any]:
        """Several clients' answers, None where one was refused."""

        async def one(each: Doing[Any]) -> Any:
            try:
                return await self.ground.client.give(each)
            except HmsError as error:
                if error.code not in MAY_REFUSE:
                    raise
                return None

        async def everybody() -> list[Any]:
            return await asyncio.gather(*(one(each) for each in doing))

        return list(self.wait(everybody()))

    @staticmethod
    def pick(among: list[uuid.UUID], number: int) -> uuid.UUID:
        """One of them, rather a new one; an unknown id if there is none."""
        return among[-1 - number % len(among)] if among else uuid.UUID(int=number)

    def in_days(self, days: int) -> str:
        return (self.today + timedelta(days=days)).isoformat()

    # --- always

    @invariant()
    def everything_adds_up(self) -> None:
        async def look() -> list[str]:
            async with self.ground.aside.connect() as connection:
                return await broken(connection) + await self.books.differences(connection)

        found: list[str] = self.wait(look())
        assert found == []
