"""What external servers see: an allow-list that knows every stream, and pseudonyms that hold."""

from datetime import UTC, datetime

from hms_rt.departments.reporting.model.pseudonyms import Pseudonyms
from hms_rt.departments.reporting.views import Lens

AT = datetime(2026, 3, 1, tzinfo=UTC)
TOKEN = {
    "id": "t1",
    "label": "A007",
    "state": "waiting",
    "patient_id": "p1",
    "patient_name": "Ada Doe",
    "mrn": "MRN-1",
    "restricted": False,
    "invented_later": "secret",
}
BED = {
    "code": "01",
    "status": "occupied",
    "occupant": {"patient_id": "p1", "name": "Ada Doe", "mrn": "MRN-1", "birth_date": "1931-07-19"},
    "hold": None,
}


def lens(key: bytes = b"k" * 32, *, identified: bool = False) -> Lens:
    return Lens(Pseudonyms(key), identified)


def test_a_patient_is_one_pseudonym_to_an_account_and_another_to_the_next() -> None:
    seen = lens().value("opd/clinic:GEN", "token:t1", TOKEN, AT)
    assert seen is not None
    assert set(seen) == {"id", "state", "patient_id"}
    bed = lens().value("beds/ward:ICU", "bed:b1", BED, AT)
    assert bed == {
        "code": "01",
        "status": "occupied",
        "hold": None,
        "occupant": {"patient_id": seen["patient_id"], "birth_year": 1936},
    }
    assert str(seen["patient_id"]).startswith("patient-")
    other = lens(b"x" * 32).value("opd/clinic:GEN", "token:t1", TOKEN, AT)
    assert other is not None
    assert other["patient_id"] != seen["patient_id"]


def test_identified_shows_names_but_not_of_restricted_patients() -> None:
    seen = lens(identified=True).value("opd/clinic:GEN", "token:t1", TOKEN, AT)
    assert seen is not None
    assert (seen["patient_id"], seen["patient_name"], seen["label"]) == ("p1", "Ada Doe", "A007")
    assert "invented_later" not in seen
    closed = lens(identified=True).value("opd/clinic:GEN", "token:t1", {**TOKEN, "restricted": True}, AT)
    assert closed is not None
    assert (closed["patient_name"], closed["mrn"]) == ("Restricted", "")


def test_what_is_not_listed_goes_to_nobody() -> None:
    for stream, key in (
        ("identity/rights", "x"),
        ("notifications/user:1", "x"),
        ("opd/clinic:GEN", "line"),
        ("later/room:1", "ward"),
    ):
        assert lens(identified=True).value(stream, key, TOKEN, AT) is None
        assert not lens().shows(stream, key)
