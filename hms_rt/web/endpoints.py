"""Declarations of endpoints, from which routing, validation and the OpenAPI document are all made.

    routes = Routes("beds", "Rooms and beds")

    @routes.get("/beds", query=BedQuery, answer=Page[BedOut], permission=Permission.BED_READ, summary="…")
    async def list_beds(call: Call[None, BedQuery]) -> Page[BedOut]: ...

A declaration that contradicts its handler's annotations fails at import.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import NoneType
from typing import Any, TypedDict, TypeVar, Unpack, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from hms_rt.kernel.errors import Code
from hms_rt.security.permissions import Permission
from hms_rt.web.call import Answer, Call, Cookie
from hms_rt.web.parameters import Parameter, read_path

__all__ = ["Answer", "Call", "Cookie", "Endpoint", "Handler", "Routes"]

Handler = Callable[[Call[Any, Any]], Awaitable[Any]]
H = TypeVar("H", bound=Handler)
Model = type[BaseModel]

SAFE = frozenset({"GET"})
VERSION_NEEDED = frozenset({"PATCH", "PUT", "DELETE"})


class Options(TypedDict, total=False):
    """What a declaration may say beyond its path and summary.

    ``body``, ``query``, ``answer``: schemas; without one, a body or parameter is refused and the answer is
    204. ``permission``: what the service will ask for (documentation; the door only refuses strangers).
    ``public``: no principal needed. ``command``: name of the service method. ``versioned``: answers carry
    an ETag made of ``answer.version``; PATCH, PUT and DELETE require If-Match. ``location``: path of what
    was made, filled in from the answer, such as ``/beds/{id}``. ``raw``: the handler makes the response;
    ``produces``: its media type; ``answer`` then says what a line or part of it is like. ``problems``: codes
    that it may answer beyond those of its kind.
    """

    body: Model | None
    query: Model | None
    answer: Model | None
    permission: Permission | None
    public: bool
    command: str
    versioned: bool
    status: int
    location: str
    raw: bool
    produces: str
    problems: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One declared endpoint."""

    method: str
    path: str
    parameters: tuple[Parameter, ...]
    handler: Handler
    name: str
    tag: str
    summary: str
    description: str
    body: Model | None
    query: Model | None
    answer: Model | None
    permission: Permission | None
    public: bool
    command: str
    versioned: bool
    status: int
    location: str | None
    raw: bool
    produces: str | None
    problems: tuple[Code, ...]

    @property
    def safe(self) -> bool:
        """True if it changes nothing."""
        return self.method in SAFE

    @property
    def needs_version(self) -> bool:
        """True if If-Match is required."""
        return self.versioned and self.method in VERSION_NEEDED


class Routes:
    """The endpoints of one noun: a tag of the OpenAPI document, and its decorators."""

    def __init__(self, tag: str, description: str) -> None:
        self.tag = tag
        self.description = description
        self.endpoints: list[Endpoint] = []

    def get(self, path: str, *, summary: str, **options: Unpack[Options]) -> Callable[[H], H]:
        """Declare a read."""
        return self._declare("GET", path, summary, options)

    def post(self, path: str, *, summary: str, **options: Unpack[Options]) -> Callable[[H], H]:
        """Declare a creation or a command."""
        return self._declare("POST", path, summary, options)

    def put(self, path: str, *, summary: str, **options: Unpack[Options]) -> Callable[[H], H]:
        """Declare a replacement."""
        return self._declare("PUT", path, summary, options)

    def patch(self, path: str, *, summary: str, **options: Unpack[Options]) -> Callable[[H], H]:
        """Declare a change."""
        return self._declare("PATCH", path, summary, options)

    def delete(self, path: str, *, summary: str, **options: Unpack[Options]) -> Callable[[H], H]:
        """Declare a removal."""
        return self._declare("DELETE", path, summary, options)

    def _declare(self, method: str, path: str, summary: str, options: Options) -> Callable[[H], H]:
        def register(handler: H) -> H:
            endpoint = _endpoint(self.tag, method, path, summary, options, handler)
            _check(endpoint)
            self.endpoints.append(endpoint)
            return handler

        return register


def _endpoint(tag: str, method: str, path: str, summary: str, options: Options, handler: Handler) -> Endpoint:
    template, parameters = read_path(path)
    answer = options.get("answer")
    name = str(getattr(handler, "__name__", path))
    return Endpoint(
        method=method,
        path=template,
        parameters=parameters,
        handler=handler,
        name=name,
        tag=tag,
        summary=summary,
        description=" ".join((handler.__doc__ or "").split()),
        body=options.get("body"),
        query=options.get("query"),
        answer=answer,
        permission=options.get("permission"),
        public=options.get("public", False),
        command=options.get("command", f"{tag}.{name}"),
        versioned=options.get("versioned", False),
        status=options.get("status", 204 if answer is None else 200),
        location=options.get("location"),
        raw=options.get("raw", False),
        produces=options.get("produces"),
        problems=options.get("problems", ()),
    )


def _check(endpoint: Endpoint) -> None:
    """Refuse a declaration that contradicts itself or its handler."""
    where = f"{endpoint.tag}.{endpoint.name} ({endpoint.method} {endpoint.path})"
    if not endpoint.path.startswith("/"):
        raise TypeError(f"{where}: the path starts with /")
    if endpoint.safe and endpoint.body is not None:
        raise TypeError(f"{where}: a GET has no body")
    if endpoint.public and endpoint.permission is not None:
        raise TypeError(f"{where}: a public endpoint asks for no permission")
    if endpoint.produces is not None and not endpoint.raw:
        raise TypeError(f"{where}: only a handler that makes its own response says what it produces")
    if endpoint.location is not None and endpoint.answer is None:
        raise TypeError(f"{where}: location is filled in from the answer; declare one")
    _check_version(endpoint, where)
    _check_annotations(endpoint, where)


def _check_version(endpoint: Endpoint, where: str) -> None:
    if endpoint.versioned and endpoint.answer is not None and "version" not in endpoint.answer.model_fields:
        raise TypeError(f"{where}: versioned, but {endpoint.answer.__name__} has no field `version`")


def _check_annotations(endpoint: Endpoint, where: str) -> None:
    try:
        hints = get_type_hints(endpoint.handler)
    except NameError as error:
        raise TypeError(f"{where}: import {error.name} at run time, not under TYPE_CHECKING") from None
    returned = hints.pop("return", None)
    (call,) = hints.values() or (None,)
    wanted = (endpoint.body or NoneType, endpoint.query or NoneType)
    if get_origin(call) is not Call or get_args(call) != wanted:
        body, query = (kind.__name__ if kind is not NoneType else "None" for kind in wanted)
        raise TypeError(f"{where}: annotate its parameter as Call[{body}, {query}]")
    value = get_args(returned)[0] if get_origin(returned) is Answer else returned
    if not endpoint.raw and value is not (endpoint.answer or NoneType):
        raise TypeError(f"{where}: returns {value}, but declares {endpoint.answer}")
