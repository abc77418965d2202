"""A right taken away in one process is gone from the sockets of another, whatever Redis does meanwhile."""

import dataclasses
import os
import signal
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from hms_rt.app import Hospital, Stores
from hms_rt.departments.identity.schemas import AssignmentIn, DeviceNew, UserUpdate
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Role
from hms_rt.storage.embedded import EmbeddedStack
from tests.conftest import ClientFactory, WardFactory, command
from tests.realtime.board import Board
from tests.realtime.conftest import BoardFactory, Client, OtherFactory, turn
from tests.realtime.raw import until

ROOM = "ward:ICU"
WITHIN_S = 10.0


@pytest_asyncio.fixture
async def stores(stores: Stores, valkey: EmbeddedStack) -> Stores:
    return dataclasses.replace(stores, redis_url=valkey.uri("redis"))


@dataclass
class Taken:
    """A board in another process, how its right is taken away here, and what then is true of it."""

    board: Board
    take: Callable[[], Awaitable[object]]
    gone: Callable[[], bool]


async def _id_of(client: Client) -> uuid.UUID:
    return uuid.UUID((await (await client.get("/api/v1/auth/me")).json())["id"])


@dataclass
class Cast:
    """Opens boards in ``there`` and takes their rights away in ``hospital``."""

    hospital: Hospital
    there: TestServer
    client_as: ClientFactory
    board_of: BoardFactory

    async def logout(self) -> Taken:
        nurse = await self.client_as(Role.NURSE, ward="ICU")
        board = await self._board(nurse)
        return Taken(board, lambda: nurse.post("/api/v1/auth/logout"), board.raw.closed.is_set)

    async def closed_account(self) -> Taken:
        return await self._updated(UserUpdate(active=False), hung_up=True)

    async def role(self) -> Taken:
        return await self._updated(UserUpdate(roles=frozenset({Role.PHARMACY})), hung_up=False)

    async def ward(self) -> Taken:
        nurse = await self.client_as(Role.NURSE, ward="ICU")
        board, who = await self._board(nurse), await _id_of(nurse)
        away = AssignmentIn(kind=AssignmentKind.WARD, place="ICU")
        identity = self.hospital.services.identity
        return Taken(
            board,
            lambda: identity.unassign(SYSTEM, command(), who, away),
            lambda: board.revoked == "forbidden",
        )

    async def screen(self) -> Taken:
        identity = self.hospital.services.identity
        link = await identity.create_device(
            SYSTEM, command(), DeviceNew(name="Door", rooms=[f"/beds {ROOM}"])
        )
        screen = await self.client_as()
        assert (await screen.get(link.path, allow_redirects=False)).status == 303
        board = await self._board(screen)
        return Taken(
            board,
            lambda: identity.revoke_device(SYSTEM, command(), link.device.id),
            board.raw.closed.is_set,
        )

    async def _updated(self, update: UserUpdate, *, hung_up: bool) -> Taken:
        nurse = await self.client_as(Role.NURSE, ward="ICU")
        board, who = await self._board(nurse), await _id_of(nurse)
        identity = self.hospital.services.identity
        return Taken(
            board,
            lambda: identity.update_user(SYSTEM, command(expected_version=2), who, update),
            board.raw.closed.is_set if hung_up else lambda: board.revoked == "forbidden",
        )

    async def _board(self, client: Client) -> Board:
        board: Board = await self.board_of(client, ROOM, to=self.there)
        return board


@pytest.mark.parametrize("redis", ["runs", "stopped", "killed"])
async def test_who_lost_a_right_in_one_process_loses_the_room_in_the_other(
    redis: str,
    hospital: Hospital,
    valkey: EmbeddedStack,
    client_as: ClientFactory,
    board_of: BoardFactory,
    another: OtherFactory,
    ward: WardFactory,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    other, there = await another()
    cast = Cast(hospital, there, client_as, board_of)
    taken = [await make() for make in (cast.logout, cast.closed_account, cast.role, cast.ward, cast.screen)]
    untouched = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM, to=there)
    if redis != "runs":
        os.kill(valkey.pid("redis"), signal.SIGSTOP if redis == "stopped" else signal.SIGKILL)
    try:
        for one in taken:
            await one.take()
        for one in taken:
            await until(one.gone, WITHIN_S)
        before = [len(one.board.changes) for one in taken]
        await turn(hospital, bed)
        await untouched.reach(untouched.version + 1, WITHIN_S)
    finally:
        if redis == "stopped":
            os.kill(valkey.pid("redis"), signal.SIGCONT)
    assert [len(one.board.changes) for one in taken] == before
    assert untouched.revoked is None
    (view,) = (view for view in other.views.all() if view.audience == untouched.audience)
    assert len(view.subscribers) == 1


async def test_a_session_ends_when_its_time_is_up_though_nobody_says_so(
    client_as: ClientFactory,
    board_of: BoardFactory,
    another: OtherFactory,
    ward: WardFactory,
    clock: ManualClock,
) -> None:
    """No timer runs, no request comes: the process that holds the socket knows by itself."""
    await ward("ICU", beds=1)
    other, there = await another()
    await other.timers.stop()
    early = await client_as(Role.NURSE, ward="ICU")
    board = await board_of(early, ROOM, to=there)
    clock.advance(timedelta(hours=11))
    late = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM, to=there)
    clock.advance(timedelta(minutes=61))
    await board.raw.hung_up(WITHIN_S)
    assert not late.raw.closed.is_set()
    assert (await early.get("/api/v1/auth/me")).status == 401
