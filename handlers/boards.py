"""REST of pages for paper: a ward's census, a clinic's queue."""

from aiohttp import web

from hms_rt.departments.boards.schemas import CensusOut
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("boards", "Pages for paper, for when the server is down")


@routes.get(
    "/wards/{code:code}/census",
    answer=CensusOut,
    permission=Permission.CENSUS_READ,
    summary="Census of a ward",
)
async def census(call: Call[None, None]) -> CensusOut:
    """Every bed with who lies in it, warnings and what is open; for the ward's own staff, audited."""
    return await call.services.boards.census(call.principal, call.command, call.path_code("code"))


@routes.get(
    "/wards/{code:code}/census.pdf",
    permission=Permission.CENSUS_READ,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="Census of a ward on one page of A4",
)
async def census_pdf(call: Call[None, None]) -> web.Response:
    """The same, to print; `hms-rt downtime` fetches it regularly into a folder of another machine."""
    ward = call.path_code("code")
    content = await call.services.boards.census_pdf(call.principal, call.command, ward)
    return _pdf(content, f"census-{ward}.pdf")


@routes.get(
    "/clinics/{code:code}/queue.pdf",
    permission=Permission.QUEUE_READ,
    status=200,
    raw=True,
    produces="application/pdf",
    summary="Queue of a clinic on one page of A4",
)
async def queue_pdf(call: Call[None, None]) -> web.Response:
    """In the order of being called, to print; `hms-rt downtime` fetches it as it does the census."""
    clinic = call.path_code("code")
    content = await call.services.boards.queue_pdf(call.principal, call.command, clinic)
    return _pdf(content, f"queue-{clinic}.pdf")


def _pdf(content: bytes, name: str) -> web.Response:
    """Nobody between the server and its reader may keep it."""
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(body=content, content_type="application/pdf", headers=headers)
