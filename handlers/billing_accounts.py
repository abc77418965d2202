"""REST of invoices, payments, refunds and cashiers' shifts."""

from hms_rt.departments.billing.schemas.accounts import (
    AccountOut,
    CashierIn,
    CashierOut,
    InvoiceIn,
    InvoiceOut,
    InvoiceQuery,
    IssueIn,
    PaymentIn,
    PaymentOut,
    PaymentQuery,
    RefundIn,
    RefundOut,
    RefundQuery,
    SettleIn,
    ShiftClose,
    ShiftIn,
    ShiftOut,
    ShiftQuery,
    WhyVoid,
)
from hms_rt.departments.billing.schemas.refusals import InvoiceDetail
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("billing", "Billing: tariffs, coverage, charges, invoices, payments; money is decimal text")


@routes.post(
    "/billing/invoices",
    body=InvoiceIn,
    answer=InvoiceOut,
    status=201,
    permission=Permission.INVOICE_WRITE,
    command="billing.draft_invoice",
    summary="Draft an invoice",
)
async def draft_invoice(call: Call[InvoiceIn, None]) -> InvoiceOut:
    """Of everything of a patient, or of an admission, that is charged and on no invoice."""
    return await call.services.billing.draft_invoice(call.principal, call.command, call.body)


@routes.get(
    "/billing/invoices",
    query=InvoiceQuery,
    answer=Page[InvoiceOut],
    permission=Permission.INVOICE_READ,
    summary="Invoices and credit notes",
)
async def list_invoices(call: Call[None, InvoiceQuery]) -> Page[InvoiceOut]:
    """Newest first."""
    return await call.services.billing.invoices(call.principal, call.command, call.query)


@routes.get(
    "/billing/invoices/{id}",
    answer=InvoiceDetail,
    permission=Permission.INVOICE_READ,
    versioned=True,
    summary="One invoice with what it charges",
)
async def get_invoice(call: Call[None, None]) -> InvoiceDetail:
    """With every charge."""
    return await call.services.billing.invoice(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/billing/invoices/{id}/issue",
    body=IssueIn,
    answer=InvoiceOut,
    permission=Permission.INVOICE_WRITE,
    command="billing.issue_invoice",
    versioned=True,
    summary="Issue an invoice",
)
async def issue_invoice(call: Call[IssueIn, None]) -> InvoiceOut:
    """It gets the next number of its facility, without gaps."""
    return await call.services.billing.issue_invoice(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/billing/invoices/{id}/settle",
    body=SettleIn,
    answer=InvoiceOut,
    permission=Permission.INVOICE_WRITE,
    command="billing.settle_invoice",
    versioned=True,
    summary="Pay an invoice from deposits",
)
async def settle_invoice(call: Call[SettleIn, None]) -> InvoiceOut:
    """Of the patient, oldest first."""
    return await call.services.billing.settle_invoice(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/billing/invoices/{id}/discard",
    answer=InvoiceOut,
    permission=Permission.INVOICE_WRITE,
    command="billing.discard_invoice",
    versioned=True,
    summary="Discard a draft",
)
async def discard_invoice(call: Call[None, None]) -> InvoiceOut:
    """What it charges is open again."""
    return await call.services.billing.discard_invoice(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/billing/invoices/{id}/request-void",
    body=WhyVoid,
    answer=InvoiceOut,
    permission=Permission.INVOICE_WRITE,
    command="billing.request_void",
    versioned=True,
    summary="Ask that an invoice be void",
)
async def request_void(call: Call[WhyVoid, None]) -> InvoiceOut:
    """Another person approves it."""
    return await call.services.billing.request_void(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/billing/invoices/{id}/void",
    answer=InvoiceOut,
    permission=Permission.VOID_APPROVE,
    command="billing.void_invoice",
    versioned=True,
    summary="Void an unpaid invoice",
)
async def void_invoice(call: Call[None, None]) -> InvoiceOut:
    """That another person asked to void; its number stays taken."""
    return await call.services.billing.void_invoice(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/billing/invoices/{id}/credit",
    answer=InvoiceOut,
    status=201,
    permission=Permission.INVOICE_WRITE,
    command="billing.credit_invoice",
    summary="Credit what was reversed",
)
async def credit_invoice(call: Call[None, None]) -> InvoiceOut:
    """Answers the credit note; what was paid for it is the patient's deposit again."""
    return await call.services.billing.credit_invoice(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/billing/payments",
    body=PaymentIn,
    answer=PaymentOut,
    status=201,
    permission=Permission.PAYMENT_TAKE,
    command="billing.take_payment",
    summary="Take money",
)
async def take_payment(call: Call[PaymentIn, None]) -> PaymentOut:
    """For an invoice, or as a deposit."""
    return await call.services.billing.take_payment(call.principal, call.command, call.body)


