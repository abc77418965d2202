"""A failing sequence comes down to the steps that make it fail."""

from collections.abc import Sequence

import pytest

from tests.money.shrink import shrunk


@pytest.mark.parametrize("needed", [{7}, {3, 40}, {0, 1, 59}, set(range(60))])
def test_only_the_steps_that_are_needed_are_left(needed: set[int]) -> None:
    tried: list[Sequence[int]] = []

    def fails(steps: Sequence[int]) -> bool:
        tried.append(steps)
        return needed <= set(steps)

    assert set(shrunk(range(60), fails)) == needed
    assert len(tried) < 200
