"""The states of a dispense without any store."""

import uuid
from datetime import UTC, datetime
from itertools import product

import pytest

from hms_rt.departments.pharmacy.model.dispense import MOVES, Dispense, DispenseMove, DispenseState
from hms_rt.kernel.errors import Code, HmsError

S = DispenseState
M = DispenseMove
LEGAL = {
    (S.PREPARED, M.HAND_OVER): S.HANDED_OVER,
    (S.PREPARED, M.CANCEL): S.CANCELLED,
    (S.HANDED_OVER, M.RETURN): S.RETURNED,
}


@pytest.mark.parametrize(("state", "move"), list(product(S, MOVES)))
def test_every_pair_of_state_and_move(state: S, move: M) -> None:
    someone = uuid.uuid4()
    now = datetime.now(UTC)
    made = Dispense(uuid.uuid4(), uuid.uuid4(), "MAIN", state, someone, now)

    def after() -> Dispense:
        if move is M.HAND_OVER:
            return made.hand_over(someone, now)
        return made.end(move, "because", someone, now)

    if (state, move) in LEGAL:
        assert (after().state, after().version) == (LEGAL[state, move], 2)
        return
    with pytest.raises(HmsError) as raised:
        after()
    assert raised.value.code is Code.ILLEGAL_MOVE
    assert raised.value.fields["legal"] == sorted(each.value for of, each in LEGAL if of is state)
