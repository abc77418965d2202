"""REST of the laboratory: orders, specimens, worklist. ``lab_catalogue`` has what can be ordered,
``lab_results`` results and ``lab_alerts`` critical values."""

from aiohttp import web

from hms_rt.departments.lab.schemas.context import OrderContextOut
from hms_rt.departments.lab.schemas.ordering import (
    Cancellation,
    LabelQuery,
    LabOrderIn,
    LabOrderOut,
    LabOrderQuery,
    LabTestOut,
    Rejection,
    SpecimenIn,
    SpecimenOut,
    SpecimenQuery,
    When,
    WorklistQuery,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("lab", "Laboratory: orders, specimens, worklist")


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
    """Tests and panels, which bring their tests, for a patient of the doctor's ward or clinic."""
    return await call.services.lab.order(call.principal, call.command, call.body)


@routes.get(
    "/lab/orders",
    query=LabOrderQuery,
    answer=Page[LabOrderOut],
    permission=Permission.LAB_ORDER_READ,
    summary="Orders within reach, newest first",
)
async def list_orders(call: Call[None, LabOrderQuery]) -> Page[LabOrderOut]:
    """Orders of the caller's wards and clinics, and those that the caller ordered, filtered as asked."""
    return await call.services.lab.orders(call.principal, call.command, call.query)


@routes.get(
    "/lab/orders/{id}/context",
    answer=OrderContextOut,
    permission=Permission.LAB_CONTEXT_READ,
    summary="Why an order was made",
)
async def get_order_context(call: Call[None, None]) -> OrderContextOut:
    """The clinical question, codes of diagnoses, and what a result is judged by of the record of the order's
    visit or admission: not the whole record. Audited."""
    return await call.services.lab.order_context(call.principal, call.command, call.path_uuid("id"))


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


@routes.get(
    "/lab/orders/{id}/labels",
    query=LabelQuery,
    permission=Permission.SPECIMEN_COLLECT,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="Labels for the specimens of an order, as PDF",
)
async def order_labels(call: Call[None, LabelQuery]) -> web.Response:
    """One page for each specimen that was not rejected, and copy: Code 128, and whose specimen it is."""
    service, which = call.services.lab, call.path_uuid("id")
    return _pdf(await service.order_labels(call.principal, call.command, which, call.query.copies))


@routes.get(
    "/lab/specimens/{id}/label",
    query=LabelQuery,
    permission=Permission.SPECIMEN_COLLECT,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="The label of one specimen, as PDF",
)
async def specimen_label(call: Call[None, LabelQuery]) -> web.Response:
    """To print it again; a rejected specimen has none."""
    service, which = call.services.lab, call.path_uuid("id")
    return _pdf(await service.specimen_label(call.principal, call.command, which, call.query.copies))


@routes.get(
    "/lab/specimens",
    query=SpecimenQuery,
    answer=Page[SpecimenOut],
    permission=Permission.LAB_ORDER_READ,
    summary="The specimen with a barcode, or those of an order",
)
async def list_specimens(call: Call[None, SpecimenQuery]) -> Page[SpecimenOut]:
    """For whoever scans a label; rejected specimens are among them."""
    return await call.services.lab.list_specimens(call.principal, call.command, call.query)


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
    """Its tests wait for another one, which will say that it replaces this one."""
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


def _pdf(content: bytes) -> web.Response:
    headers = {"Content-Disposition": 'inline; filename="labels.pdf"'}
    return web.Response(body=content, content_type="application/pdf", headers=headers)
