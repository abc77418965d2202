"""REST of the laboratory's results, from the value to its corrections."""

from hms_rt.departments.lab.schemas.ordering import LabTestOut, When
from hms_rt.departments.lab.schemas.results import (
    CorrectionIn,
    Disagreement,
    NoticeOut,
    NoticeQuery,
    ReleaseIn,
    ResultIn,
    ResultOut,
    ResultQuery,
    TestHistory,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("results", "Laboratory: results")


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
    """A critical value is told to the ordering doctor at once, then step by step to more people, until a
    doctor acknowledges it."""
    return await call.services.lab.enter_result(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.get(
    "/lab/tests/{id}/result",
    query=ResultQuery,
    answer=ResultOut,
    permission=Permission.RESULT_READ,
    summary="Read a result",
)
async def read_result(call: Call[None, ResultQuery]) -> ResultOut:
    """The newest version, or the one asked for; preliminary ones for the laboratory only, unless critical.
    Who reads is remembered, to be told of a correction."""
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
    summary="Review what one person alone released or corrected",
)
async def review(call: Call[When, None]) -> LabTestOut:
    """Also what was corrected; by another person than the one who did it alone."""
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
    """A new version; the old ones stay readable, and whoever read one is told until they read the new one."""
    return await call.services.lab.correct(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.get(
    "/lab/tests/{id}/history",
    answer=TestHistory,
    permission=Permission.LAB_ORDER_READ,
    summary="What happened with a test",
)
async def history(call: Call[None, None]) -> TestHistory:
    """Every step, by whom, when it happened and was recorded, and why."""
    return await call.services.lab.history(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/lab/corrections",
    query=NoticeQuery,
    answer=Page[NoticeOut],
    permission=Permission.LAB_WORKLIST_READ,
    summary="Who has yet to read a corrected result",
)
async def list_corrections(call: Call[None, NoticeQuery]) -> Page[NoticeOut]:
    """Everybody who read an older version is told again until the new one was read."""
    return await call.services.lab.corrections(call.principal, call.command, call.query)
