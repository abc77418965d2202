"""How operators and balancers ask: is the process alive, can it serve, what does it measure.

A process that is about to stop says so before it closes its door: balancers stop sending it anything new.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import structlog
from aiohttp import web
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from hms_rt.web.settings import WebSettings

log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[object]]
"""Asks one dependency something small; raises if it is away."""


class Readiness:
    """Runs the checks side by side, each with a time-out, and shares one outcome among all who ask.

    Set ``draining`` when the process is about to stop: from then on it is not ready, whatever the checks say.
    """

    def __init__(self, checks: Mapping[str, Check], settings: WebSettings) -> None:
        self.draining = False
        self._checks = dict(checks)
        self._seconds = settings.check_seconds
        self._fresh = settings.ready_seconds
        self._lock = asyncio.Lock()
        self._asked = float("-inf")
        self._outcome: dict[str, dict[str, Any]] = {}

    async def ready(self) -> bool:
        """True if everything answers and the process is to stay."""
        return not self.draining and all(item["ok"] for item in (await self.outcome()).values())

    async def outcome(self) -> dict[str, dict[str, Any]]:
        """``{name: {ok, ms}}`` or ``{name: {ok, ms, error}}``; the error names no address and no secret."""
        async with self._lock:
            if time.monotonic() - self._asked > self._fresh:
                found = await asyncio.gather(*(self._run(name) for name in self._checks))
                self._outcome = dict(zip(self._checks, found, strict=True))
                self._asked = time.monotonic()
            return self._outcome

    async def _run(self, name: str) -> dict[str, Any]:
        began = time.perf_counter()
        error = None
        try:
            async with asyncio.timeout(self._seconds):
                await self._checks[name]()
        except TimeoutError:
            error = f"no answer within {self._seconds:g} s"
        except Exception as failure:
            error = type(failure).__name__
            log.warning("not_ready", dependency=name, exc_info=failure)
        made: dict[str, Any] = {"ok": error is None, "ms": round((time.perf_counter() - began) * 1000, 1)}
        return made if error is None else {**made, "error": error}


def _json(status: int, value: Any) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(value),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


READINESS = web.AppKey("READINESS", Readiness)


def _of_all_processes(folder: Path) -> bytes:
    """The measurements of all processes that share ``folder``; reads files."""
    shared = CollectorRegistry()
    MultiProcessCollector(shared, str(folder))  # type: ignore[no-untyped-call]
    return generate_latest(shared)


def health_routes(
    readiness: Readiness, settings: WebSettings, registry: CollectorRegistry = REGISTRY
) -> list[web.RouteDef]:
    """``/healthz`` (the process), ``/readyz`` (each dependency; 503 if one is away) and ``/metrics``."""

    async def healthz(_: web.Request) -> web.Response:
        return _json(200, {"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        if readiness.draining:
            return _json(503, {"status": "draining"})
        outcome = await readiness.outcome()
        ready = all(item["ok"] for item in outcome.values())
        status = "ready" if ready else "unavailable"
        return _json(200 if ready else 503, {"status": status, "checks": outcome})

    async def metrics(_: web.Request) -> web.Response:
        folder = settings.metrics_folder
        return web.Response(
            body=generate_latest(registry)
            if folder is None
            else await asyncio.to_thread(_of_all_processes, folder),
            headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"},
        )

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]
