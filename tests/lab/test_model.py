"""The rules of the laboratory: every legal and illegal move, values against bounds, the night."""

import itertools
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from hms_rt.departments.lab.model import alert as alerts
from hms_rt.departments.lab.model import specimen as specimens
from hms_rt.departments.lab.model.alert import Alert, AlertState, Limits, Step, new_alert, next_step
from hms_rt.departments.lab.model.catalogue import CatalogueEntry, Flag, SpecimenKind
from hms_rt.departments.lab.model.labtest import MOVES, LabMove, LabState, LabTest, legal_moves
from hms_rt.departments.lab.model.night import Night
from hms_rt.departments.lab.model.order import ResultStatus, VersionKind, status_of
from hms_rt.departments.lab.model.specimen import Specimen, SpecimenState
from hms_rt.kernel.errors import Code, HmsError

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ANNE, OTTO, EVE = uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=3)
SPECIMEN = uuid.UUID(int=9)
S, M = LabState, LabMove


def labtest(state: LabState) -> LabTest:
    ordered = LabTest.ordered(
        uuid.UUID(int=7), uuid.UUID(int=8), "LAC", "Lactate", SpecimenKind.BLOOD, "ward:ICU", NOW
    )
    due = state is LabState.RELEASED
    return replace(ordered, state=state, entered_by=ANNE, released_by=ANNE, result_version=1, review_due=due)


DO: dict[LabMove, Callable[[LabTest], LabTest]] = {
    M.COLLECT: lambda test: test.collect(SPECIMEN, "LAB1"),
    M.RECEIVE: LabTest.receive,
    M.REJECT: LabTest.reject,
    M.START: LabTest.start,
    M.ENTER: lambda test: test.enter(ANNE, Flag.NORMAL, NOW),
    M.DISAGREE: LabTest.disagree,
    M.VERIFY: lambda test: test.verify(OTTO, NOW),
    M.RELEASE: lambda test: test.release(OTTO, NOW, NOW, None, at_night=True),
    M.RELEASE_ALONE: lambda test: test.release(OTTO, NOW, NOW, "alone", at_night=True),
    M.REVIEW: lambda test: test.review(OTTO, NOW),
    M.CORRECT: lambda test: test.correct(ANNE, Flag.HIGH, NOW, NOW, "ward:ICU"),
    M.CANCEL: lambda test: test.cancel("not needed"),
}

BOTH_AT_ONCE = {(M.ENTER, S.RECEIVED): S.RESULTED, (M.RELEASE_ALONE, S.VERIFIED): S.RELEASED}
"""A result begins the work by itself; a reason is not heard where a verification stands."""


@pytest.mark.parametrize("move", LabMove)
@pytest.mark.parametrize("state", LabState)
def test_every_pair_of_state_and_move(state: LabState, move: LabMove) -> None:
    wanted = MOVES[move].get(state) or BOTH_AT_ONCE.get((move, state))
    if wanted is not None:
        assert DO[move](labtest(state)).state is wanted
        return
    with pytest.raises(HmsError) as refused:
        DO[move](labtest(state))
    assert refused.value.code is Code.ILLEGAL_MOVE
    assert refused.value.fields["legal"] == sorted(legal_moves(state))


def test_every_state_is_reached_and_left_as_the_design_says() -> None:
    pairs = {(before, after) for steps in MOVES.values() for before, after in steps.items()}
    forward = [S.ORDERED, S.COLLECTED, S.RECEIVED, S.IN_PROGRESS, S.RESULTED, S.VERIFIED, S.RELEASED]
    assert pairs == {
        *itertools.pairwise(forward),
        (S.RESULTED, S.IN_PROGRESS),
        (S.RESULTED, S.RELEASED),
        (S.RELEASED, S.RELEASED),
        *((state, S.ORDERED) for state in (S.COLLECTED, S.RECEIVED, S.IN_PROGRESS)),
        *((state, S.CANCELLED) for state in forward[:-1]),
    }


def test_nobody_verifies_an_own_result() -> None:
    with pytest.raises(HmsError) as refused:
        labtest(S.RESULTED).verify(ANNE, NOW)
    assert refused.value.code is Code.FORBIDDEN


def test_alone_by_day_nothing_is_released() -> None:
    with pytest.raises(HmsError) as refused:
        labtest(S.RESULTED).release(ANNE, NOW, NOW, "alone", at_night=False)
    assert refused.value.code is Code.CONFLICT


def test_what_was_released_alone_is_reviewed_by_somebody_else_once() -> None:
    alone = labtest(S.RESULTED).release(OTTO, NOW, NOW, "alone", at_night=True)
    assert alone.review_due
    for author in (ANNE, OTTO):
        with pytest.raises(HmsError) as refused:
            alone.review(author, NOW)
        assert refused.value.code is Code.FORBIDDEN
    reviewed = alone.review(EVE, NOW)
    assert not reviewed.review_due
    with pytest.raises(HmsError) as refused:
        reviewed.review(EVE, NOW)
    assert refused.value.code is Code.CONFLICT


