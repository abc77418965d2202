"""Redis stopped under load: no command fails, boards keep moving, and the fast path comes back."""

import asyncio
import dataclasses
import os
import signal

import pytest
import pytest_asyncio

from hms_rt.app import Stores
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.kernel.principal import Role
from hms_rt.services import Services
from hms_rt.storage.embedded import EmbeddedStack
from tests.conftest import ClientFactory, PersonFactory, SocketFactory, WardFactory, command

pytestmark = pytest.mark.usefixtures("valkey")


@pytest_asyncio.fixture
async def stores(stores: Stores, valkey: EmbeddedStack) -> Stores:
    return dataclasses.replace(stores, redis_url=valkey.uri("redis"))


async def test_boards_keep_moving_while_redis_is_stopped(
    services: Services,
    valkey: EmbeddedStack,
    client_as: ClientFactory,
    socket_of: SocketFactory,
    ward: WardFactory,
    person: PersonFactory,
) -> None:
    beds = await ward("ICU", beds=6)
    nurse = await person(Role.NURSE, ward="ICU")
    socket = await socket_of(await client_as(Role.NURSE, ward="ICU"), "/beds")
    seen: dict[str, str] = {}
    arrived = asyncio.Event()

    def changed(change: dict[str, list[dict[str, dict[str, str]]]]) -> None:
        for op in change["ops"]:
            if str(op["key"]).startswith("bed:"):
                seen[op["value"]["id"]] = op["value"]["status"]
        arrived.set()

    socket.on("change", changed, namespace="/beds")
    await socket.call("subscribe", {"room": "ward:ICU"}, namespace="/beds")

    async def everywhere(status: BedStatus) -> None:
        """All beds change at once, and the board shows all of them."""
        await asyncio.gather(
            *(services.beds.change(nurse, command(), bed.id, BedChange(status=status)) for bed in beds)
        )
        async with asyncio.timeout(10):
            while seen != {str(bed.id): status.value for bed in beds}:
                arrived.clear()
                await arrived.wait()

    await everywhere(BedStatus.CLEANING)
    os.kill(valkey.pid("redis"), signal.SIGSTOP)
    try:
        await everywhere(BedStatus.AVAILABLE)
        await everywhere(BedStatus.CLEANING)
    finally:
        os.kill(valkey.pid("redis"), signal.SIGCONT)
    await everywhere(BedStatus.AVAILABLE)
    os.kill(valkey.pid("redis"), signal.SIGKILL)
    await everywhere(BedStatus.CLEANING)
    await valkey.restart("redis")
    await everywhere(BedStatus.AVAILABLE)
