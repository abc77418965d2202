"""Builds the HTTP application: every declared endpoint under ``/api/v1``, and the pages beside it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import REGISTRY, CollectorRegistry

from hms_rt.web.docs import docs_routes
from hms_rt.web.door import AUTHENTICATE, SERVICES, Authenticate, open_door
from hms_rt.web.endpoints import Endpoint, Routes
from hms_rt.web.errors import problems
from hms_rt.web.expect import expect
from hms_rt.web.health import READINESS, Check, Readiness, health_routes
from hms_rt.web.origin import add_cors_headers, check_origin
from hms_rt.web.rate_limit import RATE_LIMITER, RateLimiter
from hms_rt.web.request_log import request_log
from hms_rt.web.security_headers import add_security_headers
from hms_rt.web.settings import API_PREFIX, WEB_SETTINGS, WebSettings

if TYPE_CHECKING:
    from hms_rt.services import Services


def endpoints(declared: Sequence[Routes]) -> list[Endpoint]:
    """Every endpoint in ``declared``; raises ``ValueError`` if two answer the same requests."""
    found = [endpoint for routes in declared for endpoint in routes.endpoints]
    seen: dict[tuple[str, str], Endpoint] = {}
    names: set[str] = set()
    for endpoint in found:
        other = seen.setdefault((endpoint.method, endpoint.path), endpoint)
        if other is not endpoint:
            raise ValueError(f"{endpoint.method} {endpoint.path} is declared twice")
        name = f"{endpoint.tag}.{endpoint.name}"
        if name in names:
            raise ValueError(f"two endpoints are named {name}")
        names.add(name)
    return found


def build_web(
    declared: Sequence[Routes],
    *,
    services: "Services",
    settings: WebSettings,
    authenticate: Authenticate,
    ready_checks: Mapping[str, Check],
    registry: CollectorRegistry = REGISTRY,
    pages: Sequence[web.AbstractRouteDef] = (),
) -> web.Application:
    """The application, ready for the socket server to be attached.

    ``authenticate`` makes the principal of a request from its cookies (None: nobody) and is asked only by
    endpoints that need one. ``ready_checks`` are asked by ``/readyz``. ``pages`` are further routes, such
    as the screens; they get the same middlewares and headers.
    """
    limiter = RateLimiter(settings)
    # Outermost first: what is logged is what the client got, and every refusal is a problem document.
    middlewares = [request_log, problems, limiter.middleware, check_origin]
    app = web.Application(middlewares=middlewares, client_max_size=settings.body_limit)
    app[RATE_LIMITER] = limiter
    app[WEB_SETTINGS] = settings
    app[SERVICES] = services
    app[AUTHENTICATE] = authenticate
    app.on_response_prepare.append(add_security_headers)
    app.on_response_prepare.append(add_cors_headers)
    for endpoint in endpoints(declared):
        path = API_PREFIX + endpoint.path
        app.router.add_route(endpoint.method, path, open_door(endpoint), expect_handler=expect)
    app[READINESS] = Readiness(ready_checks, settings)
    app.router.add_routes(health_routes(app[READINESS], settings, registry))
    app.router.add_routes(docs_routes(declared, settings))
    app.router.add_routes(pages)
    return app
