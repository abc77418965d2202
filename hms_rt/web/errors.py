"""The middleware that turns whatever goes wrong into a problem document, and never says too much."""

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.web.headers import request_id
from hms_rt.web.problem import from_http, http_status, response
from hms_rt.web.request_log import STARTED, route_template

log = structlog.get_logger(__name__)

SERVER_ERROR = 500


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every exception with a problem document; log the unexpected ones with their stack."""
    try:
        return await handler(request)
    except HmsError as error:
        if http_status(error.code) == SERVER_ERROR:
            _log(request, error)
        return response(error, request_id(request))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        answer = response(from_http(error), request_id(request))
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except ConnectionError:  # the client went away, nobody to answer
        raise
    except Exception as error:
        _log(request, error)
        if STARTED in request:  # too late for another answer
            raise
        return response(
            HmsError(Code.INTERNAL, "something went wrong here; nothing about it is your fault"),
            request_id(request),
        )


def _log(request: web.Request, error: Exception) -> None:
    log.error("request_failed", method=request.method, route=route_template(request), exc_info=error)
