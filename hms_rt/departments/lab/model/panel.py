"""Panels: several tests that are ordered under one name."""

from collections.abc import Sequence
from dataclasses import dataclass

from hms_rt.departments.lab.model.catalogue import invalid

MOST_TESTS = 30
"""Tests that one order may have, and so a panel."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel as it is defined now; every version is kept, and an order keeps the one that it was made of."""

    code: str
    name: str
    tests: tuple[str, ...]
    active: bool = True
    version: int = 1


def expand(tests: Sequence[str], panels: Sequence[Panel]) -> dict[str, str | None]:
    """What to order: each test once, in the order of asking, with the first panel that brought it.

    Raises ``invalid`` for more tests than an order may have.
    """
    wanted: dict[str, str | None] = dict.fromkeys(tests)
    for panel in panels:
        for code in panel.tests:
            wanted.setdefault(code, panel.code)
    if len(wanted) > MOST_TESTS:
        raise invalid("panels", f"an order has at most {MOST_TESTS} tests, these are {len(wanted)}")
    return wanted