@routes.get(
    "/billing/payments",
    query=PaymentQuery,
    answer=Page[PaymentOut],
    permission=Permission.PAYMENT_READ,
    summary="Payments",
)
async def list_payments(call: Call[None, PaymentQuery]) -> Page[PaymentOut]:
    """Newest first."""
    return await call.services.billing.payments(call.principal, call.command, call.query)


@routes.post(
    "/billing/payments/{id}/capture",
    answer=PaymentOut,
    permission=Permission.PAYMENT_TAKE,
    command="billing.capture_payment",
    versioned=True,
    summary="Announced money came",
)
async def capture_payment(call: Call[None, None]) -> PaymentOut:
    """The receipt gets its number."""
    return await call.services.billing.capture_payment(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/billing/payments/{id}/fail",
    answer=PaymentOut,
    permission=Permission.PAYMENT_TAKE,
    command="billing.fail_payment",
    versioned=True,
    summary="Announced money will not come",
)
async def fail_payment(call: Call[None, None]) -> PaymentOut:
    """Nothing of it counts."""
    return await call.services.billing.fail_payment(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/billing/payments/{id}/refunds",
    body=RefundIn,
    answer=RefundOut,
    status=201,
    permission=Permission.REFUND_REQUEST,
    command="billing.request_refund",
    summary="Ask to give money back",
)
async def request_refund(call: Call[RefundIn, None]) -> RefundOut:
    """Of what is left of a payment; another person decides."""
    return await call.services.billing.request_refund(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/billing/refunds",
    query=RefundQuery,
    answer=Page[RefundOut],
    permission=Permission.PAYMENT_READ,
    summary="Refunds",
)
async def list_refunds(call: Call[None, RefundQuery]) -> Page[RefundOut]:
    """Newest first."""
    return await call.services.billing.refunds(call.principal, call.query)


@routes.post(
    "/billing/refunds/{id}/approve",
    answer=RefundOut,
    permission=Permission.REFUND_APPROVE,
    command="billing.approve_refund",
    versioned=True,
    summary="Approve a refund",
)
async def approve_refund(call: Call[None, None]) -> RefundOut:
    """By another person than the one who asked."""
    return await call.services.billing.approve_refund(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/billing/refunds/{id}/decline",
    answer=RefundOut,
    permission=Permission.REFUND_APPROVE,
    command="billing.decline_refund",
    versioned=True,
    summary="Decline a refund",
)
async def decline_refund(call: Call[None, None]) -> RefundOut:
    """By another person than the one who asked."""
    return await call.services.billing.decline_refund(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/billing/cashiers",
    query=PageQuery,
    answer=Page[CashierOut],
    permission=Permission.TARIFF_READ,
    summary="Counters at which money is taken",
)
async def list_cashiers(call: Call[None, PageQuery]) -> Page[CashierOut]:
    """By code."""
    return await call.services.billing.cashiers(call.principal, call.query)


@routes.post(
    "/billing/cashiers",
    body=CashierIn,
    answer=CashierOut,
    status=201,
    permission=Permission.TARIFF_DEFINE,
    command="billing.define_cashier",
    summary="Define a counter",
)
async def define_cashier(call: Call[CashierIn, None]) -> CashierOut:
    """Assignments name it by its code."""
    return await call.services.billing.define_cashier(call.principal, call.command, call.body)


@routes.post(
    "/billing/cashiers/{code}/shifts",
    body=ShiftIn,
    answer=ShiftOut,
    status=201,
    permission=Permission.SHIFT_WORK,
    command="billing.open_cashier_shift",
    summary="Open a shift",
)
async def open_cashier_shift(call: Call[ShiftIn, None]) -> ShiftOut:
    """One at a counter, and one of a cashier."""
    return await call.services.billing.open_cashier_shift(
        call.principal, call.command, call.path_code("code"), call.body
    )


@routes.get(
    "/billing/shifts",
    query=ShiftQuery,
    answer=Page[ShiftOut],
    permission=Permission.PAYMENT_READ,
    summary="Shifts",
)
async def list_shifts(call: Call[None, ShiftQuery]) -> Page[ShiftOut]:
    """Newest first, with what was counted."""
    return await call.services.billing.shifts(call.principal, call.command, call.query)


@routes.post(
    "/billing/shifts/{id}/close",
    body=ShiftClose,
    answer=ShiftOut,
    permission=Permission.SHIFT_WORK,
    command="billing.close_cashier_shift",
    versioned=True,
    summary="Close a shift",
)
async def close_cashier_shift(call: Call[ShiftClose, None]) -> ShiftOut:
    """The drawer is counted, and every other means that was used; a difference needs a reason."""
    return await call.services.billing.close_cashier_shift(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/patients/{id}/account",
    answer=AccountOut,
    permission=Permission.PAYMENT_READ,
    summary="How a patient stands",
)
async def get_account(call: Call[None, None]) -> AccountOut:
    """Deposit, what is due, what is on no invoice."""
    return await call.services.billing.account(call.principal, call.command, call.path_uuid("id"))
