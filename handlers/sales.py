"""REST of what is sold at dispensaries' own counters."""

from aiohttp import web

from handlers.billing_papers import pdf
from hms_rt.departments.pharmacy.schemas.sales import (
    GiveBackIn,
    QuoteIn,
    QuoteOut,
    SaleIn,
    SaleOut,
    SaleQuery,
    SaleSummary,
    SellDispense,
    TillIn,
    TillOut,
    TillQuery,
)
from hms_rt.departments.pharmacy.schemas.stock import LabelQuery, ReturnIn
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("sales", "The pharmacy's own sale, at a dispensary's own counter; money is decimal text")


@routes.get(
    "/pharmacy/tills",
    query=TillQuery,
    answer=Page[TillOut],
    permission=Permission.STORE_READ,
    summary="Counters that are a dispensary's own",
)
async def list_tills(call: Call[None, TillQuery]) -> Page[TillOut]:
    """By code."""
    return await call.services.pharmacy.tills(call.principal, call.query)


@routes.put(
    "/pharmacy/tills/{code}",
    body=TillIn,
    answer=TillOut,
    permission=Permission.STORE_DEFINE,
    command="pharmacy.set_till",
    summary="Say whose a counter is",
)
async def set_till(call: Call[TillIn, None]) -> TillOut:
    """A counter of the cashiers where a dispensary sells; who is assigned to it may sell there."""
    return await call.services.pharmacy.set_till(
        call.principal, call.command, call.path_code("code"), call.body
    )


@routes.post(
    "/pharmacy/quotes",
    body=QuoteIn,
    answer=QuoteOut,
    permission=Permission.SALE,
    command="pharmacy.quote",
    summary="What it would cost, and what to warn of",
)
async def quote(call: Call[QuoteIn, None]) -> QuoteOut:
    """Of medicines that are sold over the counter, to this patient, today; nothing is sold."""
    return await call.services.pharmacy.quote(call.principal, call.command, call.body)


@routes.post(
    "/pharmacy/sales",
    body=SaleIn,
    answer=SaleOut,
    status=201,
    permission=Permission.SALE,
    command="pharmacy.sell",
    summary="Sell over the counter",
)
async def sell(call: Call[SaleIn, None]) -> SaleOut:
    """Handed over, charged, invoiced and paid at once, or not at all."""
    return await call.services.pharmacy.sell(call.principal, call.command, call.body)


@routes.get(
    "/pharmacy/sales",
    query=SaleQuery,
    answer=Page[SaleSummary],
    permission=Permission.SALE,
    summary="Sales at the own counters",
)
async def list_sales(call: Call[None, SaleQuery]) -> Page[SaleSummary]:
    """Newest first."""
    return await call.services.pharmacy.sales(call.principal, call.command, call.query)


@routes.get(
    "/pharmacy/sales/{id}",
    answer=SaleOut,
    permission=Permission.SALE,
    versioned=True,
    summary="One sale with its money",
)
async def get_sale(call: Call[None, None]) -> SaleOut:
    """What was sold, came back, was paid and is to be paid back."""
    return await call.services.pharmacy.sale(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/dispenses/{id}/sell",
    body=SellDispense,
    answer=SaleOut,
    status=201,
    permission=Permission.SALE,
    command="pharmacy.sell_dispense",
    versioned=True,
    summary="Take the money for a dispense",
)
async def sell_dispense(call: Call[SellDispense, None]) -> SaleOut:
    """Of an outpatient; what still lies prepared is handed over with it."""
    return await call.services.pharmacy.sell_dispense(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/pharmacy/sales/{id}/return",
    body=ReturnIn,
    answer=SaleOut,
    permission=Permission.SALE,
    command="pharmacy.return_sale",
    versioned=True,
    summary="What was sold came back",
)
async def return_sale(call: Call[ReturnIn, None]) -> SaleOut:
    """All of it, or some of its items; its charge is reversed. Its money is asked for with ``give-back``."""
    return await call.services.pharmacy.return_sale(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/pharmacy/sales/{id}/give-back",
    body=GiveBackIn,
    answer=SaleOut,
    permission=Permission.SALE,
    command="pharmacy.give_back",
    versioned=True,
    summary="Ask to pay back what came back",
)
async def give_back(call: Call[GiveBackIn, None]) -> SaleOut:
    """A credit note, an invoice of what is kept, and refunds that another person approves."""
    return await call.services.pharmacy.give_back(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/pharmacy/sales/{id}/labels",
    query=LabelQuery,
    permission=Permission.SALE,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="Labels of a sale, as PDF",
)
async def sale_labels(call: Call[None, LabelQuery]) -> web.Response:
    """One for each medicine that was sold over the counter."""
    which, copies = call.path_uuid("id"), call.query.copies
    return pdf(
        await call.services.pharmacy.sale_labels(call.principal, call.command, which, copies), "labels"
    )


@routes.get(
    "/pharmacy/sales/{id}/invoices/{invoice:uuid}/pdf",
    permission=Permission.SALE,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="An invoice of a sale, as PDF",
)
async def sale_invoice_pdf(call: Call[None, None]) -> web.Response:
    """The first is the original, every other says which copy it is."""
    which, paper = call.path_uuid("id"), call.path_uuid("invoice")
    made = await call.services.pharmacy.sale_invoice_pdf(call.principal, call.command, which, paper)
    return pdf(made, "invoice")


@routes.get(
    "/pharmacy/sales/{id}/payments/{payment:uuid}/receipt",
    permission=Permission.SALE,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="The receipt of a sale's payment, as PDF",
)
async def sale_receipt_pdf(call: Call[None, None]) -> web.Response:
    """What was received, for what."""
    which, paper = call.path_uuid("id"), call.path_uuid("payment")
    made = await call.services.pharmacy.sale_receipt_pdf(call.principal, call.command, which, paper)
    return pdf(made, "receipt")


@routes.get(
    "/pharmacy/sales/{id}/refunds/{refund:uuid}/pdf",
    permission=Permission.SALE,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="The slip of a sale's refund, as PDF",
)
async def sale_refund_pdf(call: Call[None, None]) -> web.Response:
    """To be signed by who gets the money."""
    which, paper = call.path_uuid("id"), call.path_uuid("refund")
    made = await call.services.pharmacy.sale_refund_pdf(call.principal, call.command, which, paper)
    return pdf(made, "refund")
