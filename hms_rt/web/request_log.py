"""The request log and its metrics: which route, how it ended, how long it took; never who the patient is.

Routes are logged as templates, so that no id, search term or body reaches the log.
"""

import asyncio
import time

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import Histogram

from hms_rt.web.door import PRINCIPAL
from hms_rt.web.headers import request_id

log = structlog.get_logger(__name__)

STARTED = web.RequestKey("STARTED", bool)
"""Set once the status line is out."""

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
SWITCHED = 101
GONE = 499
FAILED = 500

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

SECONDS = Histogram(
    "hms_http_request_seconds",
    "Time to answer an HTTP request, by route template (sockets excluded)",
    ["method", "route", "status"],
)


def route_template(request: web.Request) -> str:
    """The route as declared, such as ``/api/v1/beds/{id}``; ``(none)`` if no route matched."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(none)"


def _method(request: web.Request) -> str:
    return request.method if request.method in _METHODS else "(other)"


def _record(request: web.Request, status: int, began: float) -> None:
    record(request, route_template(request), status, began)


def record(request: web.Request, route: str, status: int, began: float) -> None:
    """Log and measure a request that ended; ``began`` is by ``time.perf_counter``."""
    seconds = time.perf_counter() - began
    if status != SWITCHED:
        SECONDS.labels(_method(request), route, str(status)).observe(seconds)
    principal = request.get(PRINCIPAL)
    fields = {
        "method": _method(request),
        "route": route,
        "status": status,
        "ms": round(seconds * 1000, 1),
        "principal": str(principal.id) if principal is not None else None,
    }
    if status >= FAILED:
        log.warning("request", **fields)
    elif route in QUIET:
        log.debug("request", **fields)
    else:
        log.info("request", **fields)


@web.middleware
async def request_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log and measure one request; everything logged meanwhile carries its id."""
    began = time.perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=request_id(request)):
        try:
            response = await handler(request)
        except asyncio.CancelledError:
            _record(request, GONE, began)
            raise
        except web.HTTPException as error:
            _record(request, error.status, began)
            raise
        except Exception:
            _record(request, GONE if STARTED in request else FAILED, began)
            raise
        _record(request, response.status, began)
        return response
