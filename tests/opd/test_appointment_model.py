"""The state machine of appointments: every legal and every illegal pair."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from hms_rt.departments.opd.model.appointment import (
    HOLDING,
    OPEN,
    Appointment,
    AppointmentMove,
    AppointmentState,
)
from hms_rt.kernel.errors import Code, HmsError

S, M = AppointmentState, AppointmentMove
AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
LEGAL = {
    (S.BOOKED, M.ARRIVE): S.ARRIVED,
    (S.ARRIVED, M.FULFIL): S.FULFILLED,
    (S.BOOKED, M.CANCEL): S.CANCELLED,
    (S.BOOKED, M.NO_SHOW): S.NO_SHOW,
    (S.BOOKED, M.RESCHEDULE): S.RESCHEDULED,
}


def appointment(state: AppointmentState) -> Appointment:
    some = uuid.UUID(int=1)
    return Appointment(
        id=some,
        slot_id=some,
        clinic="GEN",
        doctor_id=some,
        day=AT.date(),
        starts_at=AT,
        ends_at=AT,
        patient_id=some,
        patient_name="Curie",
        mrn="MRN-1",
        category="A",
        note="",
        state=state,
        overbooked=False,
        since=AT,
        recorded_at=AT,
    )


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("move", M)
def test_every_pair_of_state_and_move(state: AppointmentState, move: AppointmentMove) -> None:
    expected = LEGAL.get((state, move))
    if expected is None:
        with pytest.raises(HmsError) as raised:
            appointment(state).moved(move, AT)
        assert raised.value.code is Code.ILLEGAL_MOVE
        legal = sorted(other for (before, other) in LEGAL if before is state)
        assert raised.value.fields == {"state": state, "move": move, "legal": legal}
        return
    moved = appointment(state).moved(move, AT + timedelta(minutes=1), reason="why", token_id=uuid.UUID(int=9))
    assert (moved.state, moved.version, moved.since) == (expected, 2, AT + timedelta(minutes=1))
    assert (moved.finished_at is None) is (expected in OPEN)
    assert (moved.token_id is not None) is (move is M.ARRIVE)


def test_what_is_open_or_was_kept_holds_a_place() -> None:
    assert OPEN < HOLDING
    assert {S.CANCELLED, S.RESCHEDULED}.isdisjoint(HOLDING)


def test_nothing_happens_before_what_happened_already() -> None:
    with pytest.raises(HmsError) as raised:
        appointment(S.BOOKED).moved(M.ARRIVE, AT - timedelta(minutes=6))
    assert raised.value.code is Code.INVALID
    drifted = appointment(S.BOOKED).moved(M.ARRIVE, AT - timedelta(minutes=4))
    assert drifted.since == AT
