"""REST of what payers refuse."""

from hms_rt.departments.billing.schemas.refusals import RefusalIn, RefusedOut
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
