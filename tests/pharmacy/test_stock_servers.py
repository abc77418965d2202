"""Fifty at once over two server processes: never more leaves than came in, or comes back than was handed
over; what is recalled stays; and of what crosses a bound everybody is told once."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.pharmacy.schemas.levels import LevelIn
from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut
from hms_rt.departments.pharmacy.schemas.stock import ReceiptIn
from hms_rt.kernel.principal import SYSTEM, Role
from tests.cli.processes import configured, serving
from tests.conftest import PASSWORD, PersonFactory, command
from tests.pharmacy.conftest import Pharmacy, Query
from tests.pharmacy.shelves import shelves_agree

MANY = 50
LOT = 100
EACH = 3


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores) -> AsyncIterator[Hospital]:
    """Not started: the servers of the test do the work, and it prepares and looks."""
    made = Hospital(settings, stores)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def clerks(
    pharmacy: Pharmacy, stores: Stores, person: PersonFactory, tmp_path: Path
) -> AsyncIterator[list[aiohttp.ClientSession]]:
    """A clerk of the pharmacy, signed in at two servers."""
    await person(Role.PHARMACY, username="clerk")
    async with AsyncExitStack() as stack:
        sessions = []
        for _ in range(2):
            served = await stack.enter_async_context(serving(tmp_path, configured(stores)))
            await served.until("serving")
            jar = aiohttp.CookieJar(unsafe=True)
            session = aiohttp.ClientSession(served.url, cookie_jar=jar)
            await stack.enter_async_context(session)
            signed = {"username": "clerk", "password": PASSWORD}
            async with session.post("/api/v1/auth/login", json=signed) as answer:
                assert answer.status == 200
            sessions.append(session)
        yield sessions


@dataclass
class Floor:
    """Two servers, a clerk at each, and fifty prescriptions that wait."""

    pharmacy: Pharmacy
    clerks: list[aiohttp.ClientSession]
    query: Query
    waiting: list[PrescriptionOut]

    async def post(self, number: int, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        async with self.clerks[number % 2].post(f"/api/v1{path}", json=body) as answer:
            return answer.status, await answer.json()

    async def prepare(self, number: int, quantity: int, **how: str) -> tuple[int, Any]:
        rx = self.waiting[number]
        line = {"line_id": str(rx.lines[0].id), "quantity": str(quantity), **how}
        return await self.post(number, f"/prescriptions/{rx.id}/dispenses", {"lines": [line]})

    async def receive(self, lot: str, days: int) -> uuid.UUID:
        expires = date.today() + timedelta(days=days)  # noqa: DTZ011 - far from midnight does not matter
        goods = {"medicine": "AMOX500", "lot": lot, "quantity": str(LOT), "expires_on": expires.isoformat()}
        service, new = self.pharmacy.services.pharmacy, ReceiptIn.model_validate(goods)
        return (await service.receive(SYSTEM, command(), "MAIN", new)).lot_id

    async def told(self, kind: str) -> int:
        """How often the pharmacist was told of it."""
        ((times,),) = await self.query(
            "SELECT count(*) FROM notifications_notification WHERE user_id = :clerk AND kind = :kind",
            clerk=self.pharmacy.pharmacist.id,
            kind=kind,
        )
        return int(times)


async def test_fifty_at_once_take_what_there_is_and_not_one_more(
    pharmacy: Pharmacy, clerks: list[aiohttp.ClientSession], query: Query
) -> None:
    floor = Floor(pharmacy, clerks, query, [await pharmacy.active() for _ in range(MANY)])
    made = await fifty_dispensers_on_one_lot(floor)
    await fifty_hand_it_over_and_take_it_back(floor, made)
    await a_recall_among_fifty_dispensers(floor)
    await an_expired_lot_is_told_of_by_one_of_the_servers(floor)
    await shelves_agree(query)


async def fifty_dispensers_on_one_lot(floor: Floor) -> dict[str, Any]:
    """One of the dispenses."""
    await floor.receive("L1", 30)
    level = LevelIn(reorder_level=Decimal(LOT // 2))
    await floor.pharmacy.services.pharmacy.set_level(SYSTEM, command(), "MAIN", "AMOX500", level)
    answers = await asyncio.gather(*(floor.prepare(number, EACH) for number in range(MANY)))
    assert Counter(status for status, _ in answers) == {201: LOT // EACH, 409: MANY - LOT // EACH}
    ((left, moved, usable),) = await floor.query(
        """
        SELECT s.quantity, (SELECT sum(delta) FROM pharmacy_ledger), (SELECT usable FROM pharmacy_shelf)
        FROM pharmacy_stock s
        """
    )
    assert left == moved == usable == LOT % EACH
    assert await floor.told("stock_low") == 1  # of the one crossing, however many took something
    return next(made for status, made in answers if status == 201)


async def fifty_hand_it_over_and_take_it_back(floor: Floor, made: dict[str, Any]) -> None:
    first, item = made["id"], made["items"][0]["id"]
    hand_over = f"/dispenses/{first}/hand-over"
    handed = await asyncio.gather(*(floor.post(n, hand_over, {}) for n in range(MANY)))
    assert Counter(status for status, _ in handed) == {200: 1, 409: MANY - 1}
    (row,) = await floor.query("SELECT max(dispensed) AS most FROM pharmacy_line")
    assert row.most == EACH

    some = {"reason": "not opened", "disposition": "restock", "items": [{"item_id": item, "quantity": "1"}]}
    back = await asyncio.gather(*(floor.post(n, f"/dispenses/{first}/return", some) for n in range(MANY)))
    assert Counter(status for status, _ in back) == {200: EACH, 409: MANY - EACH}
    (row,) = await floor.query(
        """
        SELECT max(returned) AS back, (SELECT quantity FROM pharmacy_stock) AS left,
            (SELECT count(*) FROM pharmacy_return) AS returns, (SELECT count(*) FROM billing_charge
                WHERE reverses IS NULL AND reversed_by IS NULL) AS charges FROM pharmacy_line
        """
    )
    assert (row.back, row.left, row.returns, row.charges) == (EACH, LOT % EACH + EACH, EACH, 0)


async def a_recall_among_fifty_dispensers(floor: Floor) -> None:
    """Whoever came first: what was prepared of the lot is not handed over, and nothing more is prepared."""
    lot = await floor.receive("L2", 60)
    how = {"lot_id": str(lot), "reason": "the patient knows it"}
    recall = floor.post(1, f"/pharmacy/lots/{lot}/recall", {"reason": "glass in vials"})
    several = [floor.prepare(number, 1, **how) for number in range(MANY)]
    answers = await asyncio.gather(*several[:20], recall, *several[20:])
    assert answers.pop(20)[0] == 200
    assert {status for status, _ in answers} <= {201, 409}
    ready = [made["id"] for status, made in answers if status == 201]
    handed = await asyncio.gather(
        *(floor.post(n, f"/dispenses/{made}/hand-over", {}) for n, made in enumerate(ready))
    )
    assert {status for status, _ in handed} <= {409}
    again = await asyncio.gather(*(floor.prepare(number, 1, **how) for number in range(MANY)))
    assert {status for status, _ in again} == {409}
    (row,) = await floor.query("SELECT quantity FROM pharmacy_stock WHERE lot_id = :lot", lot=lot)
    assert row.quantity == LOT - len(ready)


async def an_expired_lot_is_told_of_by_one_of_the_servers(floor: Floor) -> None:
    """Their timers look at the same row; one of them marks the lot and tells."""
    lot = await floor.receive("L3", -3)
    marked = "SELECT 1 FROM pharmacy_lot WHERE id = :lot AND expired_at IS NOT NULL"
    async with asyncio.timeout(60):
        while not await floor.query(marked, lot=lot):
            await asyncio.sleep(0.1)
    assert await floor.told("stock_expired") == 1
    taken = await floor.prepare(0, 1, lot_id=str(lot), reason="nothing else is left")
    assert taken[0] == 409