def test_a_rejected_specimen_leaves_no_trace_on_the_test() -> None:
    collected = replace(labtest(S.ORDERED).collect(SPECIMEN, "LAB1"))
    assert (collected.specimen_id, collected.specimen_barcode) == (SPECIMEN, "LAB1")
    rejected = collected.reject()
    assert (rejected.specimen_id, rejected.specimen_barcode) == (None, None)


def test_a_cancelled_test_leaves_its_board_and_a_correction_brings_one_back() -> None:
    assert labtest(S.ORDERED).cancel("not needed").board is None
    filed = labtest(S.RELEASED).moved_to(None)
    assert (filed.board, filed.board_since) == (None, None)
    corrected = filed.correct(ANNE, Flag.HIGH, NOW, NOW, "ward:MED")
    assert (corrected.board, corrected.board_since, corrected.result_version) == ("ward:MED", NOW, 2)


LACTATE = CatalogueEntry(
    code="LAC",
    name="Lactate",
    specimen_kind=SpecimenKind.BLOOD,
    unit="mmol/L",
    decimals=1,
    reference_low=Decimal("0.5"),
    reference_high=Decimal("2.0"),
    critical_low=None,
    critical_high=Decimal("4.0"),
    active=True,
    version=1,
)


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        ("0.4", Flag.LOW),
        ("0.5", Flag.NORMAL),
        ("2", Flag.NORMAL),
        ("2.0", Flag.NORMAL),
        ("2.1", Flag.HIGH),
        ("3.9", Flag.HIGH),
        ("4", Flag.CRITICAL_HIGH),
        ("4.0", Flag.CRITICAL_HIGH),
        ("-1", Flag.LOW),
    ],
)
def test_a_value_is_flagged_by_its_decimal_digits(value: str, flag: Flag) -> None:
    LACTATE.check_value(value)
    assert LACTATE.flag(value) is flag


def test_a_low_bound_can_be_critical_too() -> None:
    potassium = replace(LACTATE, critical_low=Decimal("0.5"))
    assert potassium.flag("0.5") is Flag.CRITICAL_LOW
    assert not Flag.HIGH.critical


@pytest.mark.parametrize("value", ["", "1,5", "1.55", "NaN", "1e3", "+1", " 1", "01", ".5", "5.", "٣", "<5"])
def test_what_is_no_decimal_of_the_test_is_refused(value: str) -> None:
    with pytest.raises(HmsError) as refused:
        LACTATE.check_value(value)
    assert refused.value.code is Code.INVALID


def test_a_test_without_unit_takes_text_and_never_a_flag() -> None:
    culture = replace(LACTATE, unit=None, decimals=None, reference_low=None, reference_high=None)
    culture = replace(culture, critical_high=None)
    culture.check()
    culture.check_value("Staphylococcus aureus")
    assert culture.flag("100") is None
    with pytest.raises(HmsError):
        culture.check_value("")


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference_low": Decimal(3)},
        {"critical_high": Decimal(1)},
        {"critical_low": Decimal(1)},
        {"critical_low": Decimal(4), "reference_low": None, "reference_high": None},
        {"decimals": None},
        {"unit": None},
    ],
)
def test_contradicting_definitions_are_refused(wrong: dict[str, Decimal | None]) -> None:
    LACTATE.check()
    with pytest.raises(HmsError) as refused:
        replace(LACTATE, **wrong).check()  # type: ignore[arg-type]
    assert refused.value.code is Code.INVALID


@pytest.mark.parametrize("state", SpecimenState)
@pytest.mark.parametrize("to", [SpecimenState.RECEIVED, SpecimenState.REJECTED])
def test_every_move_of_a_specimen(state: SpecimenState, to: SpecimenState) -> None:
    one = Specimen(
        id=SPECIMEN,
        order_id=SPECIMEN,
        barcode="LAB1",
        kind=SpecimenKind.BLOOD,
        state=state,
        collected_by=ANNE,
        collected_at=NOW,
        received_by=None,
        received_at=None,
        rejected_by=None,
        rejected_at=None,
        reject_reason=None,
        version=1,
    )
    receive = to is SpecimenState.RECEIVED
    if to in specimens.MOVES[state]:
        assert (one.receive(ANNE, NOW) if receive else one.reject(ANNE, NOW, "clotted")).state is to
        return
    with pytest.raises(HmsError) as refused:
        _ = one.receive(ANNE, NOW) if receive else one.reject(ANNE, NOW, "clotted")
    assert refused.value.code is Code.ILLEGAL_MOVE


