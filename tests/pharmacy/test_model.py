"""Rules of the pharmacy without any store: states, hours by the wall clock, doses, warnings."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hms_rt.departments.pharmacy.model.formulary import Form, FormularyStatus, Medicine, Route
from hms_rt.departments.pharmacy.model.frequency import (
    Frequency,
    FrequencyKind,
    course_end,
    usual_times,
)
from hms_rt.departments.pharmacy.model.prescription import (
    MOVES,
    Line,
    Prescription,
    PrescriptionMove,
    PrescriptionState,
)
from hms_rt.departments.pharmacy.model.safety import Allergy, WarningKind, warnings
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.quantity import written

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
S = PrescriptionState
M = PrescriptionMove

LEGAL = {
    (S.DRAFT, M.ACTIVATE): S.ACTIVE,
    (S.DRAFT, M.CANCEL): S.CANCELLED,
    (S.ACTIVE, M.HOLD): S.ON_HOLD,
    (S.ACTIVE, M.STOP): S.STOPPED,
    (S.ACTIVE, M.DISPENSE_PART): S.PARTIALLY_DISPENSED,
    (S.ACTIVE, M.DISPENSE_REST): S.DISPENSED,
    (S.ON_HOLD, M.RESUME): S.ACTIVE,
    (S.PARTIALLY_DISPENSED, M.DISPENSE_PART): S.PARTIALLY_DISPENSED,
    (S.PARTIALLY_DISPENSED, M.DISPENSE_REST): S.DISPENSED,
    (S.PARTIALLY_DISPENSED, M.STOP): S.STOPPED,
}


def prescription(state: S, *, admission: bool = False) -> Prescription:
    someone = uuid.uuid4()
    return Prescription(
        id=uuid.uuid4(),
        number=1,
        patient_id=someone,
        patient_name="Curie",
        mrn="MRN-1",
        admission_id=someone if admission else None,
        visit_id=None,
        ward="ICU" if admission else None,
        clinic=None if admission else "GEN",
        take_home=False,
        dispensary="MAIN",
        prescribed_by=someone,
        state=state,
        prescribed_at=NOW,
        recorded_at=NOW,
    )


@pytest.mark.parametrize(("state", "move"), list(product(S, sorted(MOVES))))
def test_every_pair_of_state_and_move(state: S, move: M) -> None:
    before = prescription(state)
    if (state, move) in LEGAL:
        after = before.move(move, "because")
        assert (after.state, after.version, after.reason) == (LEGAL[state, move], 2, "because")
        return
    with pytest.raises(HmsError) as refused:
        before.move(move)
    legal = sorted(each.value for of, each in LEGAL if of is state)
    assert refused.value.code is Code.ILLEGAL_MOVE
    assert refused.value.fields == {"state": state.value, "move": move.value, "legal": legal}


def test_what_a_ward_gives_can_be_stopped_although_all_of_it_is_dispensed() -> None:
    given_on_ward = prescription(S.DISPENSED, admission=True)
    assert given_on_ward.move(M.STOP, "allergic").state is S.STOPPED
    with pytest.raises(HmsError):
        replace(given_on_ward, take_home=True).move(M.STOP, "allergic")


AMOXICILLIN = Medicine(
    code="AMOX500",
    generic="Amoxicillin",
    brand=None,
    form=Form.CAPSULE,
    strength=Decimal(500),
    strength_unit="mg",
    per=Decimal(1),
    dispense_unit="capsule",
    atc="J01CA04",
    dose_min=Decimal(250),
    dose_max=Decimal(1000),
    daily_max=Decimal(3000),
    controlled=False,
    status=FormularyStatus.ACTIVE,
)
THRICE = Frequency(FrequencyKind.TIMES_PER_DAY, usual_times(3))


def line_of(medicine: Medicine, dose: str = "500", frequency: Frequency = THRICE) -> Line:
    return Line(
        id=uuid.uuid4(),
        prescription_id=uuid.uuid4(),
        position=1,
        medicine=medicine.code,
        name=medicine.name,
        generic=medicine.generic,
        controlled=medicine.controlled,
        dose=Decimal(dose),
        dose_unit=medicine.strength_unit,
        route=Route.ORAL,
        frequency_kind=frequency.kind,
        times=frequency.times,
        every_hours=frequency.every_hours,
        max_per_24h=frequency.max_per_24h,
        starts_at=NOW,
        ends_at=NOW + timedelta(days=5),
        duration_days=5,
        quantity=Decimal(15),
        dispense_unit=medicine.dispense_unit,
        dispensed=Decimal(0),
        note=None,
    )


def kinds(line: Line, *allergies: Allergy, taken: tuple[Line, ...] = ()) -> list[WarningKind]:
    return [one.kind for one in warnings([line], {AMOXICILLIN.code: AMOXICILLIN}, allergies, taken)]


def test_allergies_are_matched_by_class_and_by_word() -> None:
    line = line_of(AMOXICILLIN)
    assert kinds(line, Allergy("penicillins", "J01C")) == [WarningKind.ALLERGY]
    assert kinds(line, Allergy("AMOXICILLIN trihydrate")) == [WarningKind.ALLERGY]
    assert kinds(line, Allergy("Amoxicillin/clavulanate")) == [WarningKind.ALLERGY]
    assert kinds(line, Allergy("pollen", "J01D"), Allergy("latex"), Allergy("", "not atc")) == []


def test_the_same_generic_at_the_same_time_is_a_duplicate() -> None:
    line, other = line_of(AMOXICILLIN), line_of(replace(AMOXICILLIN, generic="AMOXICILLIN"))
    assert kinds(line, taken=(other,)) == [WarningKind.DUPLICATE]
    later = replace(other, starts_at=line.ends_at, ends_at=line.ends_at + timedelta(days=1))
    assert kinds(line, taken=(later, replace(other, generic="Ampicillin"))) == []


@pytest.mark.parametrize(
    ("dose", "warned"),
    [("249.9999", True), ("250", False), ("1000", False), ("1000.0001", True), ("1001", True)],
)
def test_doses_on_the_bound_are_usual(dose: str, warned: bool) -> None:
    assert (kinds(line_of(AMOXICILLIN, dose)) == [WarningKind.DOSE_RANGE]) == warned


def test_the_day_has_its_own_bound() -> None:
    four_times = Frequency(FrequencyKind.TIMES_PER_DAY, usual_times(4))
    assert kinds(line_of(AMOXICILLIN, "1000", four_times)) == [WarningKind.DOSE_RANGE]
    assert kinds(line_of(AMOXICILLIN, "750", four_times)) == []
    often = Frequency(FrequencyKind.AS_NEEDED, max_per_24h=7)
    assert kinds(line_of(AMOXICILLIN, "500", often)) == [WarningKind.DOSE_RANGE]


def test_units_are_counted_in_decimals() -> None:
    syrup = replace(AMOXICILLIN, strength=Decimal(120), per=Decimal(5))
    assert written(syrup.units_for(Decimal(240))) == "10"
    assert written(syrup.units_for(Decimal(100))) == "4.1667"
    assert written(Decimal("1E+2")) == "100"
    assert written(Decimal("-0.000")) == "0"


def local(moment: datetime) -> str:
    return moment.astimezone(VIENNA).strftime("%d %H:%M")


def test_hours_of_the_wall_clock_stay_when_summer_time_begins_and_ends() -> None:
    """2026: clocks go from 02:00 to 03:00 on 29 March, and from 03:00 to 02:00 on 25 October."""
    night = Frequency(FrequencyKind.TIMES_PER_DAY, ("02:30", "14:00"))
    start = datetime(2026, 3, 27, 23, 30, tzinfo=UTC)
    spring = list(night.due(start, course_end(start, 3, VIENNA), VIENNA, start, NOW + timedelta(days=90)))
    assert [local(one) for one in spring] == [
        "28 02:30", "28 14:00", "29 03:30", "29 14:00", "30 02:30", "30 14:00",
    ]  # fmt: skip
    start = datetime(2026, 10, 23, 22, 30, tzinfo=UTC)
    autumn = list(night.due(start, course_end(start, 3, VIENNA), VIENNA, start, start + timedelta(days=9)))
    assert [local(one) for one in autumn] == [
        "24 02:30", "24 14:00", "25 02:30", "25 14:00", "26 02:30", "26 14:00",
    ]  # fmt: skip
    assert autumn[2] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "the first of the two"


def test_every_so_many_hours_is_counted_whatever_the_wall_clock_does() -> None:
    eight = Frequency(FrequencyKind.EVERY_HOURS, every_hours=8)
    start = datetime(2026, 3, 28, 20, tzinfo=UTC)
    due = list(eight.due(start, start + timedelta(days=2), VIENNA, start, start + timedelta(days=2)))
    assert {later - earlier for earlier, later in pairwise(due)} == {timedelta(hours=8)}
    assert [local(one) for one in due[:3]] == ["28 21:00", "29 06:00", "29 14:00"]


@given(
    per_day=st.integers(1, 24),
    start=st.integers(0, 365 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    days=st.integers(1, 12),
    cut=st.integers(0, 300),
    every=st.one_of(st.none(), st.integers(1, 30)),
)
def test_a_course_cut_anywhere_has_the_same_doses(
    per_day: int, start: datetime, days: int, cut: int, every: int | None
) -> None:
    frequency = (
        Frequency(FrequencyKind.EVERY_HOURS, every_hours=every)
        if every is not None
        else Frequency(FrequencyKind.TIMES_PER_DAY, usual_times(per_day))
    )
    end = course_end(start, days, VIENNA)
    whole = list(frequency.due(start, end, VIENNA, start, end))
    middle = start + timedelta(hours=cut)
    parts = [
        *frequency.due(start, end, VIENNA, start, middle),
        *frequency.due(start, end, VIENNA, middle, end),
    ]
    assert whole == parts == sorted(set(whole))
    assert all(start <= one < end for one in whole)
    if every is None:
        assert abs(len(whole) - per_day * days) <= 1, "but for an hour that summer time skips"
    assert frequency.doses(start, end, VIENNA) == len(whole)


def test_a_frequency_is_told_by_its_own_field() -> None:
    for wrong in (
        Frequency(FrequencyKind.ONCE, ("08:00",)),
        Frequency(FrequencyKind.TIMES_PER_DAY),
        Frequency(FrequencyKind.TIMES_PER_DAY, ("20:00", "08:00")),
        Frequency(FrequencyKind.EVERY_HOURS, every_hours=8, max_per_24h=3),
        Frequency(FrequencyKind.AS_NEEDED),
    ):
        with pytest.raises(HmsError):
            wrong.check()
