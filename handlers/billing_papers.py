"""REST of billing's papers: invoices, receipts, refunds and reports as PDF, and who sends them."""

from aiohttp import web

from hms_rt.departments.billing.schemas.papers import IssuerIn, IssuerOut, Issuers
from hms_rt.departments.billing.schemas.statements import (
    StatementOut,
    StatementPaperQuery,
    StatementQuery,
)
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("billing", "Billing: tariffs, coverage, charges, invoices, payments; money is decimal text")


@routes.get(
    "/billing/issuers",
    answer=Issuers,
    permission=Permission.TARIFF_READ,
    summary="Who sends papers",
)
async def list_issuers(call: Call[None, None]) -> Issuers:
    """By facility; one that is not here signs with its code."""
    return await call.services.billing.issuers(call.principal)


@routes.post(
    "/billing/issuers",
    body=IssuerIn,
    answer=IssuerOut,
    permission=Permission.TARIFF_DEFINE,
    command="billing.set_issuer",
    summary="Say who sends a facility's papers",
)
async def set_issuer(call: Call[IssuerIn, None]) -> IssuerOut:
    """Name, address, tax number, what stands below, and in which language."""
    return await call.services.billing.set_issuer(call.principal, call.command, call.body)


@routes.get(
    "/billing/invoices/{id}/pdf",
    permission=Permission.INVOICE_READ,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="An invoice or credit note, as PDF",
)
async def invoice_pdf(call: Call[None, None]) -> web.Response:
    """The first is the original, every other says which copy it is; a draft says that it is one."""
    which = call.path_uuid("id")
    return pdf(await call.services.billing.invoice_pdf(call.principal, call.command, which), "invoice")


@routes.get(
    "/billing/payments/{id}/receipt",
    permission=Permission.PAYMENT_TAKE,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="The receipt of a payment, as PDF",
)
async def receipt_pdf(call: Call[None, None]) -> web.Response:
    """What was received, for what; whoever takes money at its counter prints it."""
    which = call.path_uuid("id")
    return pdf(await call.services.billing.receipt_pdf(call.principal, call.command, which), "receipt")


@routes.get(
    "/billing/refunds/{id}/pdf",
    permission=Permission.PAYMENT_TAKE,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="The slip of a refund, as PDF",
)
async def refund_pdf(call: Call[None, None]) -> web.Response:
    """To be signed; one that is not approved says so."""
    which = call.path_uuid("id")
    return pdf(await call.services.billing.refund_pdf(call.principal, call.command, which), "refund")


@routes.get(
    "/billing/shifts/{id}/pdf",
    permission=Permission.SHIFT_WORK,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="The report of a cashier's shift, as PDF",
)
async def shift_pdf(call: Call[None, None]) -> web.Response:
    """By means of payment, with what was counted; of an open shift, what there is so far."""
    which = call.path_uuid("id")
    return pdf(await call.services.billing.shift_pdf(call.principal, call.command, which), "shift")


@routes.get(
    "/patients/{id}/account/statement",
    query=StatementQuery,
    answer=StatementOut,
    permission=Permission.PAYMENT_READ,
    summary="Statement of account",
)
async def get_statement(call: Call[None, StatementQuery]) -> StatementOut:
    """Between two days: the opening balance, every paper with the balance after it, the closing balance."""
    return await call.services.billing.statement(
        call.principal, call.command, call.path_uuid("id"), call.query
    )


@routes.get(
    "/patients/{id}/account/statement/pdf",
    query=StatementPaperQuery,
    permission=Permission.PAYMENT_READ,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="Statement of account, as PDF",
)
async def statement_pdf(call: Call[None, StatementPaperQuery]) -> web.Response:
    """In the language of the facility that sends it; made anew each time."""
    which = call.path_uuid("id")
    made = await call.services.billing.statement_pdf(call.principal, call.command, which, call.query)
    return pdf(made, "statement")


def pdf(content: bytes, name: str) -> web.Response:
    """A paper to show or print, kept by no cache."""
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"', "Cache-Control": "no-store"}
    return web.Response(body=content, content_type="application/pdf", headers=headers)
