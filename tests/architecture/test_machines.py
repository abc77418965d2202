"""No state machine slips through: whoever declares one tests every legal and every illegal pair of it."""

import enum

import pytest

from hms_rt.departments.lab.model.specimen import SpecimenState
from tests.architecture.machines import Machine, enums_of_states, machines, untried

MACHINES = machines()

WITHOUT_MOVES = {
    "AllergyStatus": "whoever treats the patient says which it is, whatever was said before",
    "EntryState": "an entry of the record is superseded by a new version, or marked entered-in-error, once",
    "FormularyStatus": "whoever keeps the formulary sets any of them",
    "OrderState": "follows from the tests of the order",
    "ResultStatus": "follows from the versions of the result",
    "TimerState": "pending until it fired or was called off; neither is left",
}
"""Vocabularies of states that no table moves, and why."""

BY_ANOTHER_RULE = {
    "hms_rt.departments.lab.model.specimen.MOVES": frozenset({SpecimenState.PROCESSED}),
}
"""States that nobody moves a thing to: a specimen is processed by the first result that is taken from it."""


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.place.removeprefix("hms_rt."))
def test_every_pair_of_every_machine_is_tried(machine: Machine) -> None:
    reached = BY_ANOTHER_RULE.get(machine.place, frozenset())
    missing = {pair for pair in untried(machine) if reached.isdisjoint(pair)}
    assert not missing, (
        f"no test in tests/{machine.department}/test_*model*.py is parametrised over every pair of"
        f" {machine.place}; the nearest one leaves out {sorted(map(str, missing))}"
    )


def test_every_vocabulary_of_states_has_a_table_or_a_reason() -> None:
    moved = {machine.states.__name__ for machine in MACHINES}
    declared = {states.__name__ for states in enums_of_states()}
    assert declared - moved == set(WITHOUT_MOVES), "declare its moves as a table, or say here why it has none"


def test_machines_and_missing_pairs_are_found() -> None:
    places = {machine.place for machine in MACHINES}
    assert {"hms_rt.departments.beds.model.bed.MOVES", "hms_rt.departments.lab.model.alert.MOVES"} <= places

    class Door(enum.StrEnum):
        OPEN = "open"
        SHUT = "shut"

    untested = Machine("somewhere", "beds", Door, frozenset({(Door.OPEN, Door.SHUT)}))
    assert untried(untested) == {(Door.OPEN, Door.SHUT)}
