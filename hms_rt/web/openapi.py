"""The OpenAPI 3.1 document, made of the same declarations that route and validate."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from hms_rt import __version__
from hms_rt.kernel.schema import DocumentSchemas
from hms_rt.web.endpoints import Endpoint, Routes
from hms_rt.web.example_words import TAGS
from hms_rt.web.examples import Examples, NoExampleError
from hms_rt.web.headers import IDEMPOTENCY_KEY_HEADER
from hms_rt.web.inputs import JSON
from hms_rt.web.parameters import SCHEMAS
from hms_rt.web.problem import CONTENT_TYPE, STATUS, Problem
from hms_rt.web.settings import API_PREFIX, WebSettings

Json = dict[str, Any]
Wanted = tuple[type[BaseModel], JsonSchemaMode]

_REF = "#/components/schemas/{model}"
_SESSION = "session"

_COMMON_HEADERS: Json = {
    "IdempotencyKey": {
        "name": IDEMPOTENCY_KEY_HEADER,
        "in": "header",
        "description": "Chosen by the client, new for each command: a retry with the same key and body is"
        " done once and answered alike.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag that you read: the change is refused if somebody changed it since.",
        "schema": {"type": "string", "pattern": '^"[0-9]{1,10}"$'},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "An ETag that you have: answered 304 if it is still current.",
        "schema": {"type": "string"},
    },
}


class _Schemas:
    """The JSON schemas of every model that the endpoints name, made in one go so that names are unique."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        wanted: dict[Wanted, None] = {(Problem, "serialization"): None}
        for endpoint in endpoints:
            for model, mode in _models(endpoint):
                wanted[(model, mode)] = None
        self._refs, made = models_json_schema(
            list(wanted), ref_template=_REF, schema_generator=DocumentSchemas
        )
        self.definitions: Json = made.get("$defs", {})
        self._examples = Examples(self.definitions)

    def ref(self, model: type[BaseModel], mode: JsonSchemaMode) -> Json:
        return self._refs[(model, mode)]

    def content(self, model: type[BaseModel], mode: JsonSchemaMode, tag: str) -> Json:
        """A body or an answer, with its example where the department has examples."""
        schema = self.ref(model, mode)
        made: Json = {"schema": schema}
        if tag in TAGS:
            # A word that nobody wrote must not take the document away; a test names it.
            with suppress(NoExampleError):
                made["example"] = self._examples.of(schema, whole=mode == "serialization")
        return made

    def take(self, model: type[BaseModel]) -> Json:
        """The definition of a query schema itself: it becomes parameters, not a component."""
        name = str(self.ref(model, "validation")["$ref"]).rsplit("/", 1)[-1]
        found: Json = self.definitions[name]
        return found

    def drop(self, models: Iterable[type[BaseModel]], paths: Json) -> None:
        """Forget the definitions of query schemas that nothing else refers to."""
        for model in models:
            ref = str(self.ref(model, "validation")["$ref"])
            name = ref.rsplit("/", 1)[-1]
            others = {other: value for other, value in self.definitions.items() if other != name}
            if f"{ref!r}" not in f"{paths}{others}":
                self.definitions.pop(name, None)


def _models(endpoint: Endpoint) -> list[Wanted]:
    found: list[Wanted] = []
    if endpoint.body is not None:
        found.append((endpoint.body, "validation"))
    if endpoint.query is not None:
        found.append((endpoint.query, "validation"))
    if endpoint.answer is not None:
        found.append((endpoint.answer, "serialization"))
    return found


def _without_null(schema: Json) -> Json:
    """A query parameter is absent, never null."""
    kept = {key: value for key, value in schema.items() if key not in {"default", "title", "description"}}
    choices = [choice for choice in kept.pop("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        kept.update(choices[0])
    elif choices:
        kept["anyOf"] = choices
    if schema.get("default") is not None:
        kept["default"] = schema["default"]
    return kept


def _query_parameters(schema: Json) -> list[Json]:
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": value.get("description", ""),
            "schema": _without_null(value),
        }
        for name, value in schema.get("properties", {}).items()
    ]


def _parameters(endpoint: Endpoint, schemas: _Schemas) -> list[Json]:
    made: list[Json] = [
        {"name": p.name, "in": "path", "required": True, "schema": SCHEMAS[p.kind]}
        for p in endpoint.parameters
    ]
    if endpoint.query is not None:
        made += _query_parameters(schemas.take(endpoint.query))
    if not endpoint.safe:
        made.append({"$ref": "#/components/parameters/IdempotencyKey"})
        if endpoint.versioned:
            made.append({**_COMMON_HEADERS["IfMatch"], "required": endpoint.needs_version})
    elif endpoint.versioned:
        made.append({"$ref": "#/components/parameters/IfNoneMatch"})
    return made


