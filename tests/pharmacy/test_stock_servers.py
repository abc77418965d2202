"""Fifty dispensers on one lot over two server processes: never more leaves than came in, or comes back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.pharmacy.schemas.levels import LevelIn
from hms_rt.departments.pharmacy.schemas.stock import ReceiptIn
from hms_rt.kernel.principal import SYSTEM, Role
from tests.cli.processes import configured, serving
from tests.conftest import PASSWORD, PersonFactory, command
from tests.pharmacy.conftest import Pharmacy, Query

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


async def test_fifty_dispensers_on_one_lot_take_what_there_is_and_not_one_more(
    pharmacy: Pharmacy, clerks: list[aiohttp.ClientSession], query: Query
) -> None:
    expires = (date.today() + timedelta(days=30)).isoformat()  # noqa: DTZ011 - any day to come will do
    goods = {"medicine": "AMOX500", "lot": "L1", "expires_on": expires, "quantity": str(LOT)}
    await pharmacy.services.pharmacy.receive(SYSTEM, command(), "MAIN", ReceiptIn.model_validate(goods))
    waiting = [await pharmacy.active() for _ in range(MANY)]
    level = LevelIn(reorder_level=Decimal(LOT // 2))
    await pharmacy.services.pharmacy.set_level(SYSTEM, command(), "MAIN", "AMOX500", level)

    async def post(number: int, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        async with clerks[number % 2].post(f"/api/v1{path}", json=body) as answer:
            return answer.status, await answer.json()

    async def prepare(number: int) -> tuple[int, Any]:
        line = {"line_id": str(waiting[number].lines[0].id), "quantity": str(EACH)}
        return await post(number, f"/prescriptions/{waiting[number].id}/dispenses", {"lines": [line]})

    answers = await asyncio.gather(*(prepare(number) for number in range(MANY)))
    assert Counter(status for status, _ in answers) == {201: LOT // EACH, 409: MANY - LOT // EACH}
    ((left, moved),) = await query(
        "SELECT s.quantity, (SELECT sum(delta) FROM pharmacy_ledger) FROM pharmacy_stock s"
    )
    assert left == moved == LOT % EACH

    ((told, usable),) = await query(
        """
        SELECT count(*), (SELECT usable FROM pharmacy_shelf) FROM notifications_notification n
        WHERE n.user_id = :clerk AND n.kind = 'stock_low'
        """,
        clerk=pharmacy.pharmacist.id,
    )
    assert (told, usable) == (1, LOT % EACH)  # of the one crossing, however many took something

    first, item = next((made["id"], made["items"][0]["id"]) for status, made in answers if status == 201)
    handed = await asyncio.gather(*(post(n, f"/dispenses/{first}/hand-over", {}) for n in range(MANY)))
    assert Counter(status for status, _ in handed) == {200: 1, 409: MANY - 1}
    (row,) = await query("SELECT max(dispensed) AS most FROM pharmacy_line")
    assert row.most == EACH

    some = {"reason": "not opened", "disposition": "restock", "items": [{"item_id": item, "quantity": "1"}]}
    back = await asyncio.gather(*(post(n, f"/dispenses/{first}/return", some) for n in range(MANY)))
    assert Counter(status for status, _ in back) == {200: EACH, 409: MANY - EACH}
    (row,) = await query(
        """
        SELECT max(returned) AS back, (SELECT quantity FROM pharmacy_stock) AS left,
            (SELECT count(*) FROM pharmacy_return) AS returns, (SELECT count(*) FROM billing_charge
                WHERE reverses IS NULL AND reversed_by IS NULL) AS charges FROM pharmacy_line
        """
    )
    assert (row.back, row.left, row.returns, row.charges) == (EACH, LOT % EACH + EACH, EACH, 0)
