"""REST of the laboratory: catalogue, orders, specimens. Results and alerts are in ``lab_results``."""

from hms_rt.departments.lab.schemas.ordering import (
    Cancellation,
    CatalogueChange,
    CatalogueIn,
    CatalogueOut,
    LabOrderIn,
    LabOrderOut,
    LabOrderQuery,
    LabTestOut,
    Rejection,
    SpecimenIn,
    SpecimenOut,
    When,
    WorklistQuery,
)
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("lab", "Laboratory: catalogue, orders, specimens, worklist")


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


@routes.post(
    "/lab/orders",
    body=LabOrderIn,
    answer=LabOrderOut,
    status=201,
    location="/lab/orders/{id}",
    permission=Permission.LAB_ORDER,
    command="lab.order",
    summary="Order tests for a patient",
)
async def order(call: Call[LabOrderIn, None]) -> LabOrderOut:
    """Several tests, for a patient of the doctor's ward or clinic."""
    return await call.services.lab.order(call.principal, call.command, call.body)


@routes.get(
    "/lab/orders",
    query=LabOrderQuery,
    answer=Page[LabOrderOut],
    permission=Permission.LAB_ORDER_READ,
    summary="Orders within reach, newest first",
)
async def list_orders(call: Call[None, LabOrderQuery]) -> Page[LabOrderOut]:
    """Orders of the caller's wards and clinics, and those that the caller ordered."""
    return await call.services.lab.orders(call.principal, call.command, call.query)


@routes.get("/lab/orders/{id}", answer=LabOrderOut, permission=Permission.LAB_ORDER_READ, summary="One order")
async def get_order(call: Call[None, None]) -> LabOrderOut:
    """An order and the state of its tests."""
    return await call.services.lab.get_order(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/lab/orders/{id}/cancel",
    body=Cancellation,
    answer=LabOrderOut,
    permission=Permission.LAB_CANCEL,
    command="lab.cancel_order",
    summary="Cancel what is not released yet",
)
async def cancel_order(call: Call[Cancellation, None]) -> LabOrderOut:
    """Every test of the order that is neither released nor cancelled."""
    return await call.services.lab.cancel_order(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/tests/{id}/cancel",
    body=Cancellation,
    answer=LabTestOut,
    permission=Permission.LAB_CANCEL,
    command="lab.cancel_test",
    versioned=True,
    summary="Cancel one test",
)
async def cancel_test(call: Call[Cancellation, None]) -> LabTestOut:
    """Impossible once it is released."""
    return await call.services.lab.cancel_test(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/orders/{id}/specimens",
    body=SpecimenIn,
    answer=SpecimenOut,
    status=201,
    permission=Permission.SPECIMEN_COLLECT,
    command="lab.collect",
    summary="A specimen was taken",
)
async def collect(call: Call[SpecimenIn, None]) -> SpecimenOut:
    """For the named tests, or for all of its kind that wait for one."""
    return await call.services.lab.collect(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/specimens/{id}/receive",
    body=When,
    answer=SpecimenOut,
    permission=Permission.SPECIMEN_RECEIVE,
    command="lab.receive",
    versioned=True,
    summary="A specimen reached the laboratory",
)
async def receive(call: Call[When, None]) -> SpecimenOut:
    """Its tests can be worked on."""
    return await call.services.lab.receive(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/specimens/{id}/reject",
    body=Rejection,
    answer=SpecimenOut,
    permission=Permission.SPECIMEN_REJECT,
    command="lab.reject",
    versioned=True,
    summary="A specimen is of no use",
)
async def reject(call: Call[Rejection, None]) -> SpecimenOut:
    """Its tests wait for another one."""
    return await call.services.lab.reject(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.get(
    "/lab/worklist",
    query=WorklistQuery,
    answer=Page[LabTestOut],
    permission=Permission.LAB_WORKLIST_READ,
    summary="What the laboratory has to do",
)
async def worklist(call: Call[None, WorklistQuery]) -> Page[LabTestOut]:
    """Unreleased tests, oldest first; with ``review_due`` the released ones that wait for a second look."""
    return await call.services.lab.worklist(call.principal, call.command, call.query)
