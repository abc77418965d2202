"""``/openapi.json``, and the API browser at ``/docs``, which works without the internet."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path

import orjson
from aiohttp import web

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.web.endpoints import Routes
from hms_rt.web.openapi import openapi
from hms_rt.web.settings import WebSettings

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hms-rt API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/docs.js" defer></script>
</head>
<body><main id="docs"></main></body>
</html>
"""

_FILES = {
    "swagger-ui.css": "vendor/swagger-ui-dist/swagger-ui.css",
    "swagger-ui-bundle.js": "vendor/swagger-ui-dist/swagger-ui-bundle.js",
    "docs.js": "static/docs.js",
}


def _file(path: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    built = path.is_file()

    async def serve(_: web.Request) -> web.StreamResponse:
        if not built:
            raise HmsError(Code.NOT_FOUND, f"{path.name} is fetched by the build: run make install")
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})

    return serve


def docs_routes(declared: Sequence[Routes], settings: WebSettings) -> list[web.RouteDef]:
    """The document, the page and its three files."""

    @cache
    def document() -> bytes:
        return orjson.dumps(openapi(declared, settings))  # takes a moment: made when first asked for

    async def serve_document(_: web.Request) -> web.Response:
        return web.Response(body=document(), content_type="application/json")

    async def serve_page(_: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    files = [web.get(f"/docs/{name}", _file(settings.screens / path)) for name, path in _FILES.items()]
    return [web.get("/openapi.json", serve_document), web.get("/docs", serve_page), *files]
