"""REST of what can be ordered of the laboratory: tests, panels, reference ranges."""

from hms_rt.departments.lab.schemas.catalogue import (
    CatalogueChange,
    CatalogueIn,
    CatalogueOut,
    PanelChange,
    PanelIn,
    PanelOut,
    RangeSetIn,
    RangeSetOut,
)
from hms_rt.departments.lab.schemas.ordering import Cancellation
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("lab-catalogue", "Laboratory: what can be ordered, and its reference ranges")


@routes.get(
    "/lab/catalogue",
    query=PageQuery,
    answer=Page[CatalogueOut],
    permission=Permission.LAB_CATALOGUE_READ,
    summary="What can be ordered",
)
async def list_catalogue(call: Call[None, PageQuery]) -> Page[CatalogueOut]:
    """Tests by code."""
    return await call.services.lab.catalogue(call.principal, call.query)


@routes.post(
    "/lab/catalogue",
    body=CatalogueIn,
    answer=CatalogueOut,
    status=201,
    location="/lab/catalogue/{code}",
    permission=Permission.LAB_CATALOGUE_DEFINE,
    command="lab.define_test",
    summary="Define a test",
)
async def define_test(call: Call[CatalogueIn, None]) -> CatalogueOut:
    """How it is measured, its unit (UCUM), its reference and critical bounds."""
    return await call.services.lab.define_test(call.principal, call.command, call.body)


@routes.get(
    "/lab/catalogue/{analysis:text}",
    answer=CatalogueOut,
    permission=Permission.LAB_CATALOGUE_READ,
    versioned=True,
    summary="One test of the catalogue",
)
async def get_definition(call: Call[None, None]) -> CatalogueOut:
    """The definition as it is now."""
    return await call.services.lab.catalogue_entry(call.principal, call.path_code("analysis"))


@routes.patch(
    "/lab/catalogue/{analysis:text}",
    body=CatalogueChange,
    answer=CatalogueOut,
    permission=Permission.LAB_CATALOGUE_DEFINE,
    command="lab.change_test",
    versioned=True,
    summary="Change a test's definition",
)
async def change_definition(call: Call[CatalogueChange, None]) -> CatalogueOut:
    """What is left out stays; results that exist keep the bounds of their time."""
    return await call.services.lab.change_test(
        call.principal, call.command, call.path_code("analysis"), call.body
    )


@routes.get(
    "/lab/catalogue/{analysis:text}/ranges",
    query=PageQuery,
    answer=Page[RangeSetOut],
    permission=Permission.LAB_CATALOGUE_READ,
    summary="Reference ranges of a test, the latest first",
)
async def list_ranges(call: Call[None, PageQuery]) -> Page[RangeSetOut]:
    """Each set holds from its day until the next one begins."""
    return await call.services.lab.ranges(call.principal, call.path_code("analysis"), call.query)


@routes.post(
    "/lab/catalogue/{analysis:text}/ranges",
    body=RangeSetIn,
    answer=RangeSetOut,
    status=201,
    permission=Permission.LAB_CATALOGUE_DEFINE,
    command="lab.define_ranges",
    summary="Define reference ranges from a day on",
)
async def define_ranges(call: Call[RangeSetIn, None]) -> RangeSetOut:
    """By age in days and sex, without gap or overlap. Results that exist keep the bounds of their time."""
    code = call.path_code("analysis")
    return await call.services.lab.define_ranges(call.principal, call.command, code, call.body)


@routes.post(
    "/lab/ranges/{id}/withdraw",
    body=Cancellation,
    answer=RangeSetOut,
    permission=Permission.LAB_CATALOGUE_DEFINE,
    command="lab.withdraw_ranges",
    versioned=True,
    summary="Withdraw reference ranges that were a mistake",
)
async def withdraw_ranges(call: Call[Cancellation, None]) -> RangeSetOut:
    """The set before them holds on."""
    which = call.path_uuid("id")
    return await call.services.lab.withdraw_ranges(call.principal, call.command, which, call.body)


@routes.get(
    "/lab/panels",
    query=PageQuery,
    answer=Page[PanelOut],
    permission=Permission.LAB_CATALOGUE_READ,
    summary="Panels that can be ordered",
)
async def list_panels(call: Call[None, PageQuery]) -> Page[PanelOut]:
    """Panels by code."""
    return await call.services.lab.panels(call.principal, call.query)


@routes.post(
    "/lab/panels",
    body=PanelIn,
    answer=PanelOut,
    status=201,
    location="/lab/panels/{code}",
    permission=Permission.LAB_CATALOGUE_DEFINE,
    command="lab.define_panel",
    summary="Define a panel",
)
async def define_panel(call: Call[PanelIn, None]) -> PanelOut:
    """Several tests under one name."""
    return await call.services.lab.define_panel(call.principal, call.command, call.body)


@routes.get(
    "/lab/panels/{panel:text}",
    answer=PanelOut,
    permission=Permission.LAB_CATALOGUE_READ,
    versioned=True,
    summary="One panel",
)
async def get_panel(call: Call[None, None]) -> PanelOut:
    """The definition as it is now."""
    return await call.services.lab.panel(call.principal, call.path_code("panel"))


@routes.patch(
    "/lab/panels/{panel:text}",
    body=PanelChange,
    answer=PanelOut,
    permission=Permission.LAB_CATALOGUE_DEFINE,
    command="lab.change_panel",
    versioned=True,
    summary="Change a panel",
)
async def change_panel(call: Call[PanelChange, None]) -> PanelOut:
    """What is left out stays; orders that exist keep the tests of their time."""
    code = call.path_code("panel")
    return await call.services.lab.change_panel(call.principal, call.command, code, call.body)
