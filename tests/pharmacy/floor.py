"""Two servers of a pharmacy, people signed in at both, and fifty prescriptions that wait."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut
from hms_rt.departments.pharmacy.schemas.stock import ReceiptIn
from hms_rt.kernel.principal import SYSTEM, Role
from tests.cli.processes import configured, serving
from tests.conftest import PASSWORD, PersonFactory, command
from tests.pharmacy.conftest import Pharmacy, Query

MANY = 50
LOT = 100
EACH = 3
MAY_BE_BUSY = 25
"""Beside neighbours a turn may take longer than a server waits: a few of hundreds of commands."""


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
    """A clerk of the pharmacy, signed in at two servers; then a boss, who may approve what a clerk asks."""
    await person(Role.PHARMACY, username="clerk", counter="P1")
    await person(Role.PHARMACY, Role.ADMIN, username="boss", counter="P2")
    async with AsyncExitStack() as stack:
        sessions, urls = [], []
        for _ in range(2):
            served = await stack.enter_async_context(serving(tmp_path, configured(stores)))
            await served.until("serving")
            urls.append(served.url)
        for username, url in product(("clerk", "boss"), urls):
            jar = aiohttp.CookieJar(unsafe=True)
            session = aiohttp.ClientSession(url, cookie_jar=jar)
            await stack.enter_async_context(session)
            signed = {"username": username, "password": PASSWORD}
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
    busy: int = 0
    """How often a server said that it is."""

    async def post(
        self, number: int, path: str, body: dict[str, Any] | None, boss: bool = False, **headers: str
    ) -> tuple[int, Any]:
        session = self.clerks[number % 2 + 2 * boss]
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        while True:
            async with session.post(f"/api/v1{path}", json=body, headers=headers) as answer:
                told = await answer.json()
            if answer.status != 503:
                break
            # waited for too long, and nothing was done: as clients do, again
            self.busy += 1
            assert self.busy <= MAY_BE_BUSY, told
            await asyncio.sleep(told["retry_after_ms"] / 1000)
        assert answer.status < 500, told
        return answer.status, told

    async def at_once(
        self, path: str, body: dict[str, Any] | None, boss: bool = False, **headers: str
    ) -> Counter[int]:
        """How many of fifty who ask the same are answered how."""
        asked = (self.post(number, path, body, boss, **headers) for number in range(MANY))
        return Counter(status for status, _ in await asyncio.gather(*asked))

    async def prepare(self, number: int, quantity: int, **how: str) -> tuple[int, Any]:
        rx = self.waiting[number]
        line = {"line_id": str(rx.lines[0].id), "quantity": str(quantity), **how}
        return await self.post(number, f"/prescriptions/{rx.id}/dispenses", {"lines": [line]})

    async def receive(self, lot: str, days: int, store: str = "MAIN", quantity: int = LOT) -> uuid.UUID:
        expires = date.today() + timedelta(days=days)  # noqa: DTZ011 - far from midnight does not matter
        goods = {
            "medicine": "AMOX500",
            "lot": lot,
            "quantity": str(quantity),
            "expires_on": expires.isoformat(),
        }
        service, new = self.pharmacy.services.pharmacy, ReceiptIn.model_validate(goods)
        return (await service.receive(SYSTEM, command(), store, new)).lot_id

    async def told(self, kind: str) -> int:
        """How often the pharmacist was told of it."""
        ((times,),) = await self.query(
            "SELECT count(*) FROM notifications_notification WHERE user_id = :clerk AND kind = :kind",
            clerk=self.pharmacy.pharmacist.id,
            kind=kind,
        )
        return int(times)
