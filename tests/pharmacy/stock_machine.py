"""Any sequence of the commands of stock, drawn by hypothesis; the ledger equals the stock after each."""

import asyncio
import uuid
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hms_rt.departments.pharmacy.model.dispense import Disposition
from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut, When, Why
from hms_rt.departments.pharmacy.schemas.stock import (
    CountIn,
    DispenseOut,
    RecallIn,
    ReturnIn,
    TransferIn,
    WriteOffIn,
)
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from tests.conftest import command
from tests.pharmacy.conftest import Pharmacy, Query
from tests.pharmacy.shelves import agree, prepare, receive

T = TypeVar("T")
WHY = Why(reason="changed")
amounts = st.sampled_from(["0.5", "1", "3", "7.25", "20"])
picks = st.integers(0, 5)


class StockCommands(RuleBasedStateMachine):
    """Runs in a thread of its own; the commands run in ``loop``, on the real database."""

    loop: asyncio.AbstractEventLoop
    pharmacy: Pharmacy
    admin: Principal
    query: Query
    prescriptions: list[PrescriptionOut]
    done: set[str]

    def __init__(self) -> None:
        super().__init__()
        self.lots: list[uuid.UUID] = []
        self.made: list[uuid.UUID] = []
        self.asked: list[uuid.UUID] = []
        self.service = self.pharmacy.services.pharmacy

    def do(self, name: str, doing: Coroutine[Any, Any, T]) -> T | None:
        try:
            answer = asyncio.run_coroutine_threadsafe(doing, self.loop).result(30)
        except HmsError as error:
            if error.code not in {Code.CONFLICT, Code.ILLEGAL_MOVE, Code.NOT_FOUND}:
                raise
            return None
        self.done.add(name)
        return answer

    def pick(self, among: list[uuid.UUID], number: int) -> uuid.UUID:
        return among[number % len(among)] if among else uuid.UUID(int=0)

    @initialize()
    def opens(self) -> None:
        """Something to move, whatever is drawn."""
        self.receives(0, "20", 45)

    @rule(number=picks, amount=amounts, days=st.integers(1, 90))
    def receives(self, number: int, amount: str, days: int) -> None:
        lot = f"{id(self)}-{number}-{days}"
        got = self.do("receive", receive(self.pharmacy, lot, days, amount))
        if got is not None:
            self.lots.append(got.lot_id)

    @rule(number=picks, amount=amounts, back=st.booleans())
    def transfers(self, number: int, amount: str, back: bool) -> None:
        stores = ["ICU-CUP", "MAIN"] if back else ["MAIN", "ICU-CUP"]
        wanted = TransferIn(
            lot_id=self.pick(self.lots, number),
            from_store=stores[0],
            to_store=stores[1],
            quantity=Decimal(amount),
        )
        self.do("transfer", self.service.transfer(self.pharmacy.pharmacist, command(), wanted))

    @rule(number=picks, amount=amounts)
    def counts(self, number: int, amount: str) -> None:
        lot = self.pick(self.lots, number)
        told = CountIn(lot_id=lot, store="MAIN", counted=Decimal(amount), reason="shelf count")
        self.do("count", self.service.count(self.pharmacy.pharmacist, command(), told))

    @rule(number=picks, amount=amounts)
    def writes_off(self, number: int, amount: str) -> None:
        lot = self.pick(self.lots, number)
        wanted = WriteOffIn(lot_id=lot, store="MAIN", quantity=Decimal(amount), reason="broken")
        asked = self.do("ask", self.service.request_write_off(self.pharmacy.pharmacist, command(), wanted))
        if asked is not None:
            self.asked.append(asked.id)

    @rule(number=picks)
    def approves(self, number: int) -> None:
        asked = self.pick(self.asked, number)
        self.do("approve", self.service.approve_write_off(self.admin, command(), asked))

    @rule(number=picks, amount=amounts)
    def prepares(self, number: int, amount: str) -> None:
        made = self.do("prepare", prepare(self.pharmacy, self.prescriptions[number % 3], amount))
        if made is not None:
            self.made.append(made.id)

    @rule(
        number=picks,
        how=st.sampled_from(["hand_over", "cancel", "return"]),
        to=st.sampled_from(["restock", "destroy"]),
    )
    def ends(self, number: int, how: str, to: str) -> None:
        made = self.pick(self.made, number)
        told = ReturnIn(reason="changed", disposition=Disposition(to))
        doing: dict[str, Coroutine[Any, Any, DispenseOut]] = {}
        if how == "hand_over":
            doing[how] = self.service.hand_over(self.pharmacy.pharmacist, command(), made, When())
        elif how == "cancel":
            doing[how] = self.service.cancel_dispense(self.pharmacy.pharmacist, command(), made, WHY)
        else:
            doing[how] = self.service.return_dispense(self.pharmacy.pharmacist, command(), made, told)
        self.do(how, doing[how])

    @rule(number=picks, seldom=st.integers(0, 9))
    def recalls(self, number: int, seldom: int) -> None:
        if seldom == 0:
            lot = self.pick(self.lots, number)
            self.do(
                "recall",
                self.service.recall(self.pharmacy.pharmacist, command(), lot, RecallIn(reason="glass")),
            )

    @invariant()
    def adds_up(self) -> None:
        asyncio.run_coroutine_threadsafe(agree(type(self).query), self.loop).result(30)
