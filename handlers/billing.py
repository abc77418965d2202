"""REST of billing: tariffs, who pays, charges."""

from hms_rt.departments.billing.schemas.charges import (
    ChargeIn,
    ChargeOut,
    ChargeQuery,
    PriceCharge,
    ProcedureIn,
    ProcedureOut,
    ReverseCharge,
)
from hms_rt.departments.billing.schemas.tariffs import (
    CodeIn,
    CodeOut,
    CoverageIn,
    CoverageOut,
    Coverages,
    CurrencyIn,
    CurrencyOut,
    PriceIn,
    PriceOut,
    PriceQuery,
    ServiceChange,
    ServiceIn,
    ServiceOut,
    ServiceQuery,
)
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("billing", "Billing: tariffs, coverage, charges, invoices, payments; money is decimal text")


@routes.get(
    "/billing/currency",
    answer=CurrencyOut,
    permission=Permission.TARIFF_READ,
    summary="What every amount is in",
)
async def get_currency(call: Call[None, None]) -> CurrencyOut:
    """One currency for the installation, with 0 to 3 decimal places."""
    return await call.services.billing.currency(call.principal)


@routes.post(
    "/billing/currency",
    body=CurrencyIn,
    answer=CurrencyOut,
    permission=Permission.TARIFF_DEFINE,
    command="billing.set_currency",
    summary="Say what amounts are in",
)
async def set_currency(call: Call[CurrencyIn, None]) -> CurrencyOut:
    """Before the first price; afterwards the currency stays."""
    return await call.services.billing.set_currency(call.principal, call.command, call.body)


@routes.get(
    "/billing/payers",
    query=PageQuery,
    answer=Page[CodeOut],
    permission=Permission.TARIFF_READ,
    summary="Who pays",
)
async def list_payers(call: Call[None, PageQuery]) -> Page[CodeOut]:
    """By code; ``SELF`` is the patient."""
    return await call.services.billing.payers(call.principal, call.query)


@routes.post(
    "/billing/payers",
    body=CodeIn,
    answer=CodeOut,
    status=201,
    permission=Permission.TARIFF_DEFINE,
    command="billing.define_payer",
    summary="Define a payer",
)
async def define_payer(call: Call[CodeIn, None]) -> CodeOut:
    """An insurer, an employer, the state."""
    return await call.services.billing.define_payer(call.principal, call.command, call.body)


@routes.get(
    "/billing/classes",
    query=PageQuery,
    answer=Page[CodeOut],
    permission=Permission.TARIFF_READ,
    summary="Classes of patients",
)
async def list_classes(call: Call[None, PageQuery]) -> Page[CodeOut]:
    """By code; ``STD`` is who has no other."""
    return await call.services.billing.classes(call.principal, call.query)


@routes.post(
    "/billing/classes",
    body=CodeIn,
    answer=CodeOut,
    status=201,
    permission=Permission.TARIFF_DEFINE,
    command="billing.define_class",
    summary="Define a class of patients",
)
async def define_class(call: Call[CodeIn, None]) -> CodeOut:
    """Such as private."""
    return await call.services.billing.define_class(call.principal, call.command, call.body)


@routes.get(
    "/billing/services",
    query=ServiceQuery,
    answer=Page[ServiceOut],
    permission=Permission.TARIFF_READ,
    summary="What is charged for",
)
async def list_services(call: Call[None, ServiceQuery]) -> Page[ServiceOut]:
    """Services by code."""
    return await call.services.billing.services(call.principal, call.query)


@routes.post(
    "/billing/services",
    body=ServiceIn,
    answer=ServiceOut,
    status=201,
    permission=Permission.TARIFF_DEFINE,
    command="billing.define_service",
    summary="Define a service",
)
async def define_service(call: Call[ServiceIn, None]) -> ServiceOut:
    """By kind and source it is matched with what departments do."""
    return await call.services.billing.define_service(call.principal, call.command, call.body)


@routes.patch(
    "/billing/services/{service:text}",
    body=ServiceChange,
    answer=ServiceOut,
    permission=Permission.TARIFF_DEFINE,
    command="billing.change_service",
    versioned=True,
    summary="Change a service",
)
async def change_service(call: Call[ServiceChange, None]) -> ServiceOut:
    """Its name, or whether it costs anything."""
    return await call.services.billing.change_service(
        call.principal, call.command, call.path_code("service"), call.body
    )


