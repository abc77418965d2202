"""``make faults``: strike a hospital under load with every fault, and say what held."""

import argparse
import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import groupby
from pathlib import Path

import uvloop
from rich.console import Console

from tests.faults.catalogue import FAULTS, named
from tests.faults.matrix import Fault, Outcome, run
from tests.faults.report import details, table, verdict, write
from tests.faults.stage import stage

console = Console(width=None if sys.stdout.isatty() else 180)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="of everything random")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="these faults alone")
    parser.add_argument("--seconds", type=float, default=8.0, help="of load around each fault")
    parser.add_argument("--json", type=Path, default=Path("faults.json"), help="where the outcome is written")
    parser.add_argument("--list", action="store_true", help="name the faults")
    parser.add_argument("--verbose", action="store_true", help="show the checks that hold, too")
    return parser.parse_args()


def by_stage(faults: list[Fault]) -> Iterator[list[Fault]]:
    """Faults that can share their stores."""
    for _, several in groupby(faults, key=lambda fault: fault.kind):
        yield list(several)


async def outcomes(faults: list[Fault], seed: int, seconds: float) -> AsyncIterator[Outcome]:
    """What became of each, as it is known."""
    for several in by_stage(faults):
        kind = several[0].kind
        if reason := kind.missing():
            for fault in several:
                yield Outcome(fault.name, fault.what, not_run=reason)
            continue
        async with stage(kind, random.Random(f"{seed} {kind}")) as made:
            for fault in several:
                yield await run(made, fault, seed, seconds)


async def main(given: argparse.Namespace) -> bool:
    """Run, print, write; True if every check held. SIGTERM ends it as Ctrl-C does: nothing is left behind."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    found: list[Outcome] = []
    async for outcome in outcomes(named(given.only), given.seed, given.seconds):
        found.append(outcome)
        console.print(f"{outcome.name}: {verdict(outcome)} ({outcome.seconds:.0f} s)")
        details(console, [outcome], everything=given.verbose)
    console.print(table(found, f"faults under load, seed {given.seed}"))
    write(given.json, found, given.seed)
    return all(outcome.ok for outcome in found)


if __name__ == "__main__":
    given = arguments()
    if given.list:
        for each in FAULTS:
            console.print(f"{each.name:24} {each.what}", highlight=False)
        sys.exit(0)
    try:
        chosen = named(given.only)
    except KeyError as unknown:
        sys.exit(f"there is no fault {unknown}: --list names them")
    sys.exit(0 if uvloop.run(main(given)) else 1)
