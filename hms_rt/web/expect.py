"""The header Expect: ``100-continue`` is answered, anything else is a problem like any other."""

from aiohttp import HttpVersion11, web

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.web.headers import request_id
from hms_rt.web.problem import response


async def expect(request: web.Request) -> web.StreamResponse | None:
    """None to go on; a problem document for an expectation that nobody here can meet."""
    if request.version != HttpVersion11:
        return None
    if request.headers.get("Expect", "").lower() != "100-continue":
        return response(HmsError(Code.MALFORMED, "Expect: only 100-continue"), request_id(request))
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0
    return None
