"""What a value means for this patient: ranges by age and sex, units, plausibility, delta checks."""

import asyncio
import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from hms_rt.departments.lab.model.catalogue import Bounds, Flag
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.model.ranges import Assumed, Range, RangeSex, check_complete, choose
from hms_rt.departments.lab.schemas.catalogue import CatalogueChange, RangeIn, RangeSetIn, RangeSetOut
from hms_rt.departments.lab.schemas.ordering import Cancellation, WorklistQuery
from hms_rt.departments.lab.schemas.results import ReleaseIn, ResultIn, ResultOut, ResultQuery
from hms_rt.departments.patients.schemas import MergeIn, PatientNew
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.lab.conftest import NOW, Lab, Query, refused

S = LabState
WHY = Cancellation(reason="printed wrong")
BY_AGE_AND_SEX: tuple[dict[str, Any], ...] = (
    {"age_to_days": 28, "reference_low": "1.0", "reference_high": "3.0", "critical_high": "8.0"},
    {"sex": "female", "age_from_days": 28, "reference_high": "1.5", "critical_high": "3.5"},
    {"sex": "male", "age_from_days": 28, "age_to_days": 20000, "reference_high": "2.0"},
    {"sex": "male", "age_from_days": 20000, "reference_high": "2.5", "critical_high": "5.0"},
)


async def define(lab: Lab, *ranges: dict[str, Any], begins: date = date(2020, 1, 1)) -> RangeSetOut:
    new = RangeSetIn(
        valid_from=begins,
        unit="mmol/L",
        source="Manufacturer",
        ranges=[RangeIn.model_validate(one) for one in ranges or BY_AGE_AND_SEX],
    )
    return await lab.services.lab.define_ranges(SYSTEM, command(), "LAC", new)


async def judged(lab: Lab, value: str, patient: uuid.UUID | None = None, **result: Any) -> ResultOut:
    order = await lab.order("LAC", patient_id=patient)
    await lab.received(order)
    measured = ResultIn(value=value, **result)
    test = await lab.services.lab.enter_result(lab.anne, command(), order.tests[0].id, measured)
    return await lab.services.lab.result(lab.anne, command(), test.id, ResultQuery())


async def someone(lab: Lab, sex: str, born: date | None) -> uuid.UUID:
    new = PatientNew.model_validate(
        {"family_name": "Doe", "sex": sex, "birth_date": born, "confirm_new": "others"}
    )
    return (await lab.services.patients.register(SYSTEM, command(), new)).id


async def test_a_value_is_judged_by_age_and_sex_on_the_day_of_the_specimen(
    lab: Lab, clock: ManualClock
) -> None:
    await define(lab)
    today = clock.now().date()
    baby, old = today - timedelta(days=5), today - timedelta(days=25_000)
    adult = today - timedelta(days=12_000)
    for sex, born, value, flag, assumed in (
        ("female", baby, "2.9", Flag.NORMAL, []),
        ("female", adult, "2.9", Flag.HIGH, []),
        ("female", adult, "3.5", Flag.CRITICAL_HIGH, []),
        ("male", adult, "9.9", Flag.HIGH, []),
        ("male", old, "2.4", Flag.NORMAL, []),
        ("male", old, "5.0", Flag.CRITICAL_HIGH, []),
        ("female", None, "1.6", Flag.HIGH, ["age"]),
        ("other", adult, "3.6", Flag.CRITICAL_HIGH, ["sex"]),
        ("unknown", None, "1.8", Flag.HIGH, ["age", "sex"]),
    ):
        read = await judged(lab, value, await someone(lab, sex, born))
        assert (read.flag, read.reference.assumed) == (flag, assumed), (sex, born, value)
    before = await someone(lab, "female", adult)
    order = await lab.order("LAC", patient_id=before)
    await define(lab, {"reference_high": "9.0"}, begins=today - timedelta(days=1))
    await lab.received(order)
    await lab.enter(order.tests[0].id, "8.5")
    read = await lab.services.lab.result(lab.anne, command(), order.tests[0].id, ResultQuery())
    assert (read.flag, read.reference.high) == (Flag.NORMAL, "9.0")


