"""A package that was applied: every legal and every illegal pair, and what it covers."""

import itertools
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from hms_rt.departments.billing.model.package import MOVES, PackageMove, PackageState, PackageUse
from hms_rt.kernel.errors import Code, HmsError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ME, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
USE = PackageUse(ME, "CHECKUP", ME, None, date(2026, 3, 1), date(2026, 3, 2), PackageState.APPLIED, NOW, ME)


@pytest.mark.parametrize(("state", "move"), list(itertools.product(PackageState, PackageMove)))
def test_every_pair_of_a_package(state: PackageState, move: PackageMove) -> None:
    use = replace(USE, state=state)
    after = MOVES[move].get(state)
    if after is not None:
        assert use.withdrawn(OTHER, NOW, "changed plans").state is after
        return
    with pytest.raises(HmsError) as raised:
        use.withdrawn(OTHER, NOW, "changed plans")
    assert raised.value.code is Code.ILLEGAL_MOVE


def test_a_package_covers_its_admission_or_its_days() -> None:
    assert USE.covers(None, date(2026, 3, 2))
    assert not USE.covers(None, date(2026, 3, 3))
    assert not USE.covers(OTHER, date(2026, 3, 2))
    inpatient = replace(USE, admission_id=OTHER)
    assert inpatient.covers(OTHER, date(2026, 4, 1))
    assert not inpatient.covers(None, date(2026, 3, 1))
