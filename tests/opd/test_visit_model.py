"""The state machine of visits: every legal and every illegal pair."""

import uuid
from datetime import timedelta

import pytest

from hms_rt.departments.opd.model.visit import OPEN, Disposition, Visit, VisitMove, VisitState
from hms_rt.kernel.errors import Code, HmsError
from tests.opd.bookings import MONDAY
from tests.opd.conftest import MORNING

S, M = VisitState, VisitMove
LEGAL = {
    (S.ARRIVED, M.TRIAGE): S.TRIAGED,
    (S.ARRIVED, M.CONSULT): S.IN_CONSULTATION,
    (S.TRIAGED, M.CONSULT): S.IN_CONSULTATION,
    (S.IN_CONSULTATION, M.CLOSE): S.CLOSED,
    (S.ARRIVED, M.LEAVE): S.LEFT,
    (S.TRIAGED, M.LEAVE): S.LEFT,
    (S.ARRIVED, M.CANCEL): S.CANCELLED,
    (S.TRIAGED, M.CANCEL): S.CANCELLED,
}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("move", M)
def test_every_pair_of_state_and_move(state: VisitState, move: VisitMove) -> None:
    some = uuid.UUID(int=1)
    visit = Visit(some, "GEN", MONDAY, some, "Curie", "MRN-1", state, MORNING, MORNING, MORNING)
    expected = LEGAL.get((state, move))
    if expected is None:
        with pytest.raises(HmsError) as raised:
            visit.moved(move, MORNING)
        assert raised.value.code is Code.ILLEGAL_MOVE
        assert raised.value.fields["legal"] == sorted(other for (at, other) in LEGAL if at is state)
        return
    after = visit.moved(move, MORNING + timedelta(minutes=1), disposition=Disposition.HOME, doctor_id=some)
    assert (after.state, after.version) == (expected, 2)
    assert (after.finished_at is None) is (expected in OPEN)
    assert (after.disposition is not None) is (move is M.CLOSE)
    with pytest.raises(HmsError):
        visit.moved(move, MORNING - timedelta(minutes=6))
