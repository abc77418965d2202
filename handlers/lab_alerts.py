"""REST of critical values."""

from hms_rt.departments.lab.schemas.alerts import AlertHistory, AlertNote, AlertOut, AlertQuery
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("critical-values", "Laboratory: critical values and who takes them over")


@routes.get(
    "/lab/alerts",
    query=AlertQuery,
    answer=Page[AlertOut],
    permission=Permission.LAB_ORDER_READ,
    summary="Critical values within reach",
)
async def list_alerts(call: Call[None, AlertQuery]) -> Page[AlertOut]:
    """Those that wait for a doctor, newest first, unless a state is asked for."""
    return await call.services.lab.alerts(call.principal, call.command, call.query)


@routes.get(
    "/lab/alerts/{id}",
    answer=AlertHistory,
    permission=Permission.LAB_ORDER_READ,
    versioned=True,
    summary="One critical value, and who was told when",
)
async def get_alert(call: Call[None, None]) -> AlertHistory:
    """Every step: who was told, relayed, heard it read back, and took it over."""
    return await call.services.lab.get_alert(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/lab/alerts/{id}/acknowledge",
    body=AlertNote,
    answer=AlertOut,
    permission=Permission.CRITICAL_ACKNOWLEDGE,
    command="lab.acknowledge",
    versioned=True,
    summary="A doctor takes a critical value over",
)
async def acknowledge(call: Call[AlertNote, None]) -> AlertOut:
    """By a doctor of the patient's place, the one who ordered, or one who was told."""
    return await call.services.lab.acknowledge(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/alerts/{id}/relay",
    body=AlertNote,
    answer=AlertOut,
    permission=Permission.CRITICAL_RELAY,
    command="lab.relay",
    versioned=True,
    summary="A nurse told a doctor",
)
async def relay(call: Call[AlertNote, None]) -> AlertOut:
    """Recorded; the doctor's acknowledgement is still awaited."""
    return await call.services.lab.relay(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/alerts/{id}/read-back",
    body=AlertNote,
    answer=AlertOut,
    permission=Permission.CRITICAL_READ_BACK,
    command="lab.read_back",
    versioned=True,
    summary="The value was read back on the telephone",
)
async def read_back(call: Call[AlertNote, None]) -> AlertOut:
    """Recorded; the doctor's acknowledgement is still awaited."""
    return await call.services.lab.read_back(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/alerts/{id}/close",
    body=AlertNote,
    answer=AlertOut,
    permission=Permission.CRITICAL_ACKNOWLEDGE,
    command="lab.close_alert",
    versioned=True,
    summary="What the value asked for was done",
)
async def close_alert(call: Call[AlertNote, None]) -> AlertOut:
    """After the acknowledgement."""
    return await call.services.lab.close_alert(call.principal, call.command, call.path_uuid("id"), call.body)
