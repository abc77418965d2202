"""REST of reorder levels: what is to be ordered where."""

from hms_rt.departments.pharmacy.schemas.levels import LevelIn, LevelOut, LevelQuery
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("stock-levels", "Reorder levels of medicines in stores")


@routes.get(
    "/pharmacy/levels",
    query=LevelQuery,
    answer=Page[LevelOut],
    permission=Permission.SHELF_READ,
    summary="What stores may hand over, and what is to be ordered",
)
async def list_levels(call: Call[None, LevelQuery]) -> Page[LevelOut]:
    """By store and medicine, all lots together; ``low=true``: what is down to its reorder level.

    Nurses see the cupboards of their wards.
    """
    return await call.services.pharmacy.levels(call.principal, call.query)


@routes.get(
    "/pharmacy/stores/{code}/levels/{medicine:text}",
    answer=LevelOut,
    permission=Permission.STOCK_READ,
    versioned=True,
    summary="A medicine in a store",
)
async def get_level(call: Call[None, None]) -> LevelOut:
    """Version 0 before a level was set."""
    return await call.services.pharmacy.level(
        call.principal, call.path_code("code"), call.path_code("medicine")
    )


@routes.put(
    "/pharmacy/stores/{code}/levels/{medicine:text}",
    body=LevelIn,
    answer=LevelOut,
    permission=Permission.STOCK_LEVEL,
    command="pharmacy.set_level",
    versioned=True,
    summary="From which quantity on to order",
)
async def set_level(call: Call[LevelIn, None]) -> LevelOut:
    """The pharmacists of the store are told once when the medicine comes down to it, and see it as low."""
    return await call.services.pharmacy.set_level(
        call.principal, call.command, call.path_code("code"), call.path_code("medicine"), call.body
    )
