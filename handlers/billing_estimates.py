"""REST of estimates: what something planned would cost."""

from aiohttp import web

from handlers.billing_papers import pdf
from hms_rt.departments.billing.schemas.estimates import EstimateIn, EstimateOut, EstimateQuery
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("billing", "Billing: tariffs, coverage, charges, invoices, payments; money is decimal text")


@routes.post(
    "/billing/estimates",
    body=EstimateIn,
    answer=EstimateOut,
    status=201,
    permission=Permission.INVOICE_WRITE,
    command="billing.estimate",
    summary="Say what something planned would cost",
)
async def write_estimate(call: Call[EstimateIn, None]) -> EstimateOut:
    """Charges nothing; the number is of the estimates' own series."""
    return await call.services.billing.estimate(call.principal, call.command, call.body)


@routes.get(
    "/billing/estimates",
    query=EstimateQuery,
    answer=Page[EstimateOut],
    permission=Permission.INVOICE_READ,
    summary="Estimates",
)
async def list_estimates(call: Call[None, EstimateQuery]) -> Page[EstimateOut]:
    """Newest first."""
    return await call.services.billing.estimates(call.principal, call.command, call.query)


@routes.get(
    "/billing/estimates/{id}",
    answer=EstimateOut,
    permission=Permission.INVOICE_READ,
    summary="One estimate",
)
async def get_estimate(call: Call[None, None]) -> EstimateOut:
    """With the price of each service planned."""
    return await call.services.billing.estimate_of(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/billing/estimates/{id}/pdf",
    permission=Permission.INVOICE_READ,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="An estimate, as PDF",
)
async def estimate_pdf(call: Call[None, None]) -> web.Response:
    """To hand over; it says that it is none but an estimate."""
    which = call.path_uuid("id")
    return pdf(await call.services.billing.estimate_pdf(call.principal, call.command, which), "estimate")
