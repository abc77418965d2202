"""Rules about patients and record entries, without any store."""

import uuid
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hms_rt.departments.patients.model.entry import EntryKind, check_body
from hms_rt.departments.patients.model.patient import (
    after_prefix,
    check_birth_date,
    check_mrn,
    check_phone,
    issued_mrn,
    luhn_digit,
    normalised,
    placeholder_name,
)
from hms_rt.kernel.errors import Code, HmsError


@pytest.mark.parametrize(
    ("name", "compared"),
    [
        ("Müller", "muller"),
        ("O'Brien-Łukasz", "o brien lukasz"),
        ("  GARCÍA   Márquez ", "garcia marquez"),
        ("Weiß", "weiss"),
        ("Søren", "soren"),
        ("%_\\", ""),
    ],
)
def test_names_compare_without_case_accents_and_punctuation(name: str, compared: str) -> None:
    assert normalised(name) == compared


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8")))
def test_the_end_of_a_prefix_lies_above_everything_that_starts_with_it(prefix: str, rest: str) -> None:
    end = after_prefix(prefix)
    assert end is None or (prefix + rest).encode() < end.encode()


def test_luhn_matches_the_published_example() -> None:
    assert luhn_digit("7992739871") == "3"


def test_an_issued_number_passes_and_every_single_wrong_digit_is_caught() -> None:
    mrn = issued_mrn(42)
    assert check_mrn(mrn) == mrn
    for place in range(4, len(mrn)):
        wrong = str((int(mrn[place]) + 1) % 10)
        with pytest.raises(ValueError, match="check digit"):
            check_mrn(mrn[:place] + wrong + mrn[place + 1 :])


@pytest.mark.parametrize("mrn", ["A", "-AB", "AB-", "AB C", "ab1", "X" * 21, "MRN-", "MRN-12"])
def test_odd_record_numbers_are_refused(mrn: str) -> None:
    with pytest.raises(ValueError, match="MRN"):
        check_mrn(mrn)


@pytest.mark.parametrize("phone", ["123", "+43 1 23x", "1" * 16, ""])
def test_odd_telephone_numbers_are_refused(phone: str) -> None:
    with pytest.raises(ValueError, match="telephone"):
        check_phone(phone)


def test_a_placeholder_name_shows_that_nobody_knows() -> None:
    assert placeholder_name(uuid.UUID("0190a000-0000-7000-8000-000000007f3a")) == "Unknown 7F3A"


@pytest.mark.parametrize("born", [date(1879, 12, 31), date(2026, 3, 3)])
def test_impossible_birth_dates_are_refused(born: date) -> None:
    with pytest.raises(HmsError, match="birth_date"):
        check_birth_date(born, datetime(2026, 3, 1, 8, tzinfo=UTC))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (EntryKind.NOTE, {"text": "slept well", "tags": ["night", "ward"]}),
        (EntryKind.VITALS, {"systolic": 120, "diastolic": 80, "temperature_c": "36.6", "our_score": 4}),
        (EntryKind.DIAGNOSIS, {"text": "sepsis", "code": "A41.9", "codings": [{"system": "icd10"}]}),
        (EntryKind.PROCEDURE, {"name": "central line"}),
        (EntryKind.MEDICATION, {"name": "ceftriaxone", "dose": {"amount": "2", "unit": "g"}}),
    ],
)
def test_bodies_of_every_kind_are_accepted(kind: EntryKind, body: dict[str, object]) -> None:
    check_body(kind, body)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (EntryKind.NOTE, {}),
        (EntryKind.NOTE, {"text": "  "}),
        (EntryKind.NOTE, {"text": 5}),
        (EntryKind.NOTE, {"text": "a", "$where": "1"}),
        (EntryKind.NOTE, {"text": "a", "deep": [[[[[[["x"]]]]]]]}),
        (EntryKind.NOTE, {"text": "a", "many": list(range(500))}),
        (EntryKind.NOTE, {"text": "a", "number": 2**60}),
        (EntryKind.NOTE, {"text": "a", "number": 1.5}),
        (EntryKind.NOTE, {"text": "a\x07"}),
        (EntryKind.NOTE, {"text": "a" * 20_001}),
        (EntryKind.VITALS, {}),
        (EntryKind.VITALS, {"heart_rate": "many"}),
        (EntryKind.VITALS, {"heart_rate": True}),
        (EntryKind.VITALS, {"heart_rate": 800}),
        (EntryKind.VITALS, {"temperature_c": 36.6}),
        (EntryKind.VITALS, {"temperature_c": "366"}),
        (EntryKind.VITALS, {"systolic": 80, "diastolic": 120}),
        (EntryKind.VITALS, {"temperature_c": "NaN"}),
        (EntryKind.VITALS, {f"reading_{n}": n for n in range(41)}),
        (EntryKind.MEDICATION, {"text": "no name"}),
    ],
)
def test_bodies_out_of_bounds_are_refused_as_invalid(kind: EntryKind, body: dict[str, object]) -> None:
    with pytest.raises(HmsError) as refused:
        check_body(kind, body)
    assert refused.value.code is Code.INVALID
