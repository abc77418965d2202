"""What every response carries to keep browsers from being used against it (the "helmet" set)."""

import re

from aiohttp import web

from hms_rt.web.address import is_secure
from hms_rt.web.headers import REQUEST_ID_HEADER, request_id
from hms_rt.web.request_log import STARTED

_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-DNS-Prefetch-Control": "off",
    "X-Permitted-Cross-Domain-Policies": "none",
}

HSTS = "max-age=31536000"
SWITCHING_PROTOCOLS = 101
NO_STORE = "no-store"


def content_security_policy(host: str) -> str:
    """Nothing but this server. Its sockets are named: older browsers' ``'self'`` does not cover ws."""
    connect = "connect-src 'self'"
    if _HOST.fullmatch(host):
        connect += f" ws://{host} wss://{host}"
    return f"{_CONTENT_SECURITY_POLICY}; {connect}"


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal ``on_response_prepare``: covers errors, files and streams alike."""
    request[STARTED] = True
    headers = response.headers
    headers.popall("Server", None)
    if response.status == SWITCHING_PROTOCOLS:  # a socket: nothing here is for it, and they come by thousands
        headers[REQUEST_ID_HEADER] = request_id(request)
        return
    for name, value in FIXED.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", content_security_policy(request.host))
    headers[REQUEST_ID_HEADER] = request_id(request)
    if is_secure(request):
        headers.setdefault("Strict-Transport-Security", HSTS)
    if request.path.startswith("/api/") or response.status >= 400:
        headers.setdefault("Cache-Control", NO_STORE)
