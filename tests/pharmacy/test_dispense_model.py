"""The states of a dispense and of a write-off without any store."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import pytest

from hms_rt.departments.pharmacy.model.dispense import MOVES, Dispense, DispenseMove, DispenseState
from hms_rt.departments.pharmacy.model.stock import WriteOff, WriteOffState
from hms_rt.kernel.errors import Code, HmsError

S = DispenseState
M = DispenseMove
LEGAL = {
    (S.PREPARED, M.HAND_OVER): S.HANDED_OVER,
    (S.PREPARED, M.CANCEL): S.CANCELLED,
    (S.HANDED_OVER, M.RETURN): S.RETURNED,
    (S.HANDED_OVER, M.RETURN_PART): S.HANDED_OVER,
}


@pytest.mark.parametrize(("state", "move"), list(product(S, MOVES)))
def test_every_pair_of_state_and_move(state: S, move: M) -> None:
    someone = uuid.uuid4()
    now = datetime.now(UTC)
    made = Dispense(uuid.uuid4(), uuid.uuid4(), "MAIN", state, someone, now)

    def after() -> Dispense:
        if move is M.HAND_OVER:
            return made.hand_over(someone, now)
        if move is M.RETURN_PART:
            return made.return_part()
        return made.end(move, "because", someone, now)

    if (state, move) in LEGAL:
        assert (after().state, after().version) == (LEGAL[state, move], 2)
        return
    with pytest.raises(HmsError) as raised:
        after()
    assert raised.value.code is Code.ILLEGAL_MOVE
    legal = sorted(each.value for each in MOVES if (state, each) in LEGAL)
    assert raised.value.fields["legal"] == legal


DECIDED = (WriteOffState.APPROVED, WriteOffState.REFUSED)


@pytest.mark.parametrize(("state", "to"), list(product(WriteOffState, DECIDED)))
def test_a_write_off_is_decided_once_and_by_another_person(state: WriteOffState, to: WriteOffState) -> None:
    asker, other, now = uuid.uuid4(), uuid.uuid4(), datetime.now(UTC)
    asked = WriteOff(uuid.uuid4(), uuid.uuid4(), "MAIN", Decimal(1), "broken", state, asker, now)
    if state is WriteOffState.REQUESTED:
        after = asked.decide(to, other, now)
        assert (after.state, after.decided_by, after.version) == (to, other, 2)
        with pytest.raises(HmsError) as raised:
            asked.decide(to, asker, now)
        assert raised.value.code is Code.FORBIDDEN
        return
    with pytest.raises(HmsError) as raised:
        asked.decide(to, other, now)
    assert (raised.value.code, raised.value.fields["legal"]) == (Code.ILLEGAL_MOVE, [])
