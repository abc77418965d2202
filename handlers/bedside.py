"""REST of the bedside: rounds, what is to be done before a patient leaves, the discharge summary."""

from aiohttp import web

from hms_rt.departments.ipd.schemas.leaving import (
    ChecklistOut,
    RoundIn,
    RoundList,
    RoundOut,
    SummaryIn,
    SummaryList,
    SummaryOut,
    SummaryQuery,
)
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("bedside", "Inpatients: rounds, discharge checklist, discharge summary")


@routes.get(
    "/admissions/{id}/checklist",
    answer=ChecklistOut,
    permission=Permission.ADMISSION_READ,
    summary="What is to be done before the patient leaves",
)
async def checklist(call: Call[None, None]) -> ChecklistOut:
    """Every department answers for itself. Once discharge is ordered, the board shows how much is left."""
    return await call.services.ipd.checklist(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/wards/{code:code}/rounds",
    answer=RoundList,
    permission=Permission.RECORD_READ,
    summary="The patients of a ward and their last round",
)
async def rounds(call: Call[None, None]) -> RoundList:
    """By bed; what was written is in the record."""
    return await call.services.ipd.rounds(call.principal, call.command, call.path_code("code"))


@routes.post(
    "/admissions/{id}/rounds",
    body=RoundIn,
    answer=RoundOut,
    status=201,
    permission=Permission.RECORD_WRITE_NOTE,
    command="ipd.make_round",
    summary="Write what was seen and decided at the bedside",
)
async def make_round(call: Call[RoundIn, None]) -> RoundOut:
    """An entry of the record, with the admission as its context."""
    return await call.services.ipd.make_round(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/summary",
    body=SummaryIn,
    answer=SummaryOut,
    status=201,
    permission=Permission.DISCHARGE_ORDER,
    command="ipd.write_summary",
    summary="Write the discharge summary",
)
async def write_summary(call: Call[SummaryIn, None]) -> SummaryOut:
    """Another one supersedes it; all stay in the record. Also once the patient has left, with a reason."""
    return await call.services.ipd.write_summary(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/admissions/{id}/summaries",
    answer=SummaryList,
    permission=Permission.RECORD_READ,
    summary="Every version of the discharge summary",
)
async def summaries(call: Call[None, None]) -> SummaryList:
    """Who wrote each, when and why; what it says is in the PDF of that number."""
    return await call.services.ipd.summaries(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/admissions/{id}/summary",
    query=SummaryQuery,
    permission=Permission.RECORD_READ,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="The discharge summary, as PDF",
)
async def summary(call: Call[None, SummaryQuery]) -> web.Response:
    """To hand over, in the facility's language: the last version, or the one of `number`."""
    content = await call.services.ipd.summary_pdf(
        call.principal, call.command, call.path_uuid("id"), call.query
    )
    headers = {"Content-Disposition": 'inline; filename="summary.pdf"'}
    return web.Response(body=content, content_type="application/pdf", headers=headers)
