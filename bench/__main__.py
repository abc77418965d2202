"""``make bench``: run the measurements and print them."""

import argparse

import uvloop
from rich.console import Console
from rich.table import Table

from bench.commit_to_screen import CHANGES, measure


def main() -> None:
    """Measure commit to screen for some numbers of screens."""
    parser = argparse.ArgumentParser(description="Measurements of hms-rt on this machine.")
    parser.add_argument("--screens", type=int, nargs="*", default=[1, 100])
    arguments = parser.parse_args()
    results = {number: uvloop.run(measure(number)) for number in arguments.screens}
    table = Table(
        "milliseconds", *(f"{number} screens" for number in results), title=f"{CHANGES} changes each"
    )
    for figure in next(iter(results.values())):
        table.add_row(figure, *(f"{result[figure]:.1f}" for result in results.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
