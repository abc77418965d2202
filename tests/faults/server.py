"""A server process that kills itself at a named point, once a file says so. Run by the tests beside it."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from pydantic import SecretStr

from hms_rt.app import Hospital, Stores
from hms_rt.cli.serving import listening
from hms_rt.config import Settings
from hms_rt.timers import Timers


def settings(secret: str) -> Settings:
    """As the tests' own, so that the same people can sign in."""
    return Settings(
        _env_file=None,
        port=0,
        jwt_secret=SecretStr(secret),
        password_pepper=SecretStr(secret[::-1]),
        password_cost=4,
        requests_per_minute=0,
    )


async def main(stores: Stores, secret: str, point: str, trigger: Path) -> None:
    """Serve; die without a word when ``point`` is reached while ``trigger`` exists."""

    def reached(where: str) -> None:
        if where == point and trigger.exists():
            os.kill(os.getpid(), signal.SIGKILL)

    configured = settings(secret)
    hospital = Hospital(configured, stores, reached=reached)
    hospital.timers = Timers()  # a timer's commit must not pull the trigger
    async with listening(hospital, configured) as port:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(main(Stores(**given["stores"]), given["secret"], given["point"], Path(given["trigger"])))
