"""Requests to housekeeping: every pair of state and move; what suits a patient, by every need."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from hms_rt.departments.beds.model import Bed, BedStatus, Feature, Isolation, Needs, Precaution, unsuitable
from hms_rt.departments.beds.model.cleaning import (
    DUE_WITHIN,
    MOVES,
    OPEN,
    Cleaning,
    CleaningKind,
    CleaningMove,
    CleaningState,
)
from hms_rt.kernel.errors import Code, HmsError

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
WHO = uuid.UUID(int=1)
S, M = CleaningState, CleaningMove

LEGAL = {
    (S.REQUESTED, M.CLAIM): S.CLAIMED,
    (S.REQUESTED, M.FINISH): S.DONE,
    (S.REQUESTED, M.CANCEL): S.CANCELLED,
    (S.CLAIMED, M.GIVE_BACK): S.REQUESTED,
    (S.CLAIMED, M.FINISH): S.DONE,
    (S.CLAIMED, M.CANCEL): S.CANCELLED,
}
DO: dict[CleaningMove, Callable[[Cleaning], Cleaning]] = {
    M.CLAIM: lambda c: c.claim(WHO, "Somebody", NOW),
    M.GIVE_BACK: lambda c: c.give_back(),
    M.FINISH: lambda c: c.finish(WHO, NOW),
    M.CANCEL: lambda c: c.cancel(WHO, NOW),
}
PAIRS = [(state, move) for state in S for move in M]


def request(state: CleaningState) -> Cleaning:
    made = Cleaning(
        id=uuid.uuid4(),
        bed_id=uuid.uuid4(),
        ward="ICU",
        kind=CleaningKind.ROUTINE,
        state=S.REQUESTED,
        requested_at=NOW,
        requested_by=WHO,
        due_at=NOW,
    )
    way = {S.REQUESTED: made, S.CLAIMED: DO[M.CLAIM](made), S.DONE: DO[M.FINISH](made)}
    return way.get(state) or DO[M.CANCEL](made)


@pytest.mark.parametrize(("state", "move"), PAIRS)
def test_exactly_the_legal_moves_are_made(state: CleaningState, move: CleaningMove) -> None:
    before = request(state)
    assert (move in MOVES[state]) is ((state, move) in LEGAL)
    if (state, move) in LEGAL:
        after = DO[move](before)
        assert (after.state, after.version) == (LEGAL[state, move], before.version + 1)
        assert (after.state in OPEN) is (after.finished_at is None)
        return
    with pytest.raises(HmsError) as refused:
        DO[move](before)
    assert refused.value.code is Code.ILLEGAL_MOVE
    assert refused.value.fields["legal"] == sorted(m.value for s, m in LEGAL if s is state)


def test_a_bed_that_needs_more_is_due_anew() -> None:
    raised = request(S.CLAIMED).raised_to(CleaningKind.TERMINAL, NOW + timedelta(hours=1))
    assert raised.due_at == NOW + timedelta(hours=1) + DUE_WITHIN[CleaningKind.TERMINAL]


@pytest.mark.parametrize("mine", [None, *Isolation])
@pytest.mark.parametrize("theirs", [None, *Isolation])
def test_a_room_is_shared_only_within_one_isolation(mine: Isolation | None, theirs: Isolation | None) -> None:
    features = {Feature.NEGATIVE_PRESSURE}
    neighbour = Precaution(theirs) if theirs is not None else None
    assert (unsuitable(Needs(isolation=mine), features, [neighbour] * 2) == []) is (mine is theirs)
    assert unsuitable(Needs(isolation=mine), features, []) == []
    lacking = unsuitable(Needs(isolation=mine), (), [])
    assert lacking == (["the bed has no negative_pressure"] if mine is Isolation.AIRBORNE else [])


def test_a_bed_is_closed_with_reason_and_end_and_comes_back_without() -> None:
    bed = Bed(WHO, "ICU", "01", BedStatus.AVAILABLE, False, NOW, None, None, 1)
    later = NOW + timedelta(hours=1)
    closed = bed.close("broken", later, NOW)
    assert closed.close("parts are ordered", None, NOW).out_of_service_reason == "parts are ordered"
    back = closed.change_status(BedStatus.CLEANING, NOW)
    assert (closed.expected_back_at, back.out_of_service_reason, back.expected_back_at) == (later, None, None)
    with pytest.raises(HmsError, match="lies in the past"):
        bed.close("broken", NOW, NOW)
    left = bed.occupy(None, NOW).isolated(Precaution(Isolation.CONTACT)).vacate(BedStatus.CLEANING, NOW)
    assert (left.status, left.made_ready(NOW).isolation) == (BedStatus.CONTAMINATED, False)
