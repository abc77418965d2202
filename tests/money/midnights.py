"""A process that only looks for timers that are due, by a clock which all processes of a test share."""

import asyncio
import json
import mmap
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.logs import configure
from tests.cli.processes import BARE, ROOT
from tests.conftest import SECRET

READY = b"ready\n"
PAUSE_S = 0.01


class SharedClock:
    """The machine's clock, off by the seconds that a mapped file holds."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(bytes(8))
        with file.open("r+b") as opened:
            self._off = mmap.mmap(opened.fileno(), 8)

    def now(self) -> datetime:
        (seconds,) = struct.unpack("d", self._off[:])
        return datetime.now(UTC) + timedelta(seconds=seconds)

    def set(self, to: datetime) -> None:
        """For everybody, from now on."""
        self._off[:] = struct.pack("d", (to - datetime.now(UTC)).total_seconds())


async def main(stores: Stores, zone: str, clock: SharedClock) -> None:
    """Until it is killed."""
    settings = Settings(
        _env_file=None,
        jwt_secret=SecretStr(SECRET),
        password_pepper=SecretStr(SECRET[::-1]),
        facility_timezone=zone,
    )
    hospital = Hospital(settings, stores, clock=clock)
    sys.stdout.buffer.write(READY)
    sys.stdout.flush()
    while True:
        await hospital.durable_timers.run_due()
        await asyncio.sleep(PAUSE_S)


@asynccontextmanager
async def looking(stores: Stores, zone: str, clock: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Such a process; it looks already."""
    told = json.dumps({"stores": asdict(stores), "zone": zone, "clock": str(clock)})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.money.midnights", told),
        cwd=ROOT,
        env={**BARE, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == READY
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


if __name__ == "__main__":
    configure("ERROR")
    given = json.loads(sys.argv[1])
    asyncio.run(main(Stores(**given["stores"]), given["zone"], SharedClock(Path(given["clock"]))))
