"""What a broadcast costs while the process follows 1 to 10,000 other rooms, each shown by a screen.

What the other rooms cost when nothing happens (their screens' heartbeats, the comparison of their heads) is
told apart, and not counted as a broadcast's.
"""

import asyncio
import math
import os
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from bench import harness, load, subjects
from bench.load import Load
from bench.rounds import TROUBLE, Bench
from bench.subjects import Started
from hms_rt.app import Hospital
from hms_rt.departments.beds import tables
from hms_rt.departments.beds.model import BedStatus

ROOMS = (1, 10, 100, 1000, 10_000)
QUICK_ROOMS = (1, 100, 1000)
SOCKETS = 200
ROOMS_PER_SCREEN = 20
IDLE_S = 4.0
SUBSCRIBE = '42/beds,1["subscribe",{"room":"ward:W{j}"}]'


async def measure(bench: Bench) -> dict[str, Any]:
    """By number of other rooms: microseconds of server time per broadcast, and its load when idle."""
    points = []
    numbers = QUICK_ROOMS if bench.quick else ROOMS
    async with harness.ground() as place:
        await _define_wards(place, numbers[-1] + ROOMS_PER_SCREEN)
        own = place.folder / "tokens"
        own.write_text("\n".join(await harness.enrol_screens(place, [[f"/beds ward:{harness.WARD}"]])))
        for rooms in numbers:
            try:
                point = await _one(bench, place, own, rooms)
            except TROUBLE as error:
                bench.failed(f"{rooms:,} other rooms", error)
                continue
            points.append(point)
            bench.say(f"{rooms:,} other rooms: {point['us_per_broadcast']:.0f} µs a broadcast")
    return {"sockets": SOCKETS, "points": points}


async def _define_wards(place: harness.Ground, number: int) -> None:
    """Wards without beds, written as their definition leaves them in the tables."""
    hospital = Hospital(place.settings, place.stores)
    none = {status.value: 0 for status in BedStatus}
    try:
        async with hospital.engine.begin() as connection:
            building = (await connection.execute(tables.building.select().limit(1))).one()
            wards = [
                {
                    "code": f"W{index}",
                    "name": f"Ward {index}",
                    "facility_code": building.facility_code,
                    "building_code": building.code,
                    "version": 1,
                }
                for index in range(number)
            ]
            counts = [{"ward_code": ward["code"], **none} for ward in wards]
            for start in range(0, number, 1000):
                await connection.execute(insert(tables.ward), wards[start : start + 1000])
                await connection.execute(insert(tables.occupancy), counts[start : start + 1000])
    finally:
        await hospital.close()


async def _one(bench: Bench, place: harness.Ground, own: Path, rooms: int) -> dict[str, float]:
    each = min(ROOMS_PER_SCREEN, rooms)
    screens = math.ceil(rooms / each)
    bound = [[f"/beds ward:W{first + index}" for index in range(each)] for first in range(0, rooms, each)]
    tokens = place.folder / f"tokens-{rooms}"
    tokens.write_text("\n".join(await harness.enrol_screens(place, bound)))
    others = Load(
        screens,
        4 * bench.seconds + 2 * IDLE_S + load.CONNECT_S,
        options=(
            *("-n", "/beds", "-H", "Cookie: hms_device={tok}", "-T", str(tokens)),
            *("-s", SUBSCRIBE, "-m", str(each), "-E", "change"),
        ),
    )
    async with subjects.started(subjects.ours(), place, bench.cores) as started:
        following = await load.start(others, started.port)
        try:
            await load.connected(following)
            idle = await _idle_cpu(started.pid)
            return {"rooms": rooms, "idle_cpu": idle, **await _broadcasts(bench, own, started, idle)}
        finally:
            following.kill()
            await following.wait()


async def _broadcasts(bench: Bench, own: Path, started: Started, idle: float) -> dict[str, float]:
    wanted = Load(
        SOCKETS,
        bench.seconds,
        trigger=started.trigger,
        pid=started.pid,
        options=subjects.ours().client_options(own),
    )
    measured = await load.run(wanted, started.port)
    broadcasts_per_s = measured["frames_per_s"] / SOCKETS
    return {
        "us_per_broadcast": (measured["server_cpu"] - idle) * 1e6 / broadcasts_per_s,
        "frames_per_s": measured["frames_per_s"],
    }


async def _idle_cpu(pid: int) -> float:
    """The share of a core that the process uses for ``IDLE_S`` seconds."""
    before = _cpu_s(pid)
    await asyncio.sleep(IDLE_S)
    return (_cpu_s(pid) - before) / IDLE_S


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
