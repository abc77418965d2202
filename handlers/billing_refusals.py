"""REST of what payers refuse, and of who owes."""

from hms_rt.departments.billing.schemas.debtors import DebtorOut, DebtorQuery
from hms_rt.departments.billing.schemas.refusals import RefusalIn, RefusedOut
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("billing", "Billing: tariffs, coverage, charges, invoices, payments; money is decimal text")


@routes.post(
    "/billing/invoices/{id}/refuse",
    body=RefusalIn,
    answer=RefusedOut,
    status=201,
    permission=Permission.INVOICE_WRITE,
    command="billing.refuse_invoice",
    versioned=True,
    summary="A payer refuses an invoice, or a part of it",
)
async def refuse_invoice(call: Call[RefusalIn, None]) -> RefusedOut:
    """The payer gets a credit note, the patient (or another payer) an invoice for the same amount; what the
    payer did pay is taken before (``remitted``)."""
    return await call.services.billing.refuse_invoice(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/billing/debtors",
    query=DebtorQuery,
    answer=Page[DebtorOut],
    permission=Permission.INVOICE_READ,
    summary="Who owes, and for how long",
)
async def list_debtors(call: Call[None, DebtorQuery]) -> Page[DebtorOut]:
    """By payer and patient: what is due of issued invoices, up to 30, 60, 90 days old and older."""
    return await call.services.billing.debtors(call.principal, call.command, call.query)
