"""REST of the medication administration record: what is due, what was given, what was entered in error."""

from hms_rt.departments.ipd.schemas.medication import (
    AdministrationIn,
    AdministrationOut,
    AdministrationQuery,
    AsNeededIn,
    DoseOut,
    DoseQuery,
    MedicationChart,
    Retraction,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("medication", "Medication administration record of the wards")


@routes.get(
    "/admissions/{id}/medication",
    answer=MedicationChart,
    permission=Permission.MEDICATION_READ,
    summary="What is prescribed for the ward to give",
)
async def chart(call: Call[None, None]) -> MedicationChart:
    """Every medicine of the stay, with its hours and whether it is in force."""
    return await call.services.medication.chart(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/doses",
    query=DoseQuery,
    answer=Page[DoseOut],
    permission=Permission.MEDICATION_READ,
    summary="Doses of a ward or of an admission",
)
async def list_doses(call: Call[None, DoseQuery]) -> Page[DoseOut]:
    """What is due and overdue in a ward, or all planned doses of an admission, by their moment."""
    return await call.services.medication.doses(call.principal, call.command, call.query)


@routes.post(
    "/doses/{id}/administer",
    body=AdministrationIn,
    answer=AdministrationOut,
    permission=Permission.MEDICATION_ADMINISTER,
    command="medication.administer",
    summary="Record what became of a dose",
)
async def administer(call: Call[AdministrationIn, None]) -> AdministrationOut:
    """Given, given partially, refused or withheld; once for each dose."""
    return await call.services.medication.administer(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/medications/{id}/administer",
    body=AsNeededIn,
    answer=AdministrationOut,
    permission=Permission.MEDICATION_ADMINISTER,
    command="medication.administer_as_needed",
    summary="Record a dose given as needed",
)
async def administer_as_needed(call: Call[AsNeededIn, None]) -> AdministrationOut:
    """Of the prescription's line; never more within 24 hours than prescribed."""
    return await call.services.medication.administer_as_needed(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/administrations",
    query=AdministrationQuery,
    answer=Page[AdministrationOut],
    permission=Permission.MEDICATION_READ,
    summary="The record of an admission",
)
async def list_administrations(call: Call[None, AdministrationQuery]) -> Page[AdministrationOut]:
    """Newest first; entries in error are marked, not left out."""
    return await call.services.medication.administrations(call.principal, call.command, call.query)


@routes.post(
    "/administrations/{id}/retract",
    body=Retraction,
    answer=AdministrationOut,
    permission=Permission.MEDICATION_ADMINISTER,
    command="medication.retract_administration",
    summary="What was recorded was entered in error",
)
async def retract(call: Call[Retraction, None]) -> AdministrationOut:
    """It stays readable; the dose is due again."""
    return await call.services.medication.retract_administration(
        call.principal, call.command, call.path_uuid("id"), call.body
    )
