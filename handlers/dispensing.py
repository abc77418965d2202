"""REST of dispensing: prepared, labelled, handed over, brought back."""

from aiohttp import web

from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut, When, Why
from hms_rt.departments.pharmacy.schemas.stock import (
    CupboardIn,
    DispenseIn,
    DispenseList,
    DispenseOut,
    LabelQuery,
    NotDispensedIn,
    ReturnIn,
)
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("dispensing", "Dispensing what is prescribed")


@routes.get(
    "/prescriptions/{id}/dispenses",
    answer=DispenseList,
    permission=Permission.PRESCRIPTION_READ,
    summary="What was dispensed of a prescription",
)
async def list_dispenses(call: Call[None, None]) -> DispenseList:
    """Every dispense with its lots, oldest first."""
    return await call.services.pharmacy.dispenses(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/prescriptions/{id}/dispenses",
    body=DispenseIn,
    answer=DispenseOut,
    status=201,
    permission=Permission.DISPENSE,
    command="pharmacy.prepare",
    summary="Prepare a dispense",
)
async def prepare(call: Call[DispenseIn, None]) -> DispenseOut:
    """All that is left of each line, or a part; from the lots that expire first."""
    return await call.services.pharmacy.prepare(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/prescriptions/{id}/not-dispensed",
    body=NotDispensedIn,
    answer=PrescriptionOut,
    permission=Permission.DISPENSE,
    command="pharmacy.not_dispensed",
    versioned=True,
    summary="The rest of a line is not dispensed",
)
async def not_dispensed(call: Call[NotDispensedIn, None]) -> PrescriptionOut:
    """With the reason, which the prescriber reads."""
    return await call.services.pharmacy.not_dispensed(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/dispenses/{id}/hand-over",
    body=When,
    answer=DispenseOut,
    permission=Permission.DISPENSE,
    command="pharmacy.hand_over",
    versioned=True,
    summary="Hand a dispense over",
)
async def hand_over(call: Call[When, None]) -> DispenseOut:
    """To the patient or the ward; the prescription is then dispensed, in part or whole."""
    return await call.services.pharmacy.hand_over(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/dispenses/{id}/cancel",
    body=Why,
    answer=DispenseOut,
    permission=Permission.DISPENSE,
    command="pharmacy.cancel_dispense",
    versioned=True,
    summary="Put what was prepared back",
)
async def cancel_dispense(call: Call[Why, None]) -> DispenseOut:
    """Before it is handed over."""
    return await call.services.pharmacy.cancel_dispense(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/dispenses/{id}/return",
    body=ReturnIn,
    answer=DispenseOut,
    permission=Permission.DISPENSE,
    command="pharmacy.return_dispense",
    versioned=True,
    summary="What was handed over came back",
)
async def return_dispense(call: Call[ReturnIn, None]) -> DispenseOut:
    """All of it, or some of its items; on the shelf, to a quarantine, or destroyed. Its charge follows."""
    return await call.services.pharmacy.return_dispense(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/pharmacy/stores/{code}/take",
    body=CupboardIn,
    answer=DispenseOut,
    status=201,
    permission=Permission.STOCK_USE,
    command="pharmacy.take_from_cupboard",
    summary="Take from a ward's cupboard",
)
async def take_from_cupboard(call: Call[CupboardIn, None]) -> DispenseOut:
    """By the ward's nurses, for a prescription of a patient there: dispensed, charged and traced alike."""
    return await call.services.pharmacy.take_from_cupboard(
        call.principal, call.command, call.path_code("code"), call.body
    )


@routes.get(
    "/dispenses/{id}/labels",
    query=LabelQuery,
    permission=Permission.DISPENSE,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="Labels for a dispense, as PDF",
)
async def dispense_labels(call: Call[None, LabelQuery]) -> web.Response:
    """A label for each line: how to take it, in the facility's language; Code 128 of the prescription."""
    content = await call.services.pharmacy.dispense_labels(
        call.principal, call.command, call.path_uuid("id"), call.query.copies
    )
    headers = {"Content-Disposition": 'inline; filename="labels.pdf"'}
    return web.Response(body=content, content_type="application/pdf", headers=headers)
