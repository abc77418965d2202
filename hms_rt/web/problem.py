"""Every error as a problem document (RFC 9457); the one page that maps codes to HTTP statuses."""

from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web
from pydantic import ConfigDict, Field

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.schema import Schema

CONTENT_TYPE = "application/problem+json"

STATUS: dict[Code, tuple[int, str]] = {
    Code.MALFORMED: (400, "The request cannot be read"),
    Code.INVALID: (422, "The request breaks its schema"),
    Code.TOO_LARGE: (413, "The request is too large"),
    Code.UNSUPPORTED_MEDIA_TYPE: (415, "Only JSON is accepted"),
    Code.NOT_FOUND: (404, "Not found"),
    Code.METHOD_NOT_ALLOWED: (405, "Not a method of this resource"),
    Code.UNAUTHENTICATED: (401, "Sign in first"),
    Code.FORBIDDEN: (403, "Not allowed"),
    Code.BAD_ORIGIN: (403, "Sent by a page of another site"),
    Code.CONFLICT: (409, "A rule forbids it"),
    Code.POSSIBLE_DUPLICATE: (409, "May be registered already"),
    Code.GONE: (410, "No longer kept: start over"),
    Code.ILLEGAL_MOVE: (409, "Not possible in this state"),
    Code.STALE_VERSION: (412, "Changed since you read it"),
    Code.VERSION_REQUIRED: (428, "Say which version you read"),
    Code.IDEMPOTENCY_MISMATCH: (422, "Idempotency key used for another request"),
    Code.IDEMPOTENCY_RUNNING: (409, "The same request is still running"),
    Code.RATE_LIMITED: (429, "Too many requests"),
    Code.UNKNOWN_ROOM: (404, "No such room"),
    Code.UNKNOWN_COMMAND: (404, "No such command"),
    Code.TOO_MANY_ROOMS: (409, "Too many rooms"),
    Code.UNAVAILABLE: (503, "A store is unavailable"),
    Code.INTEGRITY: (500, "A stored document is damaged"),
    Code.INTERNAL: (500, "Internal error"),
}

_BY_STATUS = {
    HTTPStatus.UNAUTHORIZED: Code.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: Code.FORBIDDEN,
    HTTPStatus.NOT_FOUND: Code.NOT_FOUND,
    HTTPStatus.GONE: Code.GONE,
    HTTPStatus.METHOD_NOT_ALLOWED: Code.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Code.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.TOO_MANY_REQUESTS: Code.RATE_LIMITED,
    HTTPStatus.SERVICE_UNAVAILABLE: Code.UNAVAILABLE,
}


class Problem(Schema):
    """What every error answers, as application/problem+json. Some codes add members of their own."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/not_found"])
    """A name of the kind of problem: ``/problems/`` and the code."""
    title: str
    """The kind of problem, for people; the same for every occurrence."""
    status: int
    """The HTTP status."""
    detail: str
    """This occurrence, for people."""
    code: Code
    """The kind of problem, for programs; the same vocabulary as on sockets."""
    request_id: str
    """Quote it when asking for help: the server's log has it too."""


def http_status(code: Code) -> int:
    """The HTTP status of ``code``."""
    return STATUS[code][0]


def document(error: HmsError, request_id: str) -> dict[str, Any]:
    """``error`` as the members of a problem document; its own fields never replace the standard ones."""
    status, title = STATUS[error.code]
    made: dict[str, Any] = dict(error.fields)
    if error.retry_after_ms is not None:
        made["retry_after_ms"] = error.retry_after_ms
    made.update(
        type=f"/problems/{error.code}",
        title=title,
        status=status,
        detail=error.detail,
        code=str(error.code),
        request_id=request_id,
    )
    return made


def response(error: HmsError, request_id: str) -> web.Response:
    """``error`` as the answer to a request."""
    answer = web.Response(
        status=http_status(error.code),
        body=orjson.dumps(document(error, request_id)),
        content_type=CONTENT_TYPE,
    )
    if error.retry_after_ms is not None:
        answer.headers["Retry-After"] = str(max(1, -(-error.retry_after_ms // 1000)))
    return answer


def from_http(error: web.HTTPException) -> HmsError:
    """An error of the HTTP library, in our vocabulary; its own text may echo input, so it goes."""
    try:
        status = HTTPStatus(error.status)
    except ValueError:
        return HmsError(Code.INTERNAL, "something went wrong")
    fallback = Code.MALFORMED if status < HTTPStatus.INTERNAL_SERVER_ERROR else Code.INTERNAL
    return HmsError(_BY_STATUS.get(status, fallback), status.description or status.phrase)
