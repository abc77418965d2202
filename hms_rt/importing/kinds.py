"""The kinds of files that can be imported."""

from enum import StrEnum


class Kind(StrEnum):
    """What a file holds."""

    BEDS = "beds"
    STAFF = "staff"
    PATIENTS = "patients"