async def test_sets_follow_each_other_and_a_mistake_is_withdrawn(lab: Lab, query: Query) -> None:
    service = lab.services.lab
    first = await define(lab)
    second = await define(lab, {"reference_high": "9.0"}, begins=date(2024, 1, 1))
    outcomes = await asyncio.gather(
        *(define(lab, begins=date(2025, 1, 1)) for _ in range(10)), return_exceptions=True
    )
    assert [one.code for one in outcomes if isinstance(one, HmsError)] == [Code.CONFLICT] * 9
    listed = await service.ranges(lab.doctor, "LAC", PageQuery(limit=2))
    assert [one.valid_from for one in listed.items] == [date(2025, 1, 1), date(2024, 1, 1)]
    rest = await service.ranges(lab.doctor, "LAC", PageQuery(limit=2, cursor=listed.next_cursor))
    assert [one.id for one in rest.items] == [first.id]
    await service.withdraw_ranges(SYSTEM, command(expected_version=1), second.id, WHY)
    await refused(Code.CONFLICT, service.withdraw_ranges(SYSTEM, command(), second.id, WHY))
    await define(lab, begins=date(2024, 1, 1))
    await refused(Code.FORBIDDEN, service.withdraw_ranges(lab.anne, command(), first.id, WHY))
    unit = CatalogueChange(unit="mg/dL")
    await refused(Code.CONFLICT, service.change_test(SYSTEM, command(), "LAC", unit))
    for wrong in ({"unit": "mg/dL"}, {"ranges": [RangeIn(age_from_days=1)]}):
        new = RangeSetIn.model_validate(
            {"valid_from": "2030-01-01", "unit": "mmol/L", "source": "x", "ranges": [{}], **wrong}
        )
        await refused(Code.INVALID, service.define_ranges(SYSTEM, command(), "LAC", new))


_SET = """
    INSERT INTO lab_range_set (id, code, unit, valid_from, source, defined_by, defined_at, version)
    VALUES (:id, 'LAC', :unit, '2031-01-01', 'x', :id, now(), 1)
"""
_RANGE = "INSERT INTO lab_reference_range (set_id, sex, age_from_days, age_to_days) VALUES "


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ("(:id, 'any', 0, 100)", "gap"),
        ("(:id, 'any', 1, NULL)", "gap"),
        ("(:id, 'any', 0, 10), (:id, 'any', 11, NULL)", "gap"),
        ("(:id, 'female', 0, NULL)", "gap"),
        ("(:id, 'any', 0, 10), (:id, 'female', 10, NULL), (:id, 'male', 11, NULL)", "gap"),
        ("(:id, 'any', 0, NULL), (:id, 'female', 50, 60)", "overlap"),
        ("(:id, 'any', 0, 11), (:id, 'any', 10, NULL)", "overlap"),
        ("(:id, 'any', 0, NULL), (:id, 'male', 0, NULL)", "overlap"),
    ],
)
async def test_the_database_refuses_gaps_and_overlaps(lab: Lab, query: Query, rows: str, rule: str) -> None:
    statement = f"WITH s AS ({_SET}) {_RANGE} {rows}"
    with pytest.raises(DBAPIError, match=f"lab_reference_range_{rule}|without reference|hold for one age"):
        await query(statement, id=uuid.uuid4(), unit="mmol/L")


async def test_the_database_refuses_other_units_empty_sets_and_later_additions(
    lab: Lab, query: Query
) -> None:
    made = await define(lab)
    with pytest.raises(DBAPIError, match="lab_range_set_unit_fkey"):
        await query(_SET, id=uuid.uuid4(), unit="mg/dL")
    with pytest.raises(DBAPIError, match="without reference"):
        await query(_SET, id=uuid.uuid4(), unit="mmol/L")
    for statement, rule in (
        (_RANGE + "(:id, 'female', 40, 50)", "hold for one age"),
        ("UPDATE lab_reference_range SET age_to_days = 5 WHERE set_id = :id", "append-only"),
        ("DELETE FROM lab_reference_range WHERE set_id = :id", "append-only"),
        ("DELETE FROM lab_range_set WHERE id = :id", "append-only"),
        ("UPDATE lab_range_set SET withdrawn_at = now() WHERE id = :id", "withdrawn_check"),
    ):
        with pytest.raises(DBAPIError, match=rule):
            await query(statement, id=made.id)


NONE = Bounds(None, None, None, None)


@given(
    st.lists(
        st.tuples(st.sampled_from(RangeSex), st.integers(0, 6), st.integers(1, 7) | st.none()), max_size=5
    )
)
def test_ranges_are_complete_exactly_if_every_age_and_sex_has_one(cuts: list[Any]) -> None:
    ranges = [Range(sex, low, high, NONE) for sex, low, high in cuts if high is None or high > low]
    once = all(
        sum(one.covers(age) and one.sex in (sex, RangeSex.ANY) for one in ranges) == 1
        for sex in (RangeSex.FEMALE, RangeSex.MALE)
        for age in range(9)
    )
    try:
        check_complete(ranges)
    except HmsError:
        assert not once
    else:
        assert once


