"""The tiny application as a fixture."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from hms_rt.web.health import Check
from hms_rt.web.server import build_web
from hms_rt.web.settings import WebSettings
from tests.web import tiny

Client = TestClient[web.Request, web.Application]
MakeClient = Callable[..., Awaitable[Client]]


@pytest.fixture
def services() -> tiny.FakeServices:
    return tiny.FakeServices()


@pytest.fixture
def make_client(aiohttp_client: AiohttpClient, services: tiny.FakeServices) -> MakeClient:
    async def make(settings: WebSettings = tiny.SETTINGS, checks: dict[str, Check] | None = None) -> Client:
        app = build_web(
            [tiny.routes, tiny.logins],
            services=cast("Any", services),
            settings=settings,
            authenticate=tiny.authenticate,
            ready_checks=checks or {},
        )
        return await aiohttp_client(app, headers=tiny.SIGNED_IN)

    return make


@pytest.fixture
async def client(make_client: MakeClient) -> Client:
    return await make_client()
