"""Every fault of the matrix, in the order of the run: those on the same kind of stores together."""

from tests.faults import clocks, kills, networks, stores
from tests.faults.matrix import Fault
from tests.faults.stage import Kind

FAULTS: tuple[Fault, ...] = tuple(
    sorted(
        [*kills.FAULTS, *stores.FAULTS, *networks.FAULTS, *clocks.FAULTS],
        key=lambda fault: list(Kind).index(fault.kind),
    )
)


def named(names: list[str]) -> list[Fault]:
    """The faults of these names, all if there are none. Raises ``KeyError`` with the first unknown one."""
    known = {fault.name: fault for fault in FAULTS}
    return [known[name] for name in names] if names else list(FAULTS)
