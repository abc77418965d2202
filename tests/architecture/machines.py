"""Finds every state machine of the departments by its declaration, and which tests go through its pairs.

A machine is a table at the top of a module of a department's model, or of the kernel:

- ``{state: {states it may become}}``, or
- ``{move: {state: state}}`` or ``{state: {move: state or states}}``, with an enum of moves.
"""

import ast
import importlib
import inspect
import itertools
import pkgutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import hms_rt.departments
import hms_rt.kernel

TESTS = Path(__file__).parents[1]
Pair = tuple[StrEnum, StrEnum]


@dataclass(frozen=True)
class Machine:
    """One table: where it is, whose states it moves, and every pair that must be tried."""

    place: str
    department: str
    states: type[StrEnum]
    pairs: frozenset[Pair]


def modules() -> Iterator[ModuleType]:
    """The kernel's, and those that a department's model is made of."""
    for package in (hms_rt.departments, hms_rt.kernel):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if package is hms_rt.kernel or "model" in found.name.split("."):
                yield importlib.import_module(found.name)


def machines() -> list[Machine]:
    """Every table of moves."""
    found = []
    for module in modules():
        for name, value in _tables(module):
            machine = _machine(f"{module.__name__}.{name}", value)
            if machine is not None:
                found.append(machine)
    return found


def enums_of_states() -> list[type[StrEnum]]:
    """Every vocabulary that calls itself a state or status."""
    return [
        value
        for module in modules()
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, StrEnum)
        if value.__module__ == module.__name__ and name.endswith(("State", "Status"))
    ]


def _tables(module: ModuleType) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """The mappings that a module itself assigns at its top."""
    for node in ast.parse(inspect.getsource(module)).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            value = getattr(module, target.id, None) if isinstance(target, ast.Name) else None
            if isinstance(value, Mapping) and value:
                yield target.id, value  # type: ignore[union-attr]


def _members(values: Any) -> list[StrEnum] | None:
    """The enum members among ``values``; None if there is anything else."""
    several = [values] if isinstance(values, StrEnum) else list(values) if _is_several(values) else None
    if several is None or not all(isinstance(one, StrEnum) for one in several):
        return None
    return several


def _is_several(values: Any) -> bool:
    return isinstance(values, (set, frozenset, list, tuple))


def _machine(place: str, table: Mapping[Any, Any]) -> Machine | None:
    if not all(isinstance(key, StrEnum) for key in table):
        return None
    first = type(next(iter(table)))
    department = place.split(".")[2] if place.startswith("hms_rt.departments.") else "kernel"
    if all(isinstance(inner, Mapping) for inner in table.values()):
        steps = [(key, after) for inner in table.values() for key, after in inner.items()]
        outcomes = [_members(after) for _, after in steps]
        if not steps or None in outcomes or not isinstance(steps[0][0], StrEnum):
            return None
        states = {type(state) for several in outcomes for state in several or ()}.pop()
        inner_keys = {key for key, _ in steps}
        moves = set(table) if first is not states else inner_keys
        if (type(next(iter(inner_keys))) is states) is (first is states):
            return None
        return Machine(
            place, department, states, frozenset((state, move) for state in states for move in moves)
        )
    targets = [_members(after) for after in table.values()]
    if None in targets:
        return None
    reached = {state for several in targets for state in several or ()}
    if {type(state) for state in reached} != {first}:
        return None
    return Machine(place, department, first, frozenset((state, to) for state in first for to in reached))


# --- which tests go through them


def untried(machine: Machine) -> set[Pair]:
    """The pairs that no single parametrised test of the department's models goes through."""
    nearest: set[Pair] = set(machine.pairs)
    for tried in _parametrised(machine.department):
        left = {pair for pair in machine.pairs if tried[_key(*pair)] < _times(machine, pair)}
        nearest = min(nearest, left, key=len)
    return nearest


def _times(machine: Machine, pair: Pair) -> int:
    """How often the two must meet: twice where both ways between two states are to be tried."""
    one, other = pair
    both_ways = type(one) is type(other) and one is not other and (other, one) in machine.pairs
    return 2 if both_ways else 1


def _key(one: StrEnum, other: StrEnum) -> tuple[str, ...]:
    return tuple(sorted((f"{type(one).__name__}.{one}", f"{type(other).__name__}.{other}")))


def _parametrised(department: str) -> Iterator[Counter[tuple[str, ...]]]:
    """For every test of a department's models: how often each two enum members meet in its parameters."""
    for path in sorted((TESTS / department).glob("test_*model*.py")):
        module = importlib.import_module(f"tests.{department}.{path.stem}")
        for test in vars(module).values():
            marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
            if marks:
                yield _met([_axis(mark.args[1]) for mark in marks])


def _axis(values: Any) -> list[list[StrEnum]]:
    """The enum members of each parameter set of one mark."""
    rows = []
    for value in values:
        given = getattr(value, "values", value)  # pytest.param
        row = given if isinstance(given, (tuple, list)) else (given,)
        rows.append([one for one in row if isinstance(one, StrEnum)])
    return rows


def _met(axes: list[list[list[StrEnum]]]) -> Counter[tuple[str, ...]]:
    met: Counter[tuple[str, ...]] = Counter()
    for rows in itertools.product(*axes):
        members = [one for row in rows for one in row]
        met.update(_key(*two) for two in itertools.combinations(members, 2))
    return met
