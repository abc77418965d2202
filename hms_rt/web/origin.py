"""Whose pages may call: the check of Origin against forged requests, and CORS for listed origins.

Both are about browsers alone: they attach cookies to what any page asks for. A client that sends neither
Origin nor Sec-Fetch-Site is no browser and passes; it has to authenticate like everyone.
"""

from aiohttp import web
from aiohttp.typedefs import Handler

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.web.address import own_origin
from hms_rt.web.headers import IDEMPOTENCY_KEY_HEADER, REQUEST_ID_HEADER
from hms_rt.web.settings import WEB_SETTINGS

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ALLOWED_HEADERS = f"Content-Type, If-Match, If-None-Match, {IDEMPOTENCY_KEY_HEADER}, {REQUEST_ID_HEADER}"
_EXPOSED_HEADERS = f"ETag, Location, Retry-After, {REQUEST_ID_HEADER}"
_PREFLIGHT_SECONDS = "600"


def _listed(request: web.Request, origin: str) -> bool:
    return origin.lower() in request.config_dict[WEB_SETTINGS].allowed_origins


def origin_allowed(request: web.Request) -> bool:
    """True unless a page of a site that is neither this one nor listed sent the request."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin.lower() == own_origin(request) or _listed(request, origin)
    return request.headers.get("Sec-Fetch-Site", "none").lower() in {"same-origin", "none"}


def must_be_allowed(request: web.Request) -> None:
    """Raise ``bad_origin`` for what a page of another site sent."""
    if not origin_allowed(request):
        raise HmsError(Code.BAD_ORIGIN, "a page of another site sent this; its origin is not listed")


def _must_be_own(request: web.Request) -> bool:
    """Whatever changes something, and sockets: CORS does not hold for these."""
    return request.method not in _SAFE or request.headers.get("Upgrade", "").lower() == "websocket"


@web.middleware
async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse forged requests (``bad_origin``), and answer the preflights of listed origins."""
    if _must_be_own(request):
        must_be_allowed(request)
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        preflight = _preflight(request)
        if preflight is not None:
            return preflight
    return await handler(request)


def _preflight(request: web.Request) -> web.Response | None:
    """The answer to a preflight; None where there is nothing to allow: the route answers 404 or 405."""
    error = request.match_info.http_exception
    if not isinstance(error, web.HTTPMethodNotAllowed):
        return None
    if not _listed(request, request.headers.get("Origin", "")):
        return None
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": ", ".join(sorted(error.allowed_methods)),
            "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
            "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        },
    )


async def add_cors_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal ``on_response_prepare``: let a listed origin read the answer, errors included."""
    if not request.config_dict[WEB_SETTINGS].allowed_origins:
        return
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin", "")
    if origin and _listed(request, origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