def alert(place: str = "ward:ICU") -> Alert:
    return new_alert(
        SPECIMEN,
        test_id=SPECIMEN,
        result_version=1,
        flag=Flag.CRITICAL_HIGH,
        place=place,
        ordered_by=EVE,
        now=NOW,
    )


LIMITS = Limits()
ALERT_MOVES: dict[AlertState, Callable[[Alert], Alert]] = {
    AlertState.NOTIFIED: lambda one: one.told(Step.DOCTOR, NOW, LIMITS),
    AlertState.ESCALATED: lambda one: one.told(Step.WARD_NURSE, NOW, LIMITS),
    AlertState.ACKNOWLEDGED: lambda one: one.acknowledge(ANNE, NOW, None),
    AlertState.CLOSED: lambda one: one.supersede(ANNE, NOW, 2),
}


@pytest.mark.parametrize("state", AlertState)
@pytest.mark.parametrize("to", ALERT_MOVES)
def test_every_move_of_an_alert(state: AlertState, to: AlertState) -> None:
    one = replace(alert(), state=state)
    move = ALERT_MOVES[to]
    if to is AlertState.NOTIFIED and state is not AlertState.OPEN:
        to = AlertState.ESCALATED  # a first telling comes once
    if to in alerts.MOVES[state]:
        assert move(one).state is to
        return
    with pytest.raises(HmsError) as refused:
        move(one)
    assert refused.value.code is Code.ILLEGAL_MOVE


@pytest.mark.parametrize("state", AlertState)
def test_an_alert_is_closed_by_people_only_after_an_acknowledgement(state: AlertState) -> None:
    one = replace(alert(), state=state)
    if state is AlertState.ACKNOWLEDGED:
        assert one.close(ANNE, NOW).state is AlertState.CLOSED
        return
    with pytest.raises(HmsError) as refused:
        one.close(ANNE, NOW)
    assert refused.value.code is Code.ILLEGAL_MOVE
    assert "closed" not in str(refused.value.fields["legal"])


def test_relay_and_read_back_do_not_acknowledge() -> None:
    told = alert().told(Step.DOCTOR, NOW, LIMITS)
    known = told.relay(ANNE, NOW).read_back(OTTO, NOW)
    assert known.state is AlertState.NOTIFIED
    assert (known.relayed_by, known.read_back_by, known.escalate_at) == (ANNE, OTTO, told.escalate_at)
    with pytest.raises(HmsError):
        told.acknowledge(EVE, NOW, None).relay(ANNE, NOW)


def test_the_loop_goes_on_until_somebody_answers() -> None:
    inpatient, outpatient = [Step.DOCTOR], [Step.DOCTOR]
    for _ in range(4):
        inpatient.append(next_step(inpatient[-1], outpatient=False))
        outpatient.append(next_step(outpatient[-1], outpatient=True))
    everybody = Step.EVERYBODY
    assert inpatient == [Step.DOCTOR, Step.WARD_NURSE, Step.ON_CALL, everybody, everybody]
    assert outpatient == [Step.DOCTOR, Step.ON_CALL, everybody, everybody, everybody]
    assert alert("clinic:GEN").outpatient
    assert not alert().outpatient
    minutes = [LIMITS.of(step) // timedelta(minutes=1) for step in Step]
    assert minutes == [10, 10, 10, 15]


@pytest.mark.parametrize(
    ("clock", "covered"),
    [("18:59", False), ("19:00", True), ("23:30", True), ("05:59", True), ("06:00", False)],
)
def test_the_night_goes_by_the_hospitals_clock(clock: str, covered: bool) -> None:
    winter = datetime.fromisoformat(f"2026-01-15T{clock}+00:00")  # Vienna is an hour ahead
    assert Night().covers(winter, ZoneInfo("Europe/Vienna")) is covered


def test_a_night_need_not_span_midnight() -> None:
    early = Night(time(1, 0), time(5, 0))
    assert early.covers(datetime(2026, 1, 15, 4, 59, tzinfo=UTC), ZoneInfo("UTC"))
    assert not early.covers(datetime(2026, 1, 15, 5, 0, tzinfo=UTC), ZoneInfo("UTC"))


def test_the_worth_of_a_version_follows_from_the_history() -> None:
    entry, correction = VersionKind.ENTRY, VersionKind.CORRECTION
    assert status_of(entry, 1, 2) is ResultStatus.PRELIMINARY  # the verifier disagreed
    assert status_of(entry, 2, 2) is ResultStatus.FINAL
    assert status_of(entry, 2, None) is ResultStatus.PRELIMINARY
    assert status_of(correction, 3, 2) is ResultStatus.CORRECTED
