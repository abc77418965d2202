"""Sending requests as they are declared, and reading what came back."""

import json
from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDictProxy
from yarl import URL

from hms_rt.web.endpoints import Endpoint
from hms_rt.web.settings import API_PREFIX
from tests.surface.asks import PARAMETER, Ask
from tests.surface.world import Client


@dataclass(frozen=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str | None:
        """The problem's code; None for an answer that is no problem."""
        return self.json["code"] if self.status >= 400 else None


def address(endpoint: Endpoint, ask: Ask) -> URL:
    """Where the request goes; values that are percent-encoded already stay as they are."""
    path = PARAMETER.sub(lambda found: ask.path[found.group(1)], endpoint.path)
    return URL(API_PREFIX + path, encoded=True)


async def send(client: Client, endpoint: Endpoint, ask: Ask, key: str | None = None) -> Reply:
    """One request, with the headers that its declaration calls for."""
    options: dict[str, Any] = {"headers": {}}
    if key is not None:
        options["headers"]["Idempotency-Key"] = key
    if endpoint.versioned and not endpoint.safe and ask.version is not None:
        options["headers"]["If-Match"] = f'"{ask.version}"'
    if endpoint.body is not None:
        options["json"] = ask.body
    url = address(endpoint, ask).with_query(dict(ask.query))
    async with client.request(endpoint.method, url, **options) as answer:
        return Reply(answer.status, answer.headers, await answer.text(errors="replace"))
