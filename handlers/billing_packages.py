"""REST of packages: several services at one price."""

from hms_rt.departments.billing.schemas.packages import (
    PackageIn,
    PackageOut,
    Packages,
    PackageUseIn,
    PackageUseOut,
    PackageUses,
    Withdrawal,
)
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("billing", "Billing: tariffs, coverage, charges, invoices, payments; money is decimal text")


@routes.get(
    "/billing/packages",
    answer=Packages,
    permission=Permission.TARIFF_READ,
    summary="Packages and what they include",
)
async def list_packages(call: Call[None, None]) -> Packages:
    """By code."""
    return await call.services.billing.packages(call.principal)


@routes.post(
    "/billing/packages",
    body=PackageIn,
    answer=PackageOut,
    status=201,
    permission=Permission.TARIFF_DEFINE,
    command="billing.define_package",
    summary="Say what a package includes",
)
async def define_package(call: Call[PackageIn, None]) -> PackageOut:
    """Its code is that of a service of kind ``package``, whose prices are the package's."""
    return await call.services.billing.define_package(call.principal, call.command, call.body)


@routes.post(
    "/billing/package-uses",
    body=PackageUseIn,
    answer=PackageUseOut,
    status=201,
    permission=Permission.CHARGE_RAISE,
    command="billing.apply_package",
    summary="Apply a package for a patient",
)
async def apply_package(call: Call[PackageUseIn, None]) -> PackageUseOut:
    """To an admission, or to some days; what it includes is taken off, also of what is charged later."""
    return await call.services.billing.apply_package(call.principal, call.command, call.body)


@routes.post(
    "/billing/package-uses/{id}/withdraw",
    body=Withdrawal,
    answer=PackageUseOut,
    permission=Permission.CHARGE_RAISE,
    command="billing.withdraw_package",
    versioned=True,
    summary="Take a package back",
)
async def withdraw_package(call: Call[Withdrawal, None]) -> PackageUseOut:
    """What it included is charged again; not once it is on an issued invoice."""
    return await call.services.billing.withdraw_package(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/patients/{id}/packages",
    answer=PackageUses,
    permission=Permission.CHARGE_READ,
    summary="Packages of a patient",
)
async def list_uses(call: Call[None, None]) -> PackageUses:
    """Newest first, with how much of each service is used."""
    return await call.services.billing.package_uses(call.principal, call.command, call.path_uuid("id"))
