"""The admission's state machine: every pair of state and move, and the order of times."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from hms_rt.departments.beds.model import Feature, Isolation, Needs
from hms_rt.departments.ipd.model import (
    IN_BED,
    MOVES,
    OPEN,
    UNORDERED,
    Admission,
    AdmissionState,
    Disposition,
    Move,
    Stay,
    current_stay,
    history_of,
)
from hms_rt.kernel.errors import Code, HmsError

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
S = AdmissionState
M = Move

# From the design's table of states; written out here so that the model cannot agree with itself only.
LEGAL = {
    (S.REQUESTED, M.ACCEPT): S.ACCEPTED,
    (S.REQUESTED, M.CANCEL): S.CANCELLED,
    (S.ACCEPTED, M.ASSIGN): S.ADMITTED,
    (S.ACCEPTED, M.CANCEL): S.CANCELLED,
    (S.ADMITTED, M.TRANSFER): S.ADMITTED,
    (S.ADMITTED, M.ORDER_DISCHARGE): S.DISCHARGE_ORDERED,
    (S.ADMITTED, M.DEPART): S.DISCHARGED,
    (S.ADMITTED, M.CANCEL_ADMIT): S.ACCEPTED,
    (S.ADMITTED, M.CANCEL_TRANSFER): S.ADMITTED,
    (S.DISCHARGE_ORDERED, M.TRANSFER): S.DISCHARGE_ORDERED,
    (S.DISCHARGE_ORDERED, M.REVOKE_DISCHARGE): S.ADMITTED,
    (S.DISCHARGE_ORDERED, M.DEPART): S.DISCHARGED,
    (S.DISCHARGE_ORDERED, M.CANCEL_TRANSFER): S.DISCHARGE_ORDERED,
    (S.DISCHARGED, M.CANCEL_DISCHARGE): S.DISCHARGE_ORDERED,
    (S.REQUESTED, M.CHANGE_NEEDS): S.REQUESTED,
    **{(s, M.CHANGE_NEEDS): s for s in (S.ACCEPTED, S.ADMITTED, S.DISCHARGE_ORDERED)},
    **{(s, m): s for s in (S.ACCEPTED, S.ADMITTED, S.DISCHARGE_ORDERED) for m in (M.HOLD, M.RELEASE_HOLD)},
    (S.ADMITTED, M.SWAP): S.ADMITTED,
    (S.DISCHARGE_ORDERED, M.SWAP): S.DISCHARGE_ORDERED,
    **{(s, m): s for s in (S.ADMITTED, S.DISCHARGE_ORDERED) for m in (M.ROOM_IN, M.SEPARATE)},
}
DO: dict[Move, Callable[[Admission], Admission]] = {
    M.ACCEPT: lambda a: a.accept(LATER),
    M.ASSIGN: lambda a: a.assign("MED", LATER),
    M.TRANSFER: lambda a: a.transfer("MED"),
    M.ORDER_DISCHARGE: lambda a: a.order_discharge(Disposition.HOME, LATER),
    M.REVOKE_DISCHARGE: lambda a: a.revoke_discharge(),
    M.DEPART: lambda a: a.depart(Disposition.LEFT, LATER),
    M.CANCEL: lambda a: a.cancel(LATER),
    M.CANCEL_ADMIT: lambda a: a.cancel_admit(),
    M.CANCEL_TRANSFER: lambda a: a.cancel_transfer("MED"),
    M.CANCEL_DISCHARGE: lambda a: a.cancel_discharge("ICU"),
    M.HOLD: lambda a: a.hold(),
    M.RELEASE_HOLD: lambda a: a.release_hold(),
    M.SWAP: lambda a: a.swap("MED"),
    M.ROOM_IN: lambda a: a.room_in("MED"),
    M.SEPARATE: lambda a: a.separate(),
    M.CHANGE_NEEDS: lambda a: a.change_needs(Needs(frozenset({Feature.OXYGEN}), Isolation.DROPLET)),
}
PAIRS = [(state, move) for state in S for move in DO]


def admission(state: AdmissionState) -> Admission:
    """An admission that went the usual way to ``state``."""
    made = Admission(
        id=uuid.uuid4(),
        patient_id=uuid.uuid4(),
        ward="ICU",
        state=S.REQUESTED,
        reason="sepsis",
        requested_by=uuid.uuid4(),
        requested_at=NOW,
        recorded_at=NOW,
    )
    if state is S.CANCELLED:
        return made.cancel(NOW)
    way: list[Callable[[Admission], Admission]] = [
        lambda a: a.accept(NOW),
        lambda a: a.assign("ICU", NOW),
        lambda a: a.order_discharge(Disposition.HOME, NOW),
        lambda a: a.depart(Disposition.HOME, NOW),
    ]
    for step in way[: list(S).index(state)]:
        made = step(made)
    assert made.state is state
    return made


def stay(started: datetime = NOW, **changes: object) -> Stay:
    return Stay(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), "01", "ICU", started, **changes)  # type: ignore[arg-type]


def test_the_table_of_moves_is_the_designs() -> None:
    table = {(state, move) for state, moves in MOVES.items() for move in moves}
    assert table == set(LEGAL)
    assert all(LEGAL[pair] in MOVES[pair[0]][pair[1]] for pair in table)
    assert set(MOVES) == set(S)
    assert set(S) - {S.DISCHARGED, S.CANCELLED} == OPEN
    assert IN_BED < OPEN


@pytest.mark.parametrize(("state", "move"), PAIRS)
def test_exactly_the_legal_moves_are_made_and_an_illegal_one_names_them(state: S, move: M) -> None:
    before = admission(state)
    if (state, move) in LEGAL:
        after = DO[move](before)
        assert (after.state, after.version) == (LEGAL[state, move], before.version + 1)
        return
    with pytest.raises(HmsError) as refused:
        DO[move](before)
    assert refused.value.code is Code.ILLEGAL_MOVE
    legal = sorted(m.value for s, m in LEGAL if s is state)
    assert refused.value.fields == {"state": state.value, "move": move.value, "legal": legal}


@pytest.mark.parametrize("disposition", list(Disposition))
def test_without_an_order_a_patient_leaves_only_as_died_left_or_transferred_out(
    disposition: Disposition,
) -> None:
    here = admission(S.ADMITTED)
    if disposition in UNORDERED:
        assert here.depart(disposition, LATER).disposition is disposition
    else:
        with pytest.raises(HmsError, match="died, left, transferred_out") as refused:
            here.depart(disposition, LATER)
        assert refused.value.code is Code.CONFLICT
    ordered = admission(S.DISCHARGE_ORDERED).depart(disposition, LATER)
    assert (ordered.disposition, ordered.discharged_at) == (disposition, LATER)


def test_a_cancelled_discharge_leads_back_to_where_it_came_from() -> None:
    unordered = admission(S.ADMITTED).depart(Disposition.LEFT, LATER).cancel_discharge("ICU")
    assert (unordered.state, unordered.disposition, unordered.discharged_at) == (S.ADMITTED, None, None)
    ordered = admission(S.DISCHARGED).cancel_discharge("ICU")
    assert (ordered.state, ordered.planned_disposition) == (S.DISCHARGE_ORDERED, Disposition.HOME)


def test_a_revoked_order_leaves_nothing_behind() -> None:
    after = admission(S.DISCHARGE_ORDERED).revoke_discharge()
    assert (after.discharge_ordered_at, after.planned_disposition) == (None, None)


def test_the_ward_follows_the_bed() -> None:
    assert admission(S.ACCEPTED).assign("MED", NOW).ward == "MED"
    assert admission(S.ADMITTED).transfer("SURG").ward == "SURG"


def test_nothing_ends_before_it_began() -> None:
    earlier = NOW - timedelta(seconds=1)
    with pytest.raises(HmsError, match="before the patient was admitted"):
        admission(S.ADMITTED).order_discharge(Disposition.HOME, earlier)
    with pytest.raises(HmsError, match="before the patient came") as refused:
        stay().end(earlier)
    assert refused.value.code is Code.INVALID
    assert stay().end(NOW).ended_at == NOW
    assert stay().mistaken(earlier).ended_at == NOW


def test_the_history_leaves_mistakes_out_and_the_current_stay_is_the_open_one() -> None:
    first, wrong = stay(NOW).end(LATER), stay(NOW).mistaken(LATER)
    now = stay(LATER)
    assert history_of([now, wrong, first]) == [first, now]
    assert current_stay([first, wrong, now]) is now
    assert first.reopened().ended_at is None
