"""What every part of the pharmacy's service works with."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing.service import BillingService
from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.notifications.service import (
    Kind,
    NotificationsService,
    Priority,
    Subject,
    Wording,
)
from hms_rt.departments.patients.service import PatientsService
from hms_rt.departments.pharmacy import views
from hms_rt.departments.pharmacy.events import PrescriptionChanged
from hms_rt.departments.pharmacy.model.prescription import Line, Prescription, PrescriptionMove
from hms_rt.departments.pharmacy.model.safety import Allergy
from hms_rt.departments.pharmacy.model.shelf import NEAR_EXPIRY_DAYS
from hms_rt.departments.pharmacy.repository import prescriptions
from hms_rt.departments.pharmacy.repository.prescriptions import Reach, Recorded, Shown
from hms_rt.departments.pharmacy.schemas.prescriptions import FrequencyOut, LineOut, PrescriptionOut
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import occurred
from hms_rt.kernel.errors import not_found
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from hms_rt.kernel.schema import Moment
from hms_rt.security.permissions import Permission, clinics, require, require_place, wards
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

T = TypeVar("T")

TOLD_AT_ONCE = 500
"""People that one call of notifications tells at most."""


class KnownAllergies(Protocol):
    """What a patient does not tolerate: answered by the department that keeps the record."""

    async def __call__(self, connection: AsyncConnection, patient_id: uuid.UUID) -> Sequence[Allergy]: ...


class InpatientWard(Protocol):
    """Where the patient of an open admission lies: answered by the department of inpatients.

    None if the admission is not open, is somebody else's, or the patient is not in a bed.
    """

    async def __call__(
        self, connection: AsyncConnection, admission_id: uuid.UUID, patient_id: uuid.UUID
    ) -> str | None: ...


async def recorded_allergies(connection: AsyncConnection, patient_id: uuid.UUID) -> Sequence[Allergy]:
    """What the record says now; a code counts where it is one of the ATC."""
    known = await PatientsService.allergies(connection, patient_id)
    return [
        Allergy(one.substance.name, one.substance.code if one.substance.code_system == "ATC" else None)
        for one in known
        if one.warns
    ]


@dataclass(frozen=True, slots=True)
class Facility:
    """What the hospital has set: its clocks, the language of labels, how far ahead expiry is told."""

    zone: ZoneInfo
    language: str = "en"
    near_expiry_days: int = NEAR_EXPIRY_DAYS


class Foundation:
    """The collaborators of the service; hours and days are those of the facility's clocks."""

    def __init__(
        self,
        units: UnitsOfWork,
        patients: PatientsService,
        identity: IdentityService,
        notifications: NotificationsService,
        billing: BillingService,
        ward_of: InpatientWard,
        allergies_of: KnownAllergies,
        facility: Facility,
    ) -> None:
        self._units = units
        self._patients = patients
        self._identity = identity
        self._notifications = notifications
        self._billing = billing
        self._ward_of = ward_of
        self._allergies_of = allergies_of
        self._facility = facility
        self._zone = facility.zone
        self._cupboards: dict[str, str] = {}  # store -> its ward, of the cupboards asked for so far

    async def _tell_store(
        self, uow: UnitOfWork, store: str, kind: Kind, title: Wording, subject: Subject, priority: Priority
    ) -> None:
        """Tell the pharmacists who are assigned to the store as to a counter; without any, all of them."""
        told = await self._identity.users_with(
            uow.connection, roles=[Role.PHARMACY], counter=store
        ) or await self._identity.users_with(uow.connection, roles=[Role.PHARMACY])
        await self._tell(uow, {user.id for user in told}, kind, title, subject, priority)

    async def _tell(
        self,
        uow: UnitOfWork,
        people: Collection[uuid.UUID],
        kind: Kind,
        title: Wording,
        subject: Subject,
        priority: Priority,
        patient_id: uuid.UUID | None = None,
    ) -> None:
        """Tell people, however many: too many at once would be refused, and nobody told."""
        users = sorted(people)
        for begin in range(0, len(users), TOLD_AT_ONCE):
            several = users[begin : begin + TOLD_AT_ONCE]
            await self._notifications.notify(uow, several, kind, title, subject, patient_id, priority)


