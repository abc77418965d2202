"""``make bench``: measure everything beside the peers, print the tables, write docs/bench and the README.

A quick or partial run writes to ``.hms/bench/results`` instead; ``--update`` puts its scenarios in the place
of the same ones of the last full run.
"""

import argparse
import asyncio
import importlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import uvloop
from rich.console import Console
from rich.markdown import Markdown

from bench import harness, machine, plots, report, tools
from bench.goals import goals_table
from bench.rounds import Bench
from bench.subjects import Cores
from hms_rt.logs import configure

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "bench"
SCENARIOS = ("fanout", "latency", "saturation", "hold", "idle", "commit", "storm", "rooms", "history")
SCREENS = 5000
LONGEST_S = 900.0
"""No scenario takes a third of this; one that hangs is given up, and the others go on."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measurements of hms-rt on this machine.")
    parser.add_argument("--quick", action="store_true", help="about three minutes: one round, fewer sockets")
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, metavar="SCENARIO", default=list(SCENARIOS))
    parser.add_argument("--rounds", type=int, help="interleaved rounds (3; quick: 1)")
    parser.add_argument("--seconds", type=float, help="measuring time of one run (3; quick: 2)")
    parser.add_argument("--update", action="store_true", help="put these scenarios into docs/bench")
    parser.epilog = "Scenarios: " + ", ".join(SCENARIOS)
    return parser.parse_args()


async def _measure(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    cores = Cores.of_this_machine()
    described = machine.description(cores)
    for name, value in described.items():
        console.print(f"  {name}: {value}", highlight=False, soft_wrap=True)
    os.sched_setaffinity(0, {cores.client})
    quick = bool(arguments.quick)
    async with harness.ground() as place:
        tokens = place.folder / "tokens"
        screens = await harness.enrol_screens(place, [[f"/beds ward:{harness.WARD}"]] * SCREENS)
        tokens.write_text("\n".join(screens))
        rounds = arguments.rounds or (1 if quick else 3)
        seconds = arguments.seconds or (2.0 if quick else 3.0)
        bench = Bench(place, cores, tokens, console, quick, rounds, seconds)
        found = {}
        for name in arguments.only:
            console.rule(name)
            began = time.monotonic()
            try:
                scenario = importlib.import_module(f"bench.scenarios.{name}")
                async with asyncio.timeout(LONGEST_S):
                    found[name] = await scenario.measure(bench)
            except Exception as error:
                bench.failed(name, error)
            bench.say(f"{name} took {time.monotonic() - began:.0f} s")
    return {
        "machine": described,
        "options": {"quick": quick, "rounds": rounds, "seconds": seconds},
        "scenarios": found,
        "failures": bench.failures,
    }


def _joined(results: dict[str, Any]) -> dict[str, Any]:
    """``results`` with the scenarios of the last full run, if there was one, that were not measured now."""
    last = DOCS / "results.json"
    if not last.is_file():
        return results
    before = orjson.loads(last.read_bytes())
    scenarios = {**before["scenarios"], **results["scenarios"]}
    return {**results, "options": before["options"], "scenarios": scenarios}


def _write(results: dict[str, Any], folder: Path, *, readme: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")
    made = plots.drawn(results)
    for name, content in made.items():
        (folder / name).write_text(content)
    (folder / "results.md").write_text(report.page(results, list(made)))
    if readme:
        page = ROOT / "README.md"
        page.write_text(report.into_readme(page.read_text(), results, list(made)))


def _show(results: dict[str, Any], console: Console, folder: Path) -> None:
    console.rule("results")
    for part in (
        goals_table(results, measured_only=True),
        report.peers_table(results),
        report.curves(results),
    ):
        console.print(Markdown(part))
    for told in results["failures"]:
        console.print(f"FAILED {told}", style="red", markup=False, soft_wrap=True)
    console.print(f"written to {folder}", soft_wrap=True)


def main(given: Sequence[str] | None = None) -> None:
    """Measure, write, show."""
    arguments = _arguments()
    configure("WARNING")
    console = Console()
    try:
        tools.load_client(), tools.bare_loop(), tools.node_server()
    except tools.MissingToolError as error:
        sys.exit(f"bench: {error}")
    results = uvloop.run(_measure(arguments, console))
    full = not arguments.quick and set(arguments.only) == set(SCENARIOS)
    if arguments.update and not full:
        results = _joined(results)
    folder = DOCS if full or arguments.update else tools.CACHE / "results"
    _write(results, folder, readme=full or bool(arguments.update))
    _show(results, console, folder)


if __name__ == "__main__":
    main()
