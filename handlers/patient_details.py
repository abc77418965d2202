"""REST of what is known of a patient beyond demographics: numbers, contacts, death, restriction."""

from handlers.breaking_glass import glass
from hms_rt.departments.patients.schemas import PatientOut
from hms_rt.departments.patients.schemas.details import (
    ContactChange,
    ContactIn,
    ContactList,
    ContactOut,
    DeathIn,
    IdentifierError,
    IdentifierIn,
    IdentifierList,
    IdentifierOut,
    RestrictedOut,
    RestrictedQuery,
    WhyIn,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("patients", "Patients: registration, search, demographics, clinical record")


@routes.get(
    "/patients/{id}/identifiers",
    answer=IdentifierList,
    permission=Permission.PATIENT_READ,
    summary="Numbers of a patient",
)
async def identifiers(call: Call[None, None]) -> IdentifierList:
    """Those entered in error too, with the reason; audited. `Break-Glass-Reason` opens a restricted one."""
    return await call.services.patients.identifiers(
        call.principal, call.command, call.path_uuid("id"), glass(call)
    )


@routes.post(
    "/patients/{id}/identifiers",
    body=IdentifierIn,
    answer=IdentifierOut,
    permission=Permission.PATIENT_UPDATE,
    status=201,
    summary="Record a number that another issuer gave",
)
async def add_identifier(call: Call[IdentifierIn, None]) -> IdentifierOut:
    """Refused (409) where its issuer gives it to one person only and another patient has it."""
    return await call.services.patients.add_identifier(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/patients/{id}/identifiers/{identifier_id}/retract",
    body=IdentifierError,
    answer=IdentifierOut,
    permission=Permission.PATIENT_UPDATE,
    summary="Mark a number as entered in error",
)
async def retract_identifier(call: Call[IdentifierError, None]) -> IdentifierOut:
    """It stays in the list with the reason, is not searched any more, and another patient may have it."""
    return await call.services.patients.retract_identifier(
        call.principal, call.command, call.path_uuid("id"), call.path_uuid("identifier_id"), call.body
    )


@routes.get(
    "/patients/{id}/contacts",
    answer=ContactList,
    permission=Permission.PATIENT_READ,
    summary="Whom to call about a patient",
)
async def contacts(call: Call[None, None]) -> ContactList:
    """Next of kin, guardians and others, former ones too; audited."""
    return await call.services.patients.contacts(
        call.principal, call.command, call.path_uuid("id"), glass(call)
    )


@routes.post(
    "/patients/{id}/contacts",
    body=ContactIn,
    answer=ContactOut,
    permission=Permission.PATIENT_UPDATE,
    versioned=True,
    status=201,
    summary="Record somebody to call",
)
async def add_contact(call: Call[ContactIn, None]) -> ContactOut:
    """At most fifty for a patient."""
    return await call.services.patients.add_contact(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.patch(
    "/patients/{id}/contacts/{contact_id}",
    body=ContactChange,
    answer=ContactOut,
    permission=Permission.PATIENT_UPDATE,
    versioned=True,
    summary="Correct or retire a contact",
)
async def change_contact(call: Call[ContactChange, None]) -> ContactOut:
    """What is absent stays; `active: false` retires."""
    return await call.services.patients.change_contact(
        call.principal, call.command, call.path_uuid("id"), call.path_uuid("contact_id"), call.body
    )


@routes.post(
    "/patients/{id}/death",
    body=DeathIn,
    answer=PatientOut,
    permission=Permission.PATIENT_DEATH,
    versioned=True,
    summary="Record that a patient died",
)
async def record_death(call: Call[DeathIn, None]) -> PatientOut:
    """Every department hears of it and looks at what is booked or ordered."""
    return await call.services.patients.record_death(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/patients/{id}/death/revoke",
    body=WhyIn,
    answer=PatientOut,
    permission=Permission.PATIENT_DEATH,
    versioned=True,
    summary="The record of a death was a mistake",
)
async def revoke_death(call: Call[WhyIn, None]) -> PatientOut:
    """The reason is kept in the audit trail."""
    return await call.services.patients.revoke_death(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/patients/{id}/restrict",
    body=WhyIn,
    answer=PatientOut,
    permission=Permission.PATIENT_RESTRICT,
    versioned=True,
    summary="Close a record to all but those who treat",
)
async def restrict(call: Call[WhyIn, None]) -> PatientOut:
    """Searches mask the patient; doctors and nurses may break the glass. Privacy officers may do it, too."""
    return await call.services.patients.restrict(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/patients/{id}/unrestrict",
    body=WhyIn,
    answer=PatientOut,
    permission=Permission.PATIENT_RESTRICT,
    versioned=True,
    summary="Open a restricted record",
)
async def unrestrict(call: Call[WhyIn, None]) -> PatientOut:
    """Whoever may see other patients sees this one again."""
    return await call.services.patients.unrestrict(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/restricted-patients",
    query=RestrictedQuery,
    answer=Page[RestrictedOut],
    permission=Permission.PATIENT_RESTRICT,
    summary="Restricted patients",
)
async def restricted(call: Call[None, RestrictedQuery]) -> Page[RestrictedOut]:
    """For administrators and privacy officers; audited."""
    return await call.services.patients.restricted(call.principal, call.command, call.query)
