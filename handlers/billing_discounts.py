"""REST of discounts: given within one's authority, or approved by a second person."""

from hms_rt.departments.billing.schemas.discounts import (
    DiscountIn,
    DiscountOut,
    DiscountQuery,
    LimitIn,
    LimitOut,
    Limits,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("billing", "Billing: tariffs, coverage, charges, invoices, payments; money is decimal text")


@routes.get(
    "/billing/discount-limits",
    answer=Limits,
    permission=Permission.TARIFF_READ,
    summary="Who may take off how much alone",
)
async def list_limits(call: Call[None, None]) -> Limits:
    """By role or assignment; who is not here needs a second person for any discount."""
    return await call.services.billing.discount_limits(call.principal)


@routes.post(
    "/billing/discount-limits",
    body=LimitIn,
    answer=LimitOut,
    permission=Permission.TARIFF_DEFINE,
    command="billing.set_discount_limit",
    summary="Say how much a role may take off alone",
)
async def set_limit(call: Call[LimitIn, None]) -> LimitOut:
    """Per cent of the line or invoice, and at most an amount."""
    return await call.services.billing.set_discount_limit(call.principal, call.command, call.body)


@routes.post(
    "/billing/invoices/{id}/discounts",
    body=DiscountIn,
    answer=DiscountOut,
    status=201,
    permission=Permission.DISCOUNT_GIVE,
    command="billing.give_discount",
    summary="Take something off a draft or one of its lines",
)
async def give_discount(call: Call[DiscountIn, None]) -> DiscountOut:
    """At once within the caller's authority (``granted``); beyond it a second person approves."""
    return await call.services.billing.give_discount(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/billing/discounts",
    query=DiscountQuery,
    answer=Page[DiscountOut],
    permission=Permission.INVOICE_READ,
    summary="Discounts",
)
async def list_discounts(call: Call[None, DiscountQuery]) -> Page[DiscountOut]:
    """Newest first; ``state=requested`` wait for somebody."""
    return await call.services.billing.discounts(call.principal, call.command, call.query)


@routes.post(
    "/billing/discounts/{id}/approve",
    answer=DiscountOut,
    permission=Permission.DISCOUNT_APPROVE,
    command="billing.approve_discount",
    versioned=True,
    summary="Approve a discount",
)
async def approve_discount(call: Call[None, None]) -> DiscountOut:
    """By another person than the one who asked, while the invoice is a draft."""
    return await call.services.billing.approve_discount(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/billing/discounts/{id}/decline",
    answer=DiscountOut,
    permission=Permission.DISCOUNT_APPROVE,
    command="billing.decline_discount",
    versioned=True,
    summary="Decline a discount",
)
async def decline_discount(call: Call[None, None]) -> DiscountOut:
    """By another person than the one who asked."""
    return await call.services.billing.decline_discount(call.principal, call.command, call.path_uuid("id"))
