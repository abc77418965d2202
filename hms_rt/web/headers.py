"""The headers that steer a request: X-Request-Id, Idempotency-Key, If-Match, If-None-Match, ETag."""

import re
import secrets

from aiohttp import web

from hms_rt.kernel.errors import Code, HmsError

REQUEST_ID_HEADER = "X-Request-Id"
IDEMPOTENCY_KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
"""On an answer that was stored under the request's Idempotency-Key: the command did not run again."""

REQUEST_ID = web.RequestKey("REQUEST_ID", str)

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_VERSION_TAG = re.compile(r'"([0-9]{1,10})"')


def request_id(request: web.Request) -> str:
    """The id of this request: the inbound X-Request-Id if it is a sane one, else a fresh one."""
    if REQUEST_ID in request:
        return request[REQUEST_ID]
    inbound = request.headers.get(REQUEST_ID_HEADER, "")
    made = inbound if _SANE_REQUEST_ID.fullmatch(inbound) else secrets.token_hex(16)
    request[REQUEST_ID] = made
    return made


def _single(request: web.Request, name: str) -> str | None:
    values = request.headers.getall(name, [])
    if len(values) > 1:
        raise HmsError(Code.INVALID, f"{name}: sent twice")
    return values[0] if values else None


def idempotency_key(request: web.Request) -> str | None:
    """The Idempotency-Key; None if the client does not retry; raises ``invalid``."""
    key = _single(request, IDEMPOTENCY_KEY_HEADER)
    if key is not None and not _KEY.fullmatch(key):
        raise HmsError(Code.INVALID, f"{IDEMPOTENCY_KEY_HEADER}: 1 to 200 visible ASCII characters")
    return key


def expected_version(request: web.Request) -> int | None:
    """The version of If-Match, such as ``"7"``; None without one; raises ``invalid``."""
    text = _single(request, "If-Match")
    if text is None:
        return None
    found = _VERSION_TAG.fullmatch(text.strip())
    if found is None:
        raise HmsError(Code.INVALID, 'If-Match: the ETag that you read, such as "7"')
    return int(found.group(1))


def etag(version: int) -> str:
    """The strong ETag of ``version``."""
    return f'"{version}"'


def already_known(request: web.Request, tag: str) -> bool:
    """True if If-None-Match names ``tag``: the client has this version."""
    listed = ",".join(request.headers.getall("If-None-Match", ())).split(",")
    return any(item.strip().removeprefix("W/") in {tag, "*"} for item in listed)