def found(thing: T | None, what: str) -> T:
    """``thing``; raises ``not_found`` for None."""
    if thing is None:
        raise not_found(what)
    return thing


async def locked(uow: UnitOfWork, prescription_id: uuid.UUID) -> Shown:
    """A prescription, locked, with its lines; raises ``not_found``."""
    return found(await prescriptions.lock(uow.connection, prescription_id), "that prescription")


def require_at(principal: Principal, permission: Permission, prescription: Prescription) -> None:
    """Raises ``forbidden`` unless ``permission`` reaches the place; the prescriber keeps the right."""
    require(principal, permission)
    if prescription.prescribed_by == principal.id:
        return
    require_place(
        principal,
        permission,
        wards_of=[prescription.ward] if prescription.ward is not None else [],
        clinics_of=[prescription.clinic] if prescription.clinic is not None else [],
    )


def reach(principal: Principal, permission: Permission) -> Reach:
    """Whose prescriptions ``principal`` may see; raises ``forbidden`` for nobody's."""
    require(principal, permission)
    return Reach(wards(principal, permission), clinics(principal, permission), principal.id)


async def moved(
    uow: UnitOfWork,
    before: Prescription,
    after: Prescription,
    lines: Sequence[Line],
    move: PrescriptionMove,
    cause: Cause,
    occurred_at: Moment | None,
) -> PrescriptionOut:
    """Write a locked prescription after ``move``: row, history, event and audit; answers it."""
    at = occurred(occurred_at, uow.now)
    await prescriptions.save(uow.connection, after)
    recorded = Recorded(uow.ids.new(), move, at, uow.now, uow.principal.id)
    await prescriptions.add_event(uow.connection, before, after, recorded)
    uow.record(PrescriptionChanged(before, after, tuple(lines), cause))
    uow.audit(
        f"prescription.{move}",
        entity="prescription",
        entity_id=after.id,
        patient_id=after.patient_id,
        detail={"from": before.state, "to": after.state},
    )
    return prescription_out(uow.principal, after, lines)


def named(principal: Principal, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Whom it is about, as far as ``principal`` may know: a restricted name is for those who treat."""
    treats = principal.has(Role.DOCTOR, Role.NURSE) or principal.kind is PrincipalKind.SYSTEM
    return value if treats else views.staff("", value)


def prescription_out(
    principal: Principal, prescription: Prescription, lines: Sequence[Line]
) -> PrescriptionOut:
    """A prescription as ``principal`` may see it."""
    whose = {
        "patient_name": prescription.patient_name,
        "mrn": prescription.mrn,
        "restricted": prescription.restricted,
    }
    return PrescriptionOut(
        id=prescription.id,
        number=prescription.number,
        patient_id=prescription.patient_id,
        **named(principal, whose),
        admission_id=prescription.admission_id,
        visit_id=prescription.visit_id,
        ward=prescription.ward,
        clinic=prescription.clinic,
        take_home=prescription.take_home,
        dispensary=prescription.dispensary,
        prescribed_by=prescription.prescribed_by,
        state=prescription.state,
        prescribed_at=prescription.prescribed_at,
        recorded_at=prescription.recorded_at,
        reason=prescription.reason,
        lines=[_line_out(line) for line in lines],
        version=prescription.version,
    )


def _line_out(line: Line) -> LineOut:
    return LineOut(
        id=line.id,
        medicine=line.medicine,
        name=line.name,
        controlled=line.controlled,
        dose=line.dose,
        dose_unit=line.dose_unit,
        route=line.route,
        frequency=FrequencyOut(
            kind=line.frequency_kind,
            times=list(line.times),
            every_hours=line.every_hours,
            max_per_24h=line.max_per_24h,
        ),
        starts_at=line.starts_at,
        ends_at=line.ends_at,
        duration_days=line.duration_days,
        quantity=line.quantity,
        dispensed=line.dispensed,
        returned=line.returned,
        dispense_unit=line.dispense_unit,
        note=line.note,
        not_dispensed=line.not_dispensed,
        allergy_alert=line.allergy_alert,
    )
