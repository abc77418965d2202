"""From patients to answers, cut down to what the caller may see."""

from hms_rt.departments.patients.model.patient import Patient, Sex
from hms_rt.departments.patients.schemas import MergedFrom, PatientOut, Shown
from hms_rt.kernel.audiences import MASK


def shown_as(patient: Patient, shown: Shown, asked: Patient | None = None) -> PatientOut:
    """``patient``; where ``asked`` was merged into it, the answer says so."""
    if shown is Shown.MASKED:
        return _masked(patient)
    merged_from = None
    if asked is not None and asked.id != patient.id:
        merged_from = MergedFrom(id=asked.id, mrn=asked.mrn)
    return PatientOut(
        id=patient.id,
        mrn=patient.mrn,
        name=patient.name,
        family_name=patient.family_name,
        given_name=patient.given_name,
        sex=patient.sex,
        birth_date=patient.birth_date,
        unidentified=patient.unidentified,
        phone=(patient.phone or None) if shown is Shown.ALL else None,
        shown=shown,
        version=patient.version,
        created_at=patient.created_at,
        updated_at=patient.updated_at,
        deceased_at=patient.death.at if patient.death is not None else None,
        restricted=patient.restricted,
        merged_from=merged_from,
    )


def _masked(patient: Patient) -> PatientOut:
    """That there is somebody, and the id by which the glass is broken; nothing of who it is."""
    return PatientOut(
        id=patient.id,
        mrn="",
        name=MASK,
        family_name=MASK,
        given_name="",
        sex=Sex.UNKNOWN,
        birth_date=None,
        unidentified=False,
        phone=None,
        shown=Shown.MASKED,
        version=patient.version,
        created_at=patient.created_at,
        updated_at=patient.updated_at,
        restricted=True,
    )
