"""``python -m bench.pinned CORES PROGRAM ...``: run a program on these cores, with all its descriptors.

It ends with the process that started it, whatever ends that.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def launcher(*cores: int) -> Sequence[str]:
    """What to put before a command, to run it on ``cores``."""
    return (sys.executable, "-m", "bench.pinned", ",".join(map(str, cores)))


def main() -> None:
    """Become the program."""
    cores, *program = sys.argv[1:]
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    os.execvp(program[0], program)


if __name__ == "__main__":
    main()
