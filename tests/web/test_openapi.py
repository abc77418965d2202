"""The document says exactly what the server does."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from hms_rt.web.docs import docs_routes
from hms_rt.web.endpoints import Call, Routes
from hms_rt.web.openapi import openapi
from hms_rt.web.server import endpoints
from tests.web.conftest import Client
from tests.web.tiny import SETTINGS, BedIn, BedOut, LoginIn, logins, routes


@pytest.fixture
def document() -> dict[str, Any]:
    return openapi([routes, logins], SETTINGS)


def test_it_is_valid_openapi_31(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


async def test_it_lists_the_routes_of_the_server_and_no_other(
    client: Client, document: dict[str, Any]
) -> None:
    described = {(m.upper(), path) for path, operations in document["paths"].items() for m in operations}
    served = {
        (route.method, route.resource.canonical)
        for route in client.app.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/api/v1")
        and route.method != "HEAD"
    }
    assert described == served
    assert await (await client.get("/openapi.json")).json() == document


def test_an_operation_tells_everything_declared(document: dict[str, Any]) -> None:
    change = document["paths"]["/api/v1/beds/{id}"]["patch"]
    assert change["parameters"][0]["schema"] == {"type": "string", "format": "uuid"}
    if_match = next(p for p in change["parameters"] if p.get("name") == "If-Match")
    assert if_match["required"]
    assert {"200", "409", "412", "415", "422", "428"} <= set(change["responses"])
    assert "ETag" in change["responses"]["200"]["headers"]
    assert change["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/BedIn")
    reading = document["paths"]["/api/v1/beds"]["get"]
    assert reading["x-permission"] == "bed.read"
    assert {p["name"] for p in reading["parameters"]} == {"limit", "cursor", "ward"}
    assert all("null" not in str(p["schema"]) for p in reading["parameters"])
    assert "304" in document["paths"]["/api/v1/beds/{id}"]["get"]["responses"]


def test_public_operations_need_no_session_and_others_do(document: dict[str, Any]) -> None:
    assert document["paths"]["/api/v1/auth/login"]["post"]["security"] == []
    assert "security" not in document["paths"]["/api/v1/beds"]["get"]
    assert document["security"] == [{"session": []}]


def test_query_schemas_are_parameters_not_components(document: dict[str, Any]) -> None:
    assert set(document["components"]["schemas"]) >= {"BedIn", "BedOut", "Page_BedOut_", "Problem", "Code"}
    assert "BedQuery" not in document["components"]["schemas"]


async def test_the_browser_page_runs_offline_without_inline_script(client: Client) -> None:
    text = await (await client.get("/docs")).text()
    assert "<script>" not in text
    assert "http" not in text
    assert (await client.get("/docs/docs.js")).status == 200


def test_files_of_the_page_are_beside_it() -> None:
    paths = {route.path for route in docs_routes([routes], SETTINGS)}
    assert {"/docs", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/docs.js"} <= paths


def test_two_endpoints_cannot_answer_the_same_request() -> None:
    twice = Routes("beds", "")

    @twice.get("/x", summary="")
    async def first(call: Call[None, None]) -> None: ...

    @twice.get("/x", summary="")
    async def second(call: Call[None, None]) -> None: ...

    with pytest.raises(ValueError, match="declared twice"):
        endpoints([twice])


def test_a_declaration_that_contradicts_its_handler_fails_at_import() -> None:
    wrong = Routes("wrong", "")
    with pytest.raises(TypeError, match=r"Call\[BedIn, None\]"):

        @wrong.post("/a", body=BedIn, summary="")
        async def other_body(call: Call[LoginIn, None]) -> None: ...

    with pytest.raises(TypeError, match="declares"):

        @wrong.get("/b", answer=BedOut, summary="")
        async def other_answer(call: Call[None, None]) -> LoginIn:
            return LoginIn(username="ada")

    with pytest.raises(TypeError, match="no field `version`"):

        @wrong.get("/c", answer=LoginIn, versioned=True, summary="")
        async def unversioned(call: Call[None, None]) -> LoginIn:
            return LoginIn(username="ada")

    with pytest.raises(ValueError, match="say what"):

        @wrong.get("/d/{thing}", summary="")
        async def untyped(call: Call[None, None]) -> None: ...

    assert wrong.endpoints == []
