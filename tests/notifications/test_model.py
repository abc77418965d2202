"""What a title may say on a telephone's lock screen."""

import pytest

from hms_rt.departments.notifications.model.notification import MAX_TITLE, Kind, lock_screen_title


@pytest.mark.parametrize(
    ("title", "name", "shown"),
    [
        ("Critical potassium, ward ICU", "Curie, Marie", "Critical potassium, ward ICU"),
        ("Critical result of Marie CURIE", "Curie, Marie", "Critical result"),
        ("Critical result of Unknown 7F3A", "Unknown 7F3A", "Critical result"),
        ("Unknown specimen", "Unknown 7F3A", "Unknown specimen"),
        ("two\nlines", None, "two lines"),
        ("  ", None, "Critical result"),
    ],
)
def test_a_title_never_names_the_patient(title: str, name: str | None, shown: str) -> None:
    assert lock_screen_title(Kind.CRITICAL_RESULT, title, name) == shown


def test_a_long_title_is_cut() -> None:
    assert len(lock_screen_title(Kind.REVIEW_DUE, "x" * 200, None)) == MAX_TITLE
