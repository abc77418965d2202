"""Any sequence of the commands of pharmacy and billing, each with some trouble.

After every step what is stored is what clients were told (``books``), and everything adds up (``sums``).
A sequence follows from its seed, each step from seed and number alone: a sequence with steps left out is one.
"""

import asyncio
import random
import uuid
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeVar, cast

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.app import Hospital
from hms_rt.departments.billing.service import BillingService
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut
from hms_rt.departments.pharmacy.service import PharmacyService
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Principal
from hms_rt.storage import postgres
from tests.conftest import command
from tests.money.boards import strange
from tests.money.books import Books
from tests.money.doors import Door
from tests.money.sums import broken
from tests.money.trouble import Client, Doing, Trouble

T = TypeVar("T", bound=BaseModel)
Draw = Callable[[random.Random], Any]
Rule = Callable[..., Awaitable[None]]
MAY_REFUSE = {Code.CONFLICT, Code.ILLEGAL_MOVE, Code.NOT_FOUND, Code.FORBIDDEN, Code.STALE_VERSION}
NOBODY = uuid.UUID(int=0)
SHOWN = 12
"""How many steps before a failure are told with it."""


def one_of(*values: Any) -> Draw:
    """Any of these."""
    return lambda chance: chance.choice(values)


quantities = one_of("0.5", "1", "3", "7.25", "20")
amounts = one_of("0.01", "5", "12.01", "33.33", "100")
TROUBLES: Sequence[StrEnum] = [*[Trouble.NONE] * len(Trouble), *Trouble]
MESSAGES = 25
"""A connection that is lost in the middle is so after fewer messages."""


def rule(weight: int = 2, **draws: Draw) -> Callable[[Rule], Rule]:
    """A step of a sequence, with what is drawn for each of its arguments."""

    def marked(step: Rule) -> Rule:
        setattr(step, "drawn", (weight, draws))  # noqa: B010 - a mark on a function
        return step

    return marked


@dataclass
class Ground:
    """What all sequences of a test share: one hospital, one set of books."""

    hospital: Hospital
    clock: ManualClock
    client: Client
    aside: AsyncEngine
    clerk: Principal
    admin: Principal
    pharmacist: Principal
    doctor: Principal
    nurse: Principal
    books: Books = field(default_factory=Books)
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    shift: uuid.UUID = NOBODY


class Commands:
    """One sequence, about patients and lots of its own; the counter is everybody's."""

    troubles = TROUBLES

    def __init__(self, ground: Ground, seed: int) -> None:
        self.ground, self.seed, self.chance = ground, seed, random.Random(seed)
        self.books, self.services = ground.books, ground.hospital.services
        self.pharmacy = cast(PharmacyService, Door("pharmacy", self.service("pharmacy")))
        self.billing = cast(BillingService, Door("billing", self.service("billing")))
        self.clerk, self.admin = ground.clerk, ground.admin
        self.pharmacist, self.doctor, self.nurse = ground.pharmacist, ground.doctor, ground.nurse
        self.patients: list[uuid.UUID] = []
        self.lots: list[uuid.UUID] = []
        self.prescriptions: list[PrescriptionOut] = []
        self.dispenses: list[uuid.UUID] = []
        self.write_offs: list[uuid.UUID] = []
        self.owe: list[uuid.UUID] = []
        """Patients, as they were charged."""
        self.charges: list[uuid.UUID] = []
        self.invoices: list[uuid.UUID] = []
        self.discounts: list[uuid.UUID] = []
        self.payments: list[uuid.UUID] = []
        self.refunds: list[uuid.UUID] = []
        self.at = 0
        self._trouble: StrEnum = Trouble.NONE
        self._last: deque[str] = deque(maxlen=SHOWN)
        marked = [(getattr(type(self), name), name) for name in sorted(dir(type(self)))]
        self._rules = {name: step.drawn for step, name in marked if hasattr(step, "drawn")}

    def service(self, department: str) -> Any:
        """Who is asked."""
        return getattr(self.services, department)

    async def begin(self) -> None:
        """What the steps find: patients, goods, an open drawer."""

    async def walk(self, steps: Collection[int]) -> None:
        """These steps; looks after each. Raises ``AssertionError`` with the last ones."""
        self.chance = random.Random(self.seed)
        await self.begin()
        for number in steps:
            self.at = number
            try:
                await self._step(number)
                found = await self.look()
            except Exception as error:
                raise AssertionError(self._told(repr(error))) from error
            assert not found, self._told(str(found))
        found = await self.boards()
        assert not found, self._told(str(found))

    async def _step(self, number: int) -> None:
        names = list(self._rules)
        self.chance = random.Random(f"{self.seed}/{number}")
        (name,) = self.chance.choices(names, [self._rules[name][0] for name in names])
        drawn = {key: draw(self.chance) for key, draw in self._rules[name][1].items()}
        self._trouble = self.chance.choice(self.troubles)
        self._last.append(f"{number}: {name} {drawn}, {self._trouble}")
        await getattr(self, name)(**drawn)

    def _told(self, what: str) -> str:
        again = f"MONEY_SEEDS={self.seed} python -m pytest -s tests/money/test_any_sequence.py"
        return f"seed {self.seed}, step {self.at}: {what}\n  " + "\n  ".join([*self._last, again])

    async def look(self) -> list[str]:
        """What does not add up, or is not what was told."""
        async with self.ground.aside.connect() as connection:
            return await broken(connection) + await self.books.differences(connection)

    async def boards(self) -> list[str]:
        """Boards that show something else than is stored."""
        async with postgres.snapshot(self.ground.aside) as connection:
            return await strange(connection, self.ground.hospital)

    # --- for the rules

    async def new_patient(self) -> uuid.UUID:
        """Registers somebody."""
        new = PatientNew(family_name="Curie")
        return (await self.services.patients.register(SYSTEM, command(), new)).id

    async def give(self, doing: Doing[T]) -> T | None:
        """The answer of a command; None if it was refused for a reason of the hospital. The first one of a
        step has its trouble."""
        trouble, self._trouble = self._trouble, Trouble.NONE
        messages = self.chance.randrange(MESSAGES)
        try:
            answer: T = await self.ground.client.give(doing, trouble, messages=messages)
        except HmsError as error:
            if error.code not in MAY_REFUSE:
                raise
            self.ground.refused[f"{Door.asked}: {error.code}"] += 1
            return None
        self.ground.done[Door.asked] += 1
        return answer

    async def at_once(self, *doing: Doing[Any]) -> list[Any]:
        """Answers of several clients, without those that were refused."""
        told = await asyncio.gather(*(self.give(each) for each in doing))
        return [one for one in told if one is not None]

    def pick(
        self, among: Sequence[uuid.UUID], fits: Callable[[uuid.UUID], bool] = lambda each: True
    ) -> uuid.UUID:
        """One of them, mostly one that fits; an unknown id if there is none."""
        fitting = [each for each in among if fits(each)] if self.chance.random() < 0.85 else []
        wanted = fitting or among
        return self.chance.choice(wanted) if wanted else uuid.UUID(int=self.chance.getrandbits(128))

    @property
    def today(self) -> date:
        """The hospital's."""
        return self.ground.clock.now().astimezone(self.ground.hospital.settings.zone).date()

    def in_days(self, days: int) -> str:
        return (self.today + timedelta(days=days)).isoformat()
