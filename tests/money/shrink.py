"""``python -m tests.money.shrink SEED``: the fewest steps of a sequence that still fail, by leaving out.

Each try is a run of its own with a fresh database (some seconds), so it takes minutes. Delta debugging after
Zeller and Hildebrandt: halves first, then ever smaller parts, until no single step can be left out.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

TEST = "tests/money/test_any_sequence.py"
ROOT = Path(__file__).parents[2]
FAILED = 1
"""Pytest's exit code when a test failed, and nothing else was wrong."""
STEPS = 60
TRIES = 2
"""Troubles depend on time: what passes once may fail the next time."""


def shrunk(steps: Sequence[int], fails: Callable[[Sequence[int]], bool]) -> list[int]:
    """A part of ``steps`` that fails and of which no step can be left out."""
    kept, parts = list(steps), 2
    while len(kept) > 1:
        size = max(1, len(kept) // parts)
        for begin in range(0, len(kept), size):
            fewer = kept[:begin] + kept[begin + size :]
            if fewer and fails(fewer):
                kept, parts = fewer, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(kept), 2 * parts)
    return kept


def fails(seed: str, steps: Sequence[int]) -> bool:
    """True if the sequence with these steps alone fails."""
    told = {"MONEY_SEEDS": seed, "MONEY_STEPS": ",".join(map(str, steps))}
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", TEST]
    for _ in range(TRIES):
        ran = subprocess.run(command, cwd=ROOT, env={**os.environ, **told}, capture_output=True, check=False)
        if ran.returncode == FAILED:
            return True
    return False


def main(seed: str) -> int:
    """Tell the steps, and how to take them again."""
    everything = range(STEPS)
    if not fails(seed, everything):
        print(f"seed {seed} does not fail")
        return 0
    left = shrunk(everything, lambda steps: fails(seed, steps))
    steps = ",".join(map(str, left))
    print(f"MONEY_SEEDS={seed} MONEY_STEPS={steps} python -m pytest -s {TEST}")
    return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
