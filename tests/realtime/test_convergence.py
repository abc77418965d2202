"""Promise P1: however the changes race and the boards come and go, every board ends as the database says."""

import asyncio
import random

from aiohttp.test_utils import TestServer

from hms_rt.app import Hospital
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange, BedOut
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from tests.conftest import ClientFactory, WardFactory, command
from tests.realtime.board import Board
from tests.realtime.conftest import BoardFactory, Client, OtherFactory, RawFactory, fresh

WARDS = ("ICU", "MED", "SUR")
BOARDS = 20
WRITERS = 5
COMMANDS_EACH = 30
STATES = (BedStatus.AVAILABLE, BedStatus.CLEANING, BedStatus.RESERVED, BedStatus.OUT_OF_SERVICE)


async def write(hospital: Hospital, beds: list[BedOut], dice: random.Random) -> int:
    """Some commands, legal or not; returns how many were done."""
    done = 0
    for _ in range(COMMANDS_EACH):
        bed, status = dice.choice(beds), dice.choice(STATES)
        change = BedChange(status=status, isolation=dice.random() < 0.3, reason="a test")
        try:
            await hospital.services.beds.change(SYSTEM, command(), bed.id, change)
            done += 1
        except HmsError as error:
            if error.code is not Code.ILLEGAL_MOVE:
                raise
        await asyncio.sleep(dice.random() * 0.01)
    return done


class Visitor:
    """Opens a board at some moment, hangs up now and then, and comes back with what it knows."""

    def __init__(self, client: Client, room: str, dice: random.Random, process: TestServer | None) -> None:
        self.client, self.room, self.dice, self.process = client, room, dice, process
        self.board: Board | None = None

    async def visit(self, board_of: BoardFactory, dial: RawFactory) -> None:
        await asyncio.sleep(self.dice.random() * 0.8)
        self.board = await board_of(self.client, self.room, to=self.process)
        for _ in range(self.dice.randrange(3)):
            await asyncio.sleep(self.dice.random() * 0.3)
            await self.board.raw.close()
            await asyncio.sleep(self.dice.random() * 0.1)
            await self.board.move(await dial(self.client, "/beds", to=self.process))


async def test_every_board_ends_as_the_database_says(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    dial: RawFactory,
    another: OtherFactory,
    ward: WardFactory,
) -> None:
    beds = [bed for code in WARDS for bed in await ward(code, beds=4)]
    _, there = await another()
    clients = [await client_as(Role.NURSE, ward=code) for code in WARDS]
    reception = await client_as(Role.RECEPTION)
    rooms = [(client, f"ward:{code}") for client, code in zip(clients, WARDS, strict=True)]
    rooms += [(reception, f"ward:{code}") for code in WARDS] + [(reception, "hospital")]
    visitors = [
        Visitor(*rooms[number % len(rooms)], random.Random(number), there if number % 2 else None)
        for number in range(BOARDS)
    ]
    visits = asyncio.gather(*(visitor.visit(board_of, dial) for visitor in visitors))
    done = await asyncio.gather(*(write(hospital, beds, random.Random(one)) for one in range(WRITERS)))
    await visits
    assert sum(done) > WRITERS * COMMANDS_EACH / 4
    for visitor in visitors:
        assert visitor.board is not None
        wanted = await fresh(hospital, "/beds", visitor.room, visitor.board.audience)
        await visitor.board.settle(wanted)
    modes = [mode for visitor in visitors if visitor.board for mode in visitor.board.modes]
    assert "resume" in modes
