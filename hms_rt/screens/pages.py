"""Serves the screens: a page for every ward, clinic, store and counter, their scripts, the Socket.IO client.

A page is the same whether its board exists or not: what there is, and who may see it, the server tells on
the socket. Everything is read once, at start, and named by the digest of its content, so a browser that comes
back loads nothing twice and a new release is noticed by every screen that runs.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template

from aiohttp import web

HERE = Path(__file__).parent
VENDOR = HERE / "vendor" / "socket.io-client"
SOCKET_IO = "socket.io.min.js"

CODE = "[A-Z0-9][A-Z0-9_-]{0,15}"
"""Codes of places, as everywhere; another path is no screen (404)."""

PAGES = {
    "/screens": "index.html",
    "/screens/": "index.html",
    f"/screens/ward/{{code:{CODE}}}": "ward.html",
    f"/screens/opd/{{code:{CODE}}}": "opd.html",
    "/screens/hospital": "hospital.html",
    f"/screens/dispensary/{{code:{CODE}}}": "dispensary.html",
    f"/screens/cashier/{{code:{CODE}}}": "cashier.html",
    f"/screens/pharmacy/{{code:{CODE}}}": "pharmacy.html",
    f"/screens/stock/{{code:{CODE}}}": "stock.html",
    f"/screens/census/{{code:{CODE}}}": "census.html",
    f"/screens/queue/{{code:{CODE}}}": "queue.html",
}

CONTENT_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}

REVALIDATE = "no-cache"
FOR_EVER = "public, max-age=31536000, immutable"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Served:
    """One file as it goes out."""

    body: bytes
    content_type: str
    tag: str
    cache: str

    @classmethod
    def of(cls, body: bytes, name: str, *, cache: str = REVALIDATE, tag: str = "") -> "Served":
        """``body`` with the content type of ``name``; its ``tag`` is its digest unless another is given."""
        digest = hashlib.sha256(body).hexdigest()[:32]
        return cls(body, CONTENT_TYPES[Path(name).suffix], tag or digest, cache)


def _handler(served: Served) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        known = request.if_none_match or ()
        headers = {"Cache-Control": served.cache, "ETag": f'"{served.tag}"'}
        if any(tag.value in (served.tag, "*") for tag in known):
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=served.body, content_type=served.content_type, charset="utf-8", headers=headers
        )

    return serve


def _socket_io() -> tuple[str, Served]:
    """Version and file of the Socket.IO client; raises ``RuntimeError`` if the build did not fetch it."""
    try:
        version = str(json.loads((VENDOR / "vendored.json").read_text())["package"]).rpartition("@")[2]
        body = (VENDOR / SOCKET_IO).read_bytes()
    except FileNotFoundError as error:
        raise RuntimeError(
            f"{error.filename} is missing: the build fetches it (make install, or pip install -e .)"
        ) from None
    return version, Served.of(body, SOCKET_IO, cache=FOR_EVER)


def screen_routes() -> list[web.RouteDef]:
    """Every route below ``/screens``."""
    version, client = _socket_io()
    files = {path.name: path.read_bytes() for path in sorted((HERE / "static").iterdir()) if path.is_file()}
    static = {f"/screens/static/{name}": Served.of(body, name) for name, body in files.items()}
    pages = {
        name: Template((HERE / name).read_text(encoding="utf-8")).substitute(socket_io=version).encode()
        for name in sorted(set(PAGES.values()))
    }
    release = hashlib.sha256(client.body)
    for name, body in [*files.items(), *pages.items()]:
        release.update(f"{name} {len(body)} ".encode() + body)
    tag = release.hexdigest()[:32]
    return [
        web.get(f"/screens/vendor/socket.io/{SOCKET_IO}", _handler(client)),
        *(web.get(path, _handler(served)) for path, served in static.items()),
        *(web.get(path, _handler(Served.of(pages[name], name, tag=tag))) for path, name in PAGES.items()),
    ]


def add_screens(app: web.Application) -> None:
    """Serve the screens from ``app``."""
    app.router.add_routes(screen_routes())
