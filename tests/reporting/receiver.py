"""A server that receives webhooks, and the check of signatures that the documentation shows."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

DOCUMENTATION = Path(__file__).parents[2] / "docs/reporting.md"


def documented(name: str) -> Any:
    """What docs/reporting.md defines as ``name``, from its own source."""
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENTATION.read_text(), re.S)
    (source,) = (block for block in blocks if f" {name}(" in block or f"class {name}:" in block)
    found: dict[str, Any] = {"__name__": "documented"}
    exec(compile(source, str(DOCUMENTATION), "exec"), found)
    return found[name]


def documented_check() -> Callable[..., bool]:
    """``verified`` as docs/reporting.md has it."""
    check: Callable[..., bool] = documented("verified")
    return check


class Receiver:
    """Answers ``statuses`` one after the other, then 204; notes what came."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answered: list[int] = []
        self.at_once = 0
        self.most_at_once = 0
        self.pause_s = 0.0
        app = web.Application()
        app.router.add_post("/hook", self._take)
        app.router.add_post("/moved", self._moved)
        app.router.add_post("/endless", self._endless)
        self.server = TestServer(app)

    async def _take(self, request: web.Request) -> web.Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            body = await request.read()
            await asyncio.sleep(self.pause_s)
            self.got.append(({name.lower(): value for name, value in request.headers.items()}, body))
            self.answered.append(self.statuses.pop(0) if self.statuses else 204)
            return web.Response(status=self.answered[-1])
        finally:
            self.at_once -= 1

    async def _moved(self, request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("/hook")

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=500)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    def url(self, path: str = "/hook") -> str:
        return str(self.server.make_url(path))

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def taken(self) -> list[dict[str, Any]]:
        """The changes of every message that was taken, each message once."""
        seen: set[str] = set()
        found = []
        for status, (headers, body) in zip(self.answered, self.got, strict=True):
            if status < 300 and headers["webhook-id"] not in seen:
                seen.add(headers["webhook-id"])
                found += json.loads(body)["data"].get("changes", [])
        return found
