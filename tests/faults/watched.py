"""``hms-rt`` as it is, which also tells how many asyncio tasks it has when it gets SIGUSR1.

``FAULTS_TASKS`` names the file that it writes the number to. Run by the tests beside it.
"""

import asyncio
import os
import signal
from pathlib import Path


def tell_tasks() -> None:
    """From now on SIGUSR1 writes the number of tasks."""
    told = Path(os.environ["FAULTS_TASKS"])

    def tell(*_: object) -> None:
        fresh = told.with_suffix(".fresh")
        fresh.write_text(str(len(asyncio.all_tasks())))
        fresh.replace(told)

    signal.signal(signal.SIGUSR1, tell)


if __name__ == "__main__":
    from hms_rt.__main__ import main

    tell_tasks()
    main()
