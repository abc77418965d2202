"""REST of the laboratory's results and critical alerts."""

from hms_rt.departments.lab.schemas.ordering import LabTestOut, When
from hms_rt.departments.lab.schemas.results import (
    AlertNote,
    AlertOut,
    AlertQuery,
    CorrectionIn,
    Disagreement,
    ReleaseIn,
    ResultIn,
    ResultOut,
    ResultQuery,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("results", "Laboratory: results and critical alerts")


@routes.post(
    "/lab/tests/{id}/start",
    body=When,
    answer=LabTestOut,
    permission=Permission.RESULT_ENTER,
    command="lab.start",
    versioned=True,
    summary="Work on a test begins",
)
async def start(call: Call[When, None]) -> LabTestOut:
    """Not needed before a result: entering one begins the work."""
    return await call.services.lab.start(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/tests/{id}/result",
    body=ResultIn,
    answer=LabTestOut,
    permission=Permission.RESULT_ENTER,
    command="lab.enter_result",
    versioned=True,
    summary="Enter a result",
)
async def enter_result(call: Call[ResultIn, None]) -> LabTestOut:
    """A critical value alerts the ordering doctor and the nurses at once."""
    return await call.services.lab.enter_result(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.get(
    "/lab/tests/{id}/result",
    query=ResultQuery,
    answer=ResultOut,
    permission=Permission.RESULT_READ,
    summary="Read a result",
)
async def read_result(call: Call[None, ResultQuery]) -> ResultOut:
    """The newest version, or the one asked for; preliminary ones for the laboratory only."""
    return await call.services.lab.result(call.principal, call.command, call.path_uuid("id"), call.query)


@routes.post(
    "/lab/tests/{id}/verify",
    body=When,
    answer=LabTestOut,
    permission=Permission.RESULT_VERIFY,
    command="lab.verify",
    versioned=True,
    summary="Vouch for somebody else's result",
)
async def verify(call: Call[When, None]) -> LabTestOut:
    """By another person than the one who entered it."""
    return await call.services.lab.verify(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/tests/{id}/disagree",
    body=Disagreement,
    answer=LabTestOut,
    permission=Permission.RESULT_VERIFY,
    command="lab.disagree",
    versioned=True,
    summary="Send a result back",
)
async def disagree(call: Call[Disagreement, None]) -> LabTestOut:
    """It is measured again; what was entered stays as a version."""
    return await call.services.lab.disagree(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/tests/{id}/release",
    body=ReleaseIn,
    answer=LabTestOut,
    permission=Permission.RESULT_RELEASE,
    command="lab.release",
    versioned=True,
    summary="Release a result",
)
async def release(call: Call[ReleaseIn, None]) -> LabTestOut:
    """After a verification; or alone at night, with a reason, to be reviewed later."""
    return await call.services.lab.release(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/tests/{id}/review",
    body=When,
    answer=LabTestOut,
    permission=Permission.RESULT_VERIFY,
    command="lab.review",
    versioned=True,
    summary="Review what was released alone",
)
async def review(call: Call[When, None]) -> LabTestOut:
    """By another person than those who entered and released it."""
    return await call.services.lab.review(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/tests/{id}/correct",
    body=CorrectionIn,
    answer=LabTestOut,
    permission=Permission.RESULT_CORRECT,
    command="lab.correct",
    versioned=True,
    summary="Correct a released result",
)
async def correct(call: Call[CorrectionIn, None]) -> LabTestOut:
    """A new version; the old ones stay readable."""
    return await call.services.lab.correct(call.principal, call.command, call.path_uuid("id"), call.body)


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
    """By a doctor of the patient's place, or the one who ordered."""
    return await call.services.lab.acknowledge(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/alerts/{id}/relay",
    body=When,
    answer=AlertOut,
    permission=Permission.CRITICAL_RELAY,
    command="lab.relay",
    versioned=True,
    summary="A nurse told a doctor",
)
async def relay(call: Call[When, None]) -> AlertOut:
    """Recorded; the doctor's acknowledgement is still awaited."""
    return await call.services.lab.relay(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/alerts/{id}/read-back",
    body=When,
    answer=AlertOut,
    permission=Permission.CRITICAL_READ_BACK,
    command="lab.read_back",
    versioned=True,
    summary="The value was read back on the telephone",
)
async def read_back(call: Call[When, None]) -> AlertOut:
    """Recorded; the doctor's acknowledgement is still awaited."""
    return await call.services.lab.read_back(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/lab/alerts/{id}/close",
    body=When,
    answer=AlertOut,
    permission=Permission.CRITICAL_ACKNOWLEDGE,
    command="lab.close_alert",
    versioned=True,
    summary="What the value asked for was done",
)
async def close_alert(call: Call[When, None]) -> AlertOut:
    """After the acknowledgement."""
    return await call.services.lab.close_alert(call.principal, call.command, call.path_uuid("id"), call.body)
