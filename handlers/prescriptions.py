"""REST of prescriptions: written, put in force, held, stopped, read."""

from hms_rt.departments.pharmacy.schemas.prescriptions import (
    Activation,
    LateOverrides,
    PrescriptionHistory,
    PrescriptionIn,
    PrescriptionOut,
    PrescriptionQuery,
    Warnings,
    When,
    Why,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("prescriptions", "Prescriptions, from the draft to the last dose dispensed")


@routes.post(
    "/prescriptions",
    body=PrescriptionIn,
    answer=PrescriptionOut,
    status=201,
    location="/prescriptions/{id}",
    permission=Permission.PRESCRIBE,
    command="pharmacy.prescribe",
    summary="Write a prescription",
)
async def prescribe(call: Call[PrescriptionIn, None]) -> PrescriptionOut:
    """A draft, for an admission or a clinic: read its warnings, then activate it."""
    return await call.services.pharmacy.prescribe(call.principal, call.command, call.body)


@routes.get(
    "/prescriptions",
    query=PrescriptionQuery,
    answer=Page[PrescriptionOut],
    permission=Permission.PRESCRIPTION_READ,
    summary="Prescriptions within reach, newest first",
)
async def list_prescriptions(call: Call[None, PrescriptionQuery]) -> Page[PrescriptionOut]:
    """Those of the caller's wards and clinics, and those that the caller wrote."""
    return await call.services.pharmacy.prescriptions(call.principal, call.command, call.query)


@routes.get(
    "/prescriptions/{id}",
    answer=PrescriptionOut,
    permission=Permission.PRESCRIPTION_READ,
    versioned=True,
    summary="One prescription",
)
async def get_prescription(call: Call[None, None]) -> PrescriptionOut:
    """A prescription with its lines, and what is dispensed of each."""
    return await call.services.pharmacy.prescription(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/prescriptions/{id}/warnings",
    answer=Warnings,
    permission=Permission.PRESCRIPTION_READ,
    summary="What the prescriber must know",
)
async def get_warnings(call: Call[None, None]) -> Warnings:
    """Allergies, duplicates and unusual doses of a draft as of now, and the warnings gone past before.

    Of a prescription in force: the allergies that became known since.
    """
    return await call.services.pharmacy.prescription_warnings(
        call.principal, call.command, call.path_uuid("id")
    )


@routes.get(
    "/prescriptions/{id}/history",
    answer=PrescriptionHistory,
    permission=Permission.PRESCRIPTION_READ,
    summary="Every move of a prescription",
)
async def get_history(call: Call[None, None]) -> PrescriptionHistory:
    """Oldest first, each with when it happened, and when and by whom it was recorded."""
    return await call.services.pharmacy.prescription_history(
        call.principal, call.command, call.path_uuid("id")
    )


@routes.post(
    "/prescriptions/{id}/activate",
    body=Activation,
    answer=PrescriptionOut,
    permission=Permission.PRESCRIBE,
    command="pharmacy.activate",
    versioned=True,
    summary="Put a draft in force",
)
async def activate(call: Call[Activation, None]) -> PrescriptionOut:
    """Every warning needs an override with its reason; without them it is a 409 that names them."""
    return await call.services.pharmacy.activate(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/prescriptions/{id}/overrides",
    body=LateOverrides,
    answer=PrescriptionOut,
    permission=Permission.PRESCRIBE,
    command="pharmacy.override_alerts",
    versioned=True,
    summary="Let a prescription go on in spite of an allergy that became known since",
)
async def override_alerts(call: Call[LateOverrides, None]) -> PrescriptionOut:
    """Nothing of a line with `allergy_alert` is dispensed until a doctor gives the reason, or stops it."""
    return await call.services.pharmacy.override_alerts(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/prescriptions/{id}/hold",
    body=Why,
    answer=PrescriptionOut,
    permission=Permission.PRESCRIPTION_HOLD,
    command="pharmacy.hold",
    versioned=True,
    summary="Put a prescription on hold",
)
async def hold(call: Call[Why, None]) -> PrescriptionOut:
    """Nothing is dispensed or given until it is resumed."""
    return await call.services.pharmacy.hold(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/prescriptions/{id}/resume",
    body=When,
    answer=PrescriptionOut,
    permission=Permission.PRESCRIPTION_HOLD,
    command="pharmacy.resume",
    versioned=True,
    summary="End a hold",
)
async def resume(call: Call[When, None]) -> PrescriptionOut:
    """It is in force again; doses that were due meanwhile are not made up for."""
    return await call.services.pharmacy.resume(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/prescriptions/{id}/stop",
    body=Why,
    answer=PrescriptionOut,
    permission=Permission.PRESCRIPTION_STOP,
    command="pharmacy.stop",
    versioned=True,
    summary="Stop a prescription",
)
async def stop(call: Call[Why, None]) -> PrescriptionOut:
    """Doses that are due later are cancelled with it."""
    return await call.services.pharmacy.stop(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/prescriptions/{id}/cancel",
    body=Why,
    answer=PrescriptionOut,
    permission=Permission.PRESCRIBE,
    command="pharmacy.cancel_prescription",
    versioned=True,
    summary="Discard a draft",
)
async def cancel(call: Call[Why, None]) -> PrescriptionOut:
    """Impossible once it was in force: stop it."""
    return await call.services.pharmacy.cancel_prescription(
        call.principal, call.command, call.path_uuid("id"), call.body
    )
