"""From a request to a handler and back: the one path that every declared endpoint takes.

Order of the checks: who calls, the path, the steering headers, the query, the body. Only then the handler.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from hms_rt.kernel.commands import ANSWERED_BEFORE, Command, fingerprint
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.paging import Page
from hms_rt.kernel.principal import Principal
from hms_rt.web.address import client_address, is_secure
from hms_rt.web.call import Answer, Call, Cookie
from hms_rt.web.endpoints import Endpoint
from hms_rt.web.headers import (
    REPLAYED_HEADER,
    already_known,
    etag,
    expected_version,
    idempotency_key,
    request_id,
)
from hms_rt.web.inputs import JSON, canonical, read_body, read_query
from hms_rt.web.parameters import parse_path
from hms_rt.web.settings import API_PREFIX

Authenticate = Callable[[web.Request], Awaitable[Principal | None]]

SERVICES: web.AppKey[Any] = web.AppKey("SERVICES", object)
AUTHENTICATE: web.AppKey[Authenticate] = web.AppKey("AUTHENTICATE", object)  # type: ignore[arg-type]
PRINCIPAL = web.RequestKey("PRINCIPAL", Principal)


def open_door(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of ``endpoint``."""

    async def enter(request: web.Request) -> web.StreamResponse:
        call = await _call(endpoint, request)
        ANSWERED_BEFORE.set(False)
        response = _response(endpoint, request, await endpoint.handler(call))
        if ANSWERED_BEFORE.get():
            response.headers[REPLAYED_HEADER] = "true"
        return response

    enter.__name__ = endpoint.name
    return enter


async def _authenticate(endpoint: Endpoint, request: web.Request) -> Principal | None:
    if endpoint.public:
        return None
    principal = await request.config_dict[AUTHENTICATE](request)
    if principal is None:
        raise HmsError(Code.UNAUTHENTICATED, "sign in first")
    request[PRINCIPAL] = principal
    return principal


async def _call(endpoint: Endpoint, request: web.Request) -> Call[Any, Any]:
    caller = await _authenticate(endpoint, request)
    path = parse_path(endpoint.parameters, request.match_info)
    key, version = (None, None) if endpoint.safe else _steering(endpoint, request)
    query = read_query(request, endpoint.query)
    body, raw = await read_body(request, endpoint.body)
    asked = canonical(sorted(request.query.items()))
    command = Command(
        name=endpoint.command,
        request_id=request_id(request),
        key=key,
        fingerprint=fingerprint(endpoint.method.encode(), request.path.encode(), asked, raw),
        expected_version=version,
        address=client_address(request),
    )
    return Call(request, request.config_dict[SERVICES], command, body, query, caller, path)


def _steering(endpoint: Endpoint, request: web.Request) -> tuple[str | None, int | None]:
    key = idempotency_key(request)
    version = expected_version(request)
    if version is None and endpoint.needs_version:
        raise HmsError(Code.VERSION_REQUIRED, "send the ETag that you read as If-Match")
    return key, version


def _response(endpoint: Endpoint, request: web.Request, returned: Any) -> web.StreamResponse:
    if isinstance(returned, web.StreamResponse):
        if not endpoint.raw:
            raise TypeError(f"{endpoint.tag}.{endpoint.name} makes its own response: declare raw=True")
        return returned
    answer = returned if isinstance(returned, Answer) else Answer(returned)
    response = _value_response(endpoint, request, answer)
    response.headers.update(answer.headers)
    for cookie in answer.cookies:
        _set_cookie(response, cookie, secure=is_secure(request))
    return response


def _value_response(endpoint: Endpoint, request: web.Request, answer: Answer[Any]) -> web.Response:
    status = answer.status or endpoint.status
    if endpoint.answer is None or answer.value is None:
        if endpoint.answer is not None or answer.value is not None:
            raise TypeError(f"{endpoint.tag}.{endpoint.name} returned {type(answer.value).__name__}")
        return web.Response(status=status)
    value = _declared(endpoint.answer, answer.value)
    headers = {}
    if endpoint.versioned:
        headers["ETag"] = etag(value.version)  # type: ignore[attr-defined]  # checked at declaration
        if endpoint.safe and already_known(request, headers["ETag"]):
            return web.Response(status=304, headers=headers)
    if endpoint.location is not None:
        headers["Location"] = API_PREFIX + endpoint.location.format_map(dict(value))
    body = endpoint.answer.__pydantic_serializer__.to_json(value, warnings="none")
    return web.Response(status=status, body=body, content_type=JSON, headers=headers)


def _declared(schema: type[BaseModel], value: Any) -> BaseModel:
    """``value`` as an instance of the declared schema, so that no field beyond it is ever sent."""
    if isinstance(value, schema):
        return value
    if isinstance(value, Page) and issubclass(schema, Page):  # Page(items=…) without its parameter
        return schema.model_construct(**dict(value))
    raise TypeError(f"a handler declared {schema.__name__} and returned {type(value).__name__}")


def _set_cookie(response: web.Response, cookie: Cookie, *, secure: bool) -> None:
    response.set_cookie(
        cookie.name,
        cookie.value,
        path=cookie.path,
        max_age=cookie.max_age,
        httponly=True,
        samesite="Strict",
        secure=secure,
    )
