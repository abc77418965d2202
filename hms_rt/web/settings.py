"""What the HTTP door can be told; the composition root fills it in from the settings."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

API_PREFIX = "/api/v1"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and CIDR ranges as networks; raises ``ValueError`` naming the one that is neither."""
    return tuple(ipaddress.ip_network(text.strip()) for text in texts if text.strip())


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Settings of the HTTP door.

    ``allowed_origins``: other origins, such as ``https://boards.example.org``, whose pages may call the
    API with cookies (none by default). ``trusted_proxies``: peers whose X-Forwarded-For and
    X-Forwarded-Proto are believed. ``rate_limit``: requests a minute per client address, 0 for no limit;
    ``rate_exempt`` are not counted (the server's own machine by default). ``body_limit`` in bytes,
    ``body_seconds`` for a body to arrive, ``check_seconds`` for a readiness check to answer,
    ``ready_seconds`` for which its outcome is reused. ``session_cookie`` is named in the OpenAPI document.
    ``screens`` holds the static assets of ``/docs``. ``metrics_folder`` is shared by the worker processes of
    one ``serve``: each then answers ``/metrics`` for all of them.
    """

    allowed_origins: frozenset[str] = frozenset()
    trusted_proxies: tuple[Network, ...] = ()
    rate_limit: int = 6000
    rate_exempt: tuple[Network, ...] = LOOPBACK
    body_limit: int = 256 * 1024
    body_seconds: float = 30.0
    check_seconds: float = 2.0
    ready_seconds: float = 1.0
    session_cookie: str = "hms_access"
    metrics_folder: Path | None = None
    screens: Path = Path(__file__).parent.parent / "screens"


WEB_SETTINGS = web.AppKey("WEB_SETTINGS", WebSettings)
