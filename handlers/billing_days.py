"""REST of closed days."""

from aiohttp import web

from handlers.billing_papers import pdf
from hms_rt.departments.billing.schemas.days import DayIn, DayOut, DayQuery
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("billing", "Billing: tariffs, coverage, charges, invoices, payments; money is decimal text")


@routes.post(
    "/billing/days",
    body=DayIn,
    answer=DayOut,
    status=201,
    permission=Permission.DAY_CLOSE,
    command="billing.close_day",
    summary="Close a facility's day",
)
async def close_day(call: Call[DayIn, None]) -> DayOut:
    """When all its shifts are closed; what is taken later counts for the next day."""
    return await call.services.billing.close_day(call.principal, call.command, call.body)


@routes.get(
    "/billing/days",
    query=DayQuery,
    answer=Page[DayOut],
    permission=Permission.PAYMENT_READ,
    summary="Closed days",
)
async def list_days(call: Call[None, DayQuery]) -> Page[DayOut]:
    """Newest first; of every means what came and went, what was counted and the difference."""
    return await call.services.billing.closed_days(call.principal, call.query)


@routes.get(
    "/billing/days/{id}/pdf",
    permission=Permission.PAYMENT_READ,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="The report of a closed day, as PDF",
)
async def day_pdf(call: Call[None, None]) -> web.Response:
    """To be signed and kept."""
    which = call.path_uuid("id")
    return pdf(await call.services.billing.day_pdf(call.principal, call.command, which), "day")