def _problem_statuses(endpoint: Endpoint) -> list[int]:
    """Statuses that an endpoint can answer beyond its own success."""
    found = {400, 404, 422, 429, 500, 503}
    if not endpoint.public:
        found.add(401)
    if not endpoint.public or not endpoint.safe:
        found.add(403)
    if not endpoint.safe:
        found |= {409, 412, 413}
    if endpoint.body is not None:
        found.add(415)
    if endpoint.public and not endpoint.safe:
        found.add(401)
    if endpoint.needs_version:
        found.add(428)
    found |= {STATUS[code][0] for code in endpoint.problems}
    return sorted(found)


def _responses(endpoint: Endpoint, schemas: _Schemas) -> Json:
    success: Json = {"description": endpoint.summary}
    if endpoint.answer is not None:
        success["content"] = {JSON: schemas.content(endpoint.answer, "serialization", endpoint.tag)}
    if endpoint.produces is not None:
        part = schemas.content(endpoint.answer, "serialization", endpoint.tag) if endpoint.answer else {}
        success["content"] = {endpoint.produces: part}
    headers: Json = {}
    if endpoint.versioned and endpoint.answer is not None:
        headers["ETag"] = {"$ref": "#/components/headers/ETag"}
    if endpoint.location is not None:
        headers["Location"] = {"$ref": "#/components/headers/Location"}
    if headers:
        success["headers"] = headers
    made: Json = {str(endpoint.status): success}
    if endpoint.versioned and endpoint.safe:
        made["304"] = {"description": "You have the current version"}
    for status in _problem_statuses(endpoint):
        made[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return made


def _operation(endpoint: Endpoint, schemas: _Schemas) -> Json:
    made: Json = {
        "operationId": f"{endpoint.tag}.{endpoint.name}",
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint, schemas),
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.description:
        made["description"] = endpoint.description
    if endpoint.body is not None:
        content = {JSON: schemas.content(endpoint.body, "validation", endpoint.tag)}
        made["requestBody"] = {"required": True, "content": content}
    if endpoint.public:
        made["security"] = []
    if endpoint.permission is not None:
        made["x-permission"] = str(endpoint.permission)
    return made


def _problem_responses() -> Json:
    content = {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    titles: dict[int, list[str]] = {}
    for code, (status, title) in STATUS.items():
        titles.setdefault(status, []).append(f"`{code}`: {title}")
    return {
        f"Problem{status}": {"description": "; ".join(lines), "content": content}
        for status, lines in sorted(titles.items())
    }


def _components(schemas: _Schemas, settings: WebSettings) -> Json:
    return {
        "schemas": dict(sorted(schemas.definitions.items())),
        "parameters": _COMMON_HEADERS,
        "headers": {
            "ETag": {"description": "The version, quoted", "schema": {"type": "string"}},
            "Location": {"description": "What was made", "schema": {"type": "string"}},
        },
        "responses": _problem_responses(),
        "securitySchemes": {
            _SESSION: {"type": "apiKey", "in": "cookie", "name": settings.session_cookie},
        },
    }


def _tags(declared: Sequence[Routes]) -> list[Json]:
    """One for each department, however many pages its endpoints are declared on."""
    described: dict[str, dict[str, None]] = {}
    for routes in declared:
        described.setdefault(routes.tag, {})[routes.description] = None
    return [{"name": tag, "description": " ".join(texts)} for tag, texts in described.items()]


def openapi(declared: Sequence[Routes], settings: WebSettings) -> Json:
    """The document of every endpoint in ``declared``."""
    endpoints = [endpoint for routes in declared for endpoint in routes.endpoints]
    schemas = _Schemas(endpoints)
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        operations = paths.setdefault(API_PREFIX + endpoint.path, {})
        operations[endpoint.method.lower()] = _operation(endpoint, schemas)
    schemas.drop({endpoint.query for endpoint in endpoints if endpoint.query is not None}, paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hms-rt",
            "version": __version__,
            "description": "Hospital operations: records by REST, live boards by Socket.IO (/asyncapi.json).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": _tags(declared),
        "security": [{_SESSION: []}],
        "paths": paths,
        "components": _components(schemas, settings),
    }
