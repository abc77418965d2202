"""Reads problem documents, and talks HTTP by hand where a well-behaved client would not."""

import asyncio
import json
from typing import Any

from aiohttp import ClientResponse

from tests.web.conftest import Client


def check_problem(found: dict[str, Any], status: int, code: str) -> dict[str, Any]:
    """``found`` if it is the complete problem document of ``status`` and ``code``."""
    assert (found.get("status"), found.get("code")) == (status, code), found
    assert found["type"] == f"/problems/{code}"
    assert found["title"]
    assert found["detail"]
    assert found["request_id"]
    return found


async def problem(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """The document of ``response``, checked."""
    found = check_problem(json.loads(await response.text()), status, code)
    assert response.status == status
    assert response.content_type == "application/problem+json"
    assert found["request_id"] == response.headers["X-Request-Id"]
    return found


async def by_hand(client: Client, head: bytes, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Send the bytes of a request as they are (signed in); its status, headers and body."""
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    common = b"\r\nHost: localhost\r\nAuthorization: test\r\nConnection: close\r\n\r\n"
    writer.write(head + common + body)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    top, _, rest = answer.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, rest
