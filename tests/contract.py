"""Holds every answer and every message of every test to the documents that the server publishes of itself,
and to what holds of all of them: no fraction, and no amount that is a number (:mod:`tests.exact`).

Each server of a test adds :meth:`RestContract.check` to what it does with an answer, each socket client asks
:class:`SocketContract`. What breaks a document is collected in :data:`BROKEN`; a fixture fails the test.
"""

import json
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, get_type_hints
from urllib.parse import quote

import jsonschema_rs
import socketio
from aiohttp import web

from channels import CHANNELS
from handlers import ROUTES
from hms_rt.realtime.asyncapi import asyncapi_document
from hms_rt.realtime.rooms import Rooms
from hms_rt.services import Services
from hms_rt.web.openapi import openapi
from hms_rt.web.settings import API_PREFIX, WebSettings
from tests import exact

BROKEN: list[str] = []
"""What was sent or accepted against the documents since this was emptied."""

Json = dict[str, Any]
_SAID = 300
NDJSON = "application/x-ndjson"
"""Streamed: its lines are held to the document by the tests that read them."""


class Document:
    """A published document, and validators for the schemas in it."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self._registry = jsonschema_rs.Registry([("urn:document", document)])

    def complaint(self, value: Any, *path: str) -> str | None:
        """What the schema at ``path`` does not allow in ``value``; None if it allows all."""
        try:
            errors = self._validator(path).iter_errors(value)
        except jsonschema_rs.ValidationError as broken:
            return f"the document itself is broken: {broken.message}"
        for error in errors:
            return f"{error.message[:_SAID]} at {'/'.join(map(str, error.instance_path)) or 'the top'}"
        return None

    @cache  # noqa: B019 - there is one document of each kind, for as long as the tests run
    def _validator(self, path: tuple[str, ...]) -> Any:
        pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)
        schema = {"$ref": f"urn:document#/{quote(pointer)}"}
        return jsonschema_rs.Draft202012Validator(schema, registry=self._registry, validate_formats=True)


class RestContract:
    """``/openapi.json``: statuses, bodies, headers of answers; bodies of requests that were accepted."""

    @cached_property
    def openapi(self) -> Document:
        return Document(openapi(ROUTES, WebSettings()))

    async def check(self, request: web.Request, response: web.StreamResponse) -> None:
        """A signal of the application, before an answer leaves."""
        resource = request.match_info.route.resource
        if resource is None or not resource.canonical.startswith(API_PREFIX) or request.method == "HEAD":
            return
        where = f"{request.method} {resource.canonical}"
        complaint = self._complaint(resource.canonical, request, response)
        if complaint is not None:
            BROKEN.append(f"{where} answered {response.status}: {complaint}")

    def _complaint(self, path: str, request: web.Request, response: web.StreamResponse) -> str | None:
        operation = self.openapi.document["paths"][path][request.method.lower()]
        place = ("paths", path, request.method.lower())
        status = str(response.status)
        declared = operation["responses"].get(status)
        if declared is None:
            return "no such answer is declared"
        at = (*place, "responses", status)
        if "$ref" in declared:
            at = tuple(declared["$ref"].removeprefix("#/").split("/"))
            declared = self.openapi.document[at[0]][at[1]][at[2]]
        for name in declared.get("headers", {}):
            if name not in response.headers:
                return f"without the header {name}"
        return self._body(at, declared, response) or self._accepted(place, operation, request, response)

    def _body(self, at: tuple[str, ...], declared: Json, response: web.StreamResponse) -> str | None:
        content: Mapping[str, Json] = declared.get("content", {})
        body = response.body if isinstance(response, web.Response) else None
        if not content:
            return f"with a body, and none is declared: {body!r}" if body else None
        if response.content_type not in content:
            return f"as {response.content_type}, declared is {', '.join(content)}"
        if not response.content_type.endswith("json") or response.content_type == NDJSON:
            return None
        if not isinstance(body, bytes):
            return "without a body"
        told = json.loads(body)
        schema = (*at, "content", response.content_type, "schema")
        return self.openapi.complaint(told, *schema) or exact.complaint(told)

    def _accepted(
        self, place: tuple[str, ...], operation: Json, request: web.Request, response: web.StreamResponse
    ) -> str | None:
        """What was accepted must be what the document allows."""
        sent = request._read_bytes
        if response.status >= 300 or not sent or "requestBody" not in operation:
            return None
        kind = request.content_type
        if kind not in operation["requestBody"]["content"] or not kind.endswith("json"):
            return None
        complaint = self.openapi.complaint(json.loads(sent), *place, "requestBody", "content", kind, "schema")
        return f"to a request that the document does not allow: {complaint}" if complaint else None


class SocketContract:
    """``/asyncapi.json``: events, and the answers to commands."""

    @cached_property
    def asyncapi(self) -> Document:
        # Never initialised: only looked at for what their methods take and answer.
        kinds = get_type_hints(Services).items()
        services = Services(**{name: object.__new__(kind) for name, kind in kinds})
        rooms = Rooms([kind for channel in CHANNELS for kind in channel.rooms(services)])
        commands = {channel.NAMESPACE: channel.commands(services) for channel in CHANNELS}
        return Document(asyncapi_document(rooms, commands))

    def event(self, namespace: str, name: str, body: Any) -> None:
        """The server said this."""
        self._say(namespace, name, (name,), body)

    def answer(self, namespace: str, asked: Any, told: Any) -> None:
        """The server acknowledged ``asked`` with this."""
        operation = self.asyncapi.document["operations"].get(f"{namespace.strip('/')}.{asked}")
        replies = operation["reply"]["messages"] if operation and "reply" in operation else []
        names = tuple(reply["$ref"].rsplit("/", 1)[-1] for reply in replies) or ("refused",)
        self._say(namespace, f"the answer to {asked}", names, told)

    def _say(self, namespace: str, what: str, names: tuple[str, ...], body: Any) -> None:
        channel = self.asyncapi.document["channels"].get(namespace.strip("/"))
        if channel is None:
            return
        if said := exact.complaint(body):
            BROKEN.append(f"{namespace} {what}: {said}")
        complaints = []
        for name in names:
            if name not in channel["messages"]:
                complaints.append("no such message is declared")
                continue
            at = ("channels", namespace.strip("/"), "messages", name, "payload")
            complaint = self.asyncapi.complaint(body, *at)
            if complaint is None:
                return
            complaints.append(f"as {name}: {complaint}")
        BROKEN.append(f"{namespace} {what}: {'; '.join(complaints)}")


REST = RestContract()
SOCKETS = SocketContract()


class CheckedSocket(socketio.AsyncClient):  # type: ignore[misc]
    """A Socket.IO client whose every event and acknowledgement is held to ``/asyncapi.json``."""

    async def call(
        self, event: str, data: Any = None, namespace: str | None = None, timeout: int = 60
    ) -> Any:
        told = await super().call(event, data, namespace, timeout)
        SOCKETS.answer(namespace or "/", event, told)
        return told

    async def _handle_event(self, namespace: str | None, id: int | None, data: Any) -> None:  # noqa: A002
        name, *said = data
        SOCKETS.event(namespace or "/", name, said[0] if said else None)
        await super()._handle_event(namespace, id, data)
