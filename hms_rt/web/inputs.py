"""Query parameters and bodies, refused unless they are exactly what the endpoint declares."""

import asyncio
import json
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from hms_rt.kernel import strict_json
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.schema import parse
from hms_rt.web.settings import WEB_SETTINGS

JSON = "application/json"
MAX_QUERY = 8192


def _refuse(name: str, problem: str) -> HmsError:
    return HmsError(
        Code.INVALID, f"{name}: {problem}", fields={"problems": [{"field": name, "problem": problem}]}
    )


def _printable(text: str) -> bool:
    return not any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" or c == "\ufffd" for c in text)


def read_query(request: web.Request, schema: type[BaseModel] | None) -> BaseModel | None:
    """The query parameters as ``schema``; raises ``invalid`` for unknown, repeated or unreadable ones."""
    if len(request.rel_url.raw_query_string) > MAX_QUERY:
        raise _refuse("(query)", f"longer than {MAX_QUERY} characters")
    values: dict[str, str] = {}
    for name, value in request.query.items():
        if not _printable(name):
            raise _refuse("(query)", "a name is not readable text")
        if name in values:
            raise _refuse(name[:60], "appears twice")
        if not _printable(value):
            raise _refuse(name[:60], "is not readable text")
        values[name] = value
    if schema is not None:
        return parse(schema, values)
    if values:
        raise _refuse(next(iter(values))[:60], "this resource takes no query parameters")
    return None


async def _read(request: web.Request) -> bytes:
    settings = request.config_dict[WEB_SETTINGS]
    if (request.content_length or 0) > settings.body_limit:
        raise _too_large(settings.body_limit)
    try:
        async with asyncio.timeout(settings.body_seconds):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(settings.body_limit) from None
    except TimeoutError:
        raise HmsError(Code.MALFORMED, f"the body took over {settings.body_seconds:g} s to arrive") from None
    except web.RequestPayloadError:
        raise HmsError(Code.MALFORMED, "the body breaks off or is not framed as announced") from None


def _too_large(limit: int) -> HmsError:
    return HmsError(Code.TOO_LARGE, f"a body has at most {limit} bytes", fields={"limit": limit})


def _check_media_type(request: web.Request) -> None:
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise HmsError(Code.UNSUPPORTED_MEDIA_TYPE, "send the body without a Content-Encoding")
    written = request.headers.get("Content-Type", "").lower().replace(" ", "").replace('"', "")
    if written not in {JSON, f"{JSON};charset=utf-8"}:
        raise HmsError(Code.UNSUPPORTED_MEDIA_TYPE, f"send the body as {JSON} (UTF-8)")


async def read_body(request: web.Request, schema: type[BaseModel] | None) -> tuple[BaseModel | None, bytes]:
    """The body as ``schema`` and in canonical form (sorted keys), for the command's fingerprint.

    Raises ``too_large``, ``unsupported_media_type``, ``malformed`` or ``invalid``.
    """
    if schema is not None and request.body_exists:
        _check_media_type(request)
    raw = await _read(request) if request.body_exists else b""
    if schema is None:
        if raw:
            raise HmsError(Code.INVALID, "this resource takes no body")
        return None, b""
    if not raw:
        raise HmsError(Code.MALFORMED, f"a body is required, as {JSON}")
    value = strict_json.loads(raw)
    return parse(schema, value), canonical(value)


def canonical(value: Any) -> bytes:
    """``value`` as JSON that is the same however the client ordered and spaced it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
