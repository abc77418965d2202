"""A server process that kills itself at a named point, once a file says so. Run by the tests beside it.

Points: ``before_commit`` and ``after_commit`` (nothing is published yet) are the unit of work's own;
``between_stores`` is after a document was written to MongoDB and before PostgreSQL refers to it.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from hms_rt.app import Hospital, Stores
from hms_rt.cli import loop
from hms_rt.cli.serving import listening
from hms_rt.config import Settings
from hms_rt.logs import configure
from hms_rt.storage.mongo import DocumentRef
from hms_rt.timers import Timers
from tests.faults.watched import tell_tasks

POINTS = ("before_commit", "after_commit", "between_stores")


def settings(secret: str, port: int = 0) -> Settings:
    """As the tests' own, so that the same people can sign in."""
    return Settings(
        _env_file=None,
        port=port,
        jwt_secret=SecretStr(secret),
        password_pepper=SecretStr(secret[::-1]),
        password_cost=4,
        requests_per_minute=0,
    )


def tell_between_stores(hospital: Hospital, reached: Callable[[str], None]) -> None:
    """Call ``reached`` whenever a document is stored that no row refers to yet."""
    write = hospital.documents.write

    async def written(collection: str, body: Mapping[str, Any]) -> DocumentRef:
        ref = await write(collection, body)
        reached("between_stores")
        return ref

    setattr(hospital.documents, "write", written)  # noqa: B010 - a method of this one object


async def main(stores: Stores, secret: str, point: str, trigger: Path, port: int = 0) -> None:
    """Serve; die without a word when ``point`` is reached while ``trigger`` exists."""

    def reached(where: str) -> None:
        if where == point and trigger.exists():
            os.kill(os.getpid(), signal.SIGKILL)

    configured = settings(secret, port)
    hospital = Hospital(configured, stores, reached=reached)
    tell_between_stores(hospital, reached)
    hospital.timers = Timers()  # a timer's commit must not pull the trigger
    stop = loop.stop_event()
    async with listening(hospital, configured) as listens:
        sys.stdout.write(f"{listens}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    configure("WARNING")
    if "FAULTS_TASKS" in os.environ:
        tell_tasks()
    trigger = Path(given["trigger"])
    loop.run(
        lambda: main(
            Stores(**given["stores"]), given["secret"], given["point"], trigger, given.get("port", 0)
        )
    )
