"""Every process has the same timers: what they do at the same moment is done once, and none of them fails."""

import asyncio

from sqlalchemy import text

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings


async def test_a_process_that_finds_another_one_keeping_house_leaves_it_to_it(
    settings: Settings, stores: Stores
) -> None:
    one, other = Hospital(settings, stores), Hospital(settings, stores)
    partitions = text(
        "SELECT relid::text FROM pg_partition_tree('change_log') WHERE relid::text ~ '_[0-9]+$' ORDER BY 1"
    )
    try:
        async with one.engine.begin() as connection:
            before = list((await connection.execute(partitions)).scalars())
            await connection.execute(text(f"DROP TABLE {before[-1]}"))
        async with one.engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(-7325, 2)"))
            await connection.execute(text("SELECT hms_make_partitions(clock_timestamp(), 3)"))
            await other.housekeeping.run()  # neither waits for what is not committed yet, nor makes it again
        async with one.engine.connect() as connection:
            assert list((await connection.execute(partitions)).scalars()) == before
    finally:
        await one.close()
        await other.close()


async def test_every_timer_of_many_processes_at_the_same_moment(settings: Settings, stores: Stores) -> None:
    hospitals = [Hospital(settings, stores) for _ in range(4)]
    try:
        jobs = [job for hospital in hospitals for _, _, job in hospital.timers._jobs]
        assert len(jobs) >= 4 * 7
        await asyncio.gather(*(job() for job in jobs))
    finally:
        for hospital in hospitals:
            await hospital.close()
