"""The bed's state machine: every pair of states, legal or not, by hand and by stay."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from hms_rt.departments.beds.model import MOVES, Bed, BedStatus, manual_moves
from hms_rt.kernel.errors import Code, HmsError

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
S = BedStatus

# From the design's table of states; written out here so that the model cannot agree with itself only.
LEGAL = {
    (S.AVAILABLE, S.RESERVED),
    (S.AVAILABLE, S.OCCUPIED),
    (S.AVAILABLE, S.CLEANING),
    (S.AVAILABLE, S.OUT_OF_SERVICE),
    (S.RESERVED, S.OCCUPIED),
    (S.RESERVED, S.AVAILABLE),
    (S.RESERVED, S.OUT_OF_SERVICE),
    (S.OCCUPIED, S.CLEANING),
    (S.OCCUPIED, S.CONTAMINATED),
    (S.CONTAMINATED, S.CLEANING),
    (S.CONTAMINATED, S.OUT_OF_SERVICE),
    (S.CLEANING, S.AVAILABLE),
    (S.CLEANING, S.OUT_OF_SERVICE),
    (S.OUT_OF_SERVICE, S.CLEANING),
}
PAIRS = [(before, after) for before in S for after in S]


def bed(status: BedStatus, **changes: object) -> Bed:
    return Bed(
        id=uuid.uuid4(),
        ward="ICU",
        code="01",
        status=status,
        isolation=False,
        since=NOW,
        reserved_for=changes.get("reserved_for"),  # type: ignore[arg-type]
        reserved_until=NOW + timedelta(hours=1) if status is S.RESERVED else None,
        version=1,
    )


def test_the_table_of_moves_is_the_designs() -> None:
    assert {(before, after) for before, moves in MOVES.items() for after in moves} == LEGAL


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_person_makes_exactly_the_legal_moves_that_no_stay_owns(before: S, after: S) -> None:
    legal = (before, after) in LEGAL and S.OCCUPIED not in (before, after)
    assert (after in manual_moves(before)) is legal
    if legal:
        moved = bed(before).change_status(after, NOW + timedelta(minutes=1))
        assert (moved.status, moved.since) == (after, NOW + timedelta(minutes=1))
        return
    with pytest.raises(HmsError) as refused:
        bed(before).change_status(after, NOW)
    assert refused.value.code is Code.ILLEGAL_MOVE
    assert refused.value.fields["state"] == before
    assert refused.value.fields["legal"] == sorted(manual_moves(before))


@pytest.mark.parametrize("before", list(S))
def test_a_patient_enters_only_an_available_or_reserved_bed(before: S) -> None:
    if (before, S.OCCUPIED) in LEGAL:
        assert bed(before).occupy(None, NOW).status is S.OCCUPIED
    else:
        with pytest.raises(HmsError, match="cannot occupied"):
            bed(before).occupy(None, NOW)


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_patient_leaves_only_an_occupied_bed(before: S, after: S) -> None:
    if before is S.OCCUPIED and (before, after) in LEGAL:
        assert bed(before).vacate(after, NOW).status is after
    else:
        with pytest.raises(HmsError):
            bed(before).vacate(after, NOW)


def test_a_reserved_bed_is_taken_by_its_holder_only() -> None:
    holder = uuid.uuid4()
    held = bed(S.RESERVED, reserved_for=holder)
    with pytest.raises(HmsError, match="somebody else"):
        held.occupy(uuid.uuid4(), NOW)
    taken = held.occupy(holder, NOW)
    assert (taken.reserved_for, taken.reserved_until) == (None, None)


@pytest.mark.parametrize("hours", [0, -1, 25])
def test_a_reservation_ends_within_a_day(hours: int) -> None:
    with pytest.raises(HmsError, match="24 hours"):
        bed(S.AVAILABLE).reserve(None, NOW + timedelta(hours=hours), NOW)


def test_a_reservation_expires() -> None:
    held = bed(S.AVAILABLE).reserve(None, NOW + timedelta(hours=2), NOW)
    assert not held.expired(NOW + timedelta(minutes=119))
    assert held.expired(NOW + timedelta(hours=2))