def test_for_an_unknown_sex_nothing_critical_is_missed() -> None:
    def bounds(low: str, high: str, critical: str) -> Bounds:
        return Bounds(Decimal(low), Decimal(high), None, Decimal(critical))

    ranges = [
        Range(RangeSex.FEMALE, 0, None, bounds("1", "5", "9")),
        Range(RangeSex.MALE, 0, None, bounds("2", "6", "8")),
    ]
    chosen = choose(ranges, sex="unknown", born=None, on=date(2026, 1, 1))
    assert chosen is not None
    assert (chosen.bounds, chosen.assumed) == (bounds("2", "5", "8"), (Assumed.AGE, Assumed.SEX))
    assert choose([], sex="male", born=None, on=date(2026, 1, 1)) is None


async def test_units_and_implausible_values_are_checked_before_anything_is_written(lab: Lab) -> None:
    change = CatalogueChange(plausible_low="0.1", plausible_high="30")
    await lab.services.lab.change_test(SYSTEM, command(), "LAC", change)
    await refused(Code.INVALID, judged(lab, "1.2", unit="mg/dL"))
    assert not (await judged(lab, "1.2", unit="mmol/L")).implausible
    for value in ("30.1", "0.0"):
        await refused(Code.INVALID, judged(lab, value))
    await refused(Code.INVALID, judged(lab, "99.9", implausible=True))
    believed = await judged(lab, "99.9", implausible=True, comment="measured twice, other tube")
    assert (believed.implausible, believed.flag) == (True, Flag.CRITICAL_HIGH)
    for wrong in ({"plausible_low": "40"}, {"delta_percent": "5"}, {"delta_hours": 3}):
        asked = CatalogueChange.model_validate(wrong)
        await refused(Code.INVALID, lab.services.lab.change_test(SYSTEM, command(), "LAC", asked))


async def test_a_delta_beyond_the_limit_is_flagged_against_the_last_verified_value(
    lab: Lab, clock: ManualClock
) -> None:
    service = lab.services.lab
    limits = CatalogueChange(delta_absolute="1.0", delta_percent="50", delta_hours=48)
    await service.change_test(SYSTEM, command(), "LAC", limits)
    patient = await lab.patient()
    assert (await judged(lab, "1.0", patient)).delta is None

    async def released(value: str) -> None:
        order = await lab.order("LAC", patient_id=patient)
        await lab.until(S.RELEASED, value, order)
        clock.advance(timedelta(hours=1))

    await released("1.0")
    same = await judged(lab, "1.4", patient)
    assert same.delta is not None
    assert (same.delta.previous, same.delta.change, same.delta.percent) == ("1.0", "0.4", "40.0")
    assert not same.delta.exceeded
    for value in ("1.6", "2.1"):  # in percent, and both
        far = await judged(lab, value, patient)
        assert far.delta is not None
        assert far.delta.exceeded
    flagged = await service.worklist(lab.otto, command(), WorklistQuery(delta=True))
    assert len(flagged.items) == 2
    # a doctor sees no delta before the release; an unverified value is nothing to compare with
    last = await judged(lab, "1.2", patient)
    assert last.delta is not None
    assert last.delta.previous == "1.0"
    clock.advance(timedelta(hours=49))
    assert (await judged(lab, "9.0", patient)).delta is None
    assert (await judged(lab, "9.0", await lab.patient())).delta is None
    assert (flagged.items[0].delta, flagged.items[0].state) == (True, S.RESULTED)
    await service.verify(lab.otto, command(), flagged.items[0].id, NOW)
    await service.release(lab.otto, command(), flagged.items[0].id, ReleaseIn())


async def test_a_merged_patients_results_are_compared_too(lab: Lab) -> None:
    limits = CatalogueChange(delta_absolute="1.0", delta_hours=48)
    await lab.services.lab.change_test(SYSTEM, command(), "LAC", limits)
    twin, patient = await lab.patient(), await lab.patient()
    await lab.until(S.RELEASED, "1.0", await lab.order("LAC", patient_id=twin))
    assert (await judged(lab, "3.0", patient)).delta is None
    wanted = MergeIn.model_validate({"from_id": twin, "reason": "registered twice"})
    await lab.services.patients.merge(SYSTEM, command(), patient, wanted)
    compared = (await judged(lab, "3.0", patient)).delta
    assert compared is not None
    assert compared.exceeded
