"""REST of allergies: what a patient must not get."""

from handlers.breaking_glass import glass
from hms_rt.departments.patients.schemas.allergies import (
    AllergyError,
    AllergyIn,
    AllergyList,
    AllergyOut,
    AllergyQuery,
    AllergyVerification,
)
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("patients", "Patients: registration, search, demographics, clinical record")


@routes.get(
    "/patients/{id}/allergies",
    query=AllergyQuery,
    answer=AllergyList,
    permission=Permission.RECORD_READ_MEDICATION,
    summary="Allergies of a patient",
)
async def list_allergies(call: Call[None, AllergyQuery]) -> AllergyList:
    """How it stands now, or with `history` how it came about; audited. An empty list says that nobody asked
    yet; that none is known is a statement of its own. `Break-Glass-Reason` works as on the record."""
    return await call.services.patients.list_allergies(
        call.principal, call.command, call.path_uuid("id"), call.query, glass(call)
    )


@routes.post(
    "/patients/{id}/allergies",
    body=AllergyIn,
    answer=AllergyOut,
    permission=Permission.ALLERGY_WRITE,
    status=201,
    summary="Record an allergy, or that none is known",
)
async def add_allergy(call: Call[AllergyIn, None]) -> AllergyOut:
    """Statements are never changed: a change is a new one that supersedes the old one."""
    return await call.services.patients.add_allergy(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/patients/{id}/allergies/{allergy_id}/verify",
    body=AllergyVerification,
    answer=AllergyOut,
    permission=Permission.ALLERGY_VERIFY,
    status=201,
    summary="Confirm an allergy",
)
async def verify_allergy(call: Call[AllergyVerification, None]) -> AllergyOut:
    """By a doctor; answers the confirmed statement, which supersedes the old one."""
    return await call.services.patients.verify_allergy(
        call.principal, call.command, call.path_uuid("id"), call.path_uuid("allergy_id"), call.body
    )


@routes.post(
    "/patients/{id}/allergies/{allergy_id}/retract",
    body=AllergyError,
    answer=AllergyOut,
    permission=Permission.ALLERGY_WRITE,
    status=201,
    summary="Mark an allergy as entered in error",
)
async def retract_allergy(call: Call[AllergyError, None]) -> AllergyOut:
    """It stays in the history; the reason becomes a statement of its own."""
    return await call.services.patients.retract_allergy(
        call.principal, call.command, call.path_uuid("id"), call.path_uuid("allergy_id"), call.body
    )
