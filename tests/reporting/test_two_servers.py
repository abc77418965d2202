"""Two server processes: one at a time delivers a webhook, whichever dies; and fifty at once for a secret."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.reporting.schemas.accounts import AccountNew
from hms_rt.departments.reporting.schemas.webhooks import WebhookNew
from hms_rt.kernel.principal import SYSTEM, Role
from tests.cli.processes import configured, serving_workers
from tests.conftest import PASSWORD, PersonFactory, command
from tests.reporting.conftest import connected
from tests.reporting.receiver import Receiver

MANY = 50
ROUNDS = 40


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores) -> AsyncIterator[Hospital]:
    """Not started: the servers of the test do the work."""
    made = Hospital(settings.model_copy(update={"webhook_allow": ("127.0.0.0/8",)}), stores)
    yield made
    await made.close()


async def test_one_process_at_a_time_delivers_and_another_goes_on_when_it_is_killed(
    hospital: Hospital, stores: Stores, person: PersonFactory, tmp_path: Path
) -> None:
    reporting = hospital.services.reporting
    await person(Role.ADMIN, username="boss")
    receiver = Receiver()
    await receiver.server.start_server()
    new = AccountNew(name="Reports", purpose="figures", streams=["beds"])
    account = (await reporting.create_account(SYSTEM, command(), new)).account
    wanted = WebhookNew.model_validate({"account_id": account.id, "url": receiver.url()})
    await reporting.create_webhook(SYSTEM, command(), wanted)
    receiver.pause_s = 0.05
    environment = {**configured(stores), "WEBHOOK_ALLOW": "127.0.0.0/8"}
    async with serving_workers(tmp_path, environment) as served, connected(stores) as writer:
        for number in range(ROUNDS):
            await writer.write("beds/ward:A", f"beds/ward:B{number % 3}")
            if number == ROUNDS // 2:
                async with asyncio.timeout(60):
                    while not receiver.got:
                        await asyncio.sleep(0.02)
                assert receiver.most_at_once == 1
                os.kill(next(iter(served.pids().values())), signal.SIGKILL)
            await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            while len(receiver.taken()) < 2 * ROUNDS:
                await asyncio.sleep(0.05)
        versions: dict[str, list[int]] = {}
        for change in receiver.taken():
            versions.setdefault(change["stream"], []).append(change["version"])
        assert versions["beds/ward:A"] == list(range(1, ROUNDS + 1))
        assert all(found == list(range(1, len(found) + 1)) for found in versions.values())

        async with aiohttp.ClientSession(served.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as boss:
            signed = {"username": "boss", "password": PASSWORD}
            async with boss.post("/api/v1/auth/login", json=signed) as answer:
                cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in answer.cookies.items())

            async def ask() -> int:
                async with (
                    aiohttp.ClientSession(served.url, headers={"Cookie": cookie}) as own,
                    own.post(f"/api/v1/service-accounts/{account.id}/secrets") as answer,
                ):
                    return answer.status

            statuses = Counter(await asyncio.gather(*(ask() for _ in range(MANY))))
            assert statuses == {201: 1, 409: MANY - 1}
    await receiver.server.close()