@routes.get(
    "/billing/prices",
    query=PriceQuery,
    answer=Page[PriceOut],
    permission=Permission.TARIFF_READ,
    summary="Prices by payer, class and day",
)
async def list_prices(call: Call[None, PriceQuery]) -> Page[PriceOut]:
    """Newest first."""
    return await call.services.billing.prices(call.principal, call.query)


@routes.post(
    "/billing/prices",
    body=PriceIn,
    answer=PriceOut,
    status=201,
    permission=Permission.TARIFF_DEFINE,
    command="billing.set_price",
    summary="Set a price",
)
async def set_price(call: Call[PriceIn, None]) -> PriceOut:
    """From a day on; the open price before it ends there. Prices of one tariff never overlap."""
    return await call.services.billing.set_price(call.principal, call.command, call.body)


@routes.get(
    "/patients/{id}/coverage",
    answer=Coverages,
    permission=Permission.CHARGE_READ,
    summary="Who pays for a patient",
)
async def list_coverage(call: Call[None, None]) -> Coverages:
    """Newest first."""
    return await call.services.billing.coverages(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/patients/{id}/coverage",
    body=CoverageIn,
    answer=CoverageOut,
    status=201,
    permission=Permission.COVERAGE_SET,
    command="billing.cover",
    summary="Say who pays for a patient",
)
async def cover(call: Call[CoverageIn, None]) -> CoverageOut:
    """From a day on; what is charged already keeps its payer."""
    return await call.services.billing.cover(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.get(
    "/billing/charges",
    query=ChargeQuery,
    answer=Page[ChargeOut],
    permission=Permission.CHARGE_READ,
    summary="What was charged",
)
async def list_charges(call: Call[None, ChargeQuery]) -> Page[ChargeOut]:
    """Oldest first; ``standing=to_be_priced`` lists what waits for a tariff."""
    return await call.services.billing.charges(call.principal, call.command, call.query)


@routes.post(
    "/billing/charges",
    body=ChargeIn,
    answer=ChargeOut,
    status=201,
    permission=Permission.CHARGE_RAISE,
    command="billing.raise_charge",
    summary="Charge a service by hand",
)
async def raise_charge(call: Call[ChargeIn, None]) -> ChargeOut:
    """A procedure or another service, with the reason why by hand; consultations, tests, medicines and bed
    days charge themselves."""
    return await call.services.billing.raise_charge(call.principal, call.command, call.body)


@routes.post(
    "/billing/charges/{id}/price",
    body=PriceCharge,
    answer=ChargeOut,
    permission=Permission.CHARGE_RAISE,
    command="billing.price_charge",
    summary="Price what waits for a tariff",
)
async def price_charge(call: Call[PriceCharge, None]) -> ChargeOut:
    """By the tariff of the day when it happened; a service that somebody chooses takes a reason."""
    return await call.services.billing.price_charge(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/billing/charges/{id}/reverse",
    body=ReverseCharge,
    answer=ChargeOut,
    permission=Permission.CHARGE_REVERSE,
    command="billing.reverse_charge",
    summary="Take a charge back",
)
async def reverse_charge(call: Call[ReverseCharge, None]) -> ChargeOut:
    """Answers the charge of the opposite amounts; nothing is ever deleted."""
    return await call.services.billing.reverse_charge(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/billing/procedures",
    body=ProcedureIn,
    answer=ProcedureOut,
    status=201,
    permission=Permission.PROCEDURE_RECORD,
    command="billing.record_procedure",
    summary="Say that a procedure was done",
)
async def record_procedure(call: Call[ProcedureIn, None]) -> ProcedureOut:
    """By who treats the patient; it is charged, and answers no price."""
    return await call.services.billing.record_procedure(call.principal, call.command, call.body)


@routes.post(
    "/billing/procedures/{id}/cancel",
    body=ReverseCharge,
    answer=ProcedureOut,
    permission=Permission.PROCEDURE_RECORD,
    command="billing.cancel_procedure",
    summary="A procedure was not done",
)
async def cancel_procedure(call: Call[ReverseCharge, None]) -> ProcedureOut:
    """By who treats the patient; its charge is reversed."""
    return await call.services.billing.cancel_procedure(
        call.principal, call.command, call.path_uuid("id"), call.body
    )
