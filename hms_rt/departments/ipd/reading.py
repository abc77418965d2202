"""From rows to answers, cut down to what the caller may see."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.ipd.model import Admission, Stay
from hms_rt.departments.ipd.schemas import AdmissionEventOut, AdmissionOut, HeldBedOut, StayOut
from hms_rt.departments.patients.service import PatientBrief
from hms_rt.kernel.audiences import MASK
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from hms_rt.security.permissions import Permission, wards


def treats(principal: Principal, admission: Admission) -> bool:
    """Whether ``principal`` treats the patient: on the ward, or as the doctor who asked for the admission."""
    if principal.kind is PrincipalKind.SYSTEM:
        return True
    if not principal.has(Role.DOCTOR, Role.NURSE):
        return False
    reach = wards(principal, Permission.RECORD_READ)
    return reach is None or admission.ward in reach or admission.requested_by == principal.id


def admission_out(
    principal: Principal,
    admission: Admission,
    patient: PatientBrief,
    stays: Iterable[Stay],
    hold: Any | None = None,
    births: Sequence[Row[Any]] = (),
) -> AdmissionOut:
    """An admission; why and how the patient leaves only for those who treat."""
    clinical = treats(principal, admission)
    return AdmissionOut(
        id=admission.id,
        patient_id=admission.patient_id,
        patient_name=patient.name if clinical or not patient.restricted else MASK,
        mrn=patient.mrn if clinical or not patient.restricted else "",
        restricted=patient.restricted,
        ward=admission.ward,
        state=admission.state,
        reason=admission.reason if clinical else None,
        requested_at=admission.requested_at,
        recorded_at=admission.recorded_at,
        accepted_at=admission.accepted_at,
        admitted_at=admission.admitted_at,
        discharge_ordered_at=admission.discharge_ordered_at,
        planned_disposition=admission.planned_disposition if clinical else None,
        discharged_at=admission.discharged_at,
        disposition=admission.disposition if clinical else None,
        cancelled_at=admission.cancelled_at,
        features=sorted(admission.features),
        isolation=admission.isolation if clinical else None,
        organism=admission.organism if clinical else None,
        hold=_hold_out(hold) if hold is not None else None,
        mother_id=next((b.mother_id for b in births if b.child_admission_id == admission.id), None),
        children=[b.child_id for b in births if b.admission_id == admission.id],
        stays=[_stay_out(stay, clinical=clinical) for stay in stays],
        version=admission.version,
    )


def event_out(row: Row[Any], *, clinical: bool) -> AdmissionEventOut:
    """A line of the history."""
    values = row._asdict()
    del values["admission_id"]
    if not clinical:
        values["reason"] = values["disposition"] = None
    return AdmissionEventOut(**values)


def _hold_out(row: Any) -> HeldBedOut:
    return HeldBedOut(bed_id=row.bed_id, bed=row.code, ward=row.ward_code, until=row.reserved_until)


def _stay_out(stay: Stay, *, clinical: bool) -> StayOut:
    return StayOut(
        id=stay.id,
        ward=stay.ward,
        bed_id=stay.bed_id,
        bed=stay.bed_code,
        started_at=stay.started_at,
        ended_at=stay.ended_at,
        entered_in_error=stay.entered_in_error,
        override_reason=stay.override_reason if clinical else None,
    )
