"""Shapes of patients and of their record on the wire, by subject."""

from hms_rt.departments.patients.schemas.merging import MergeDetail, MergeIn, MergeOut, MergeQuery, UndoMerge
from hms_rt.departments.patients.schemas.people import (
    Candidate,
    Candidates,
    MergedFrom,
    MovedIn,
    PatientCursor,
    PatientNew,
    PatientOut,
    PatientProbe,
    PatientQuery,
    PatientUpdate,
    Shown,
)
from hms_rt.departments.patients.schemas.record import (
    BreakGlass,
    EntryCursor,
    EntryFull,
    EntryNew,
    EntryOut,
    EntryQuery,
    Retraction,
)

__all__ = [
    "BreakGlass",
    "Candidate",
    "Candidates",
    "EntryCursor",
    "EntryFull",
    "EntryNew",
    "EntryOut",
    "EntryQuery",
    "MergeDetail",
    "MergeIn",
    "MergeOut",
    "MergeQuery",
    "MergedFrom",
    "MovedIn",
    "PatientCursor",
    "PatientNew",
    "PatientOut",
    "PatientProbe",
    "PatientQuery",
    "PatientUpdate",
    "Retraction",
    "Shown",
    "UndoMerge",
]
