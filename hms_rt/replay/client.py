"""The public REST API as a replay uses it: signed-in sessions, retries, refusals as exceptions."""

import asyncio
import random
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import orjson

API = "/api/v1"
REQUEST_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
ATTEMPTS_AT_A_FAULT = 3
SIGN_IN_PAUSE = 15.0

Body = Mapping[str, Any]


class RefusedError(Exception):
    """The server understood and said no; ``code`` and ``detail`` are its own words."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class UnreachableError(Exception):
    """No answer for as long as the caller was willing to wait."""


class SignInError(Exception):
    """An account cannot be used: its name, password or rights are not what the replay was told."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who signs in."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A 2xx answer; ``repeated`` if it was stored under the idempotency key, so that nothing ran again."""

    value: dict[str, Any]
    repeated: bool


@dataclass(frozen=True, slots=True)
class _Raw:
    status: int
    body: Any
    cookies: dict[str, str]
    repeated: bool
    retry_after: float | None

    @property
    def code(self) -> str:
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    @property
    def transient(self) -> bool:
        """Waiting may help: overload, a store or the server away, or our own request still running."""
        return self.status in {429, 500, 502, 503, 504} or self.code == "idempotency_running"

    def refused(self) -> RefusedError:
        detail = self.body.get("detail") if isinstance(self.body, dict) else None
        return RefusedError(self.status, self.code or f"http_{self.status}", str(detail or "no reason given"))


class Server:
    """One server and the pool of kept-alive connections to it; counts requests and retries.

    ``patience`` in seconds: how long to go on trying while the server is away or overloaded.
    """

    def __init__(self, url: str, *, connections: int = 32, patience: float = 60.0) -> None:
        self.url = url.rstrip("/")
        self.patience = patience
        self.requests = 0
        self.retries = 0
        self._connections = connections
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        tls: ssl.SSLContext | bool = True
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=60, ssl=tls),
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: Body | None,
        query: Mapping[str, str],
    ) -> _Raw:
        """The answer, whatever its status; trouble that passes is waited out, or ``UnreachableError``."""
        gives_up_at = time.monotonic() + self.patience
        pause, faults = FIRST_PAUSE, 0
        while True:
            wait: float | None = None
            try:
                raw = await self._once(method, path, headers, body, query)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if time.monotonic() > gives_up_at:
                    raise UnreachableError(f"{self.url} does not answer ({type(error).__name__})") from error
            else:
                faults += raw.status == 500
                if not raw.transient or faults >= ATTEMPTS_AT_A_FAULT or time.monotonic() > gives_up_at:
                    return raw
                wait = raw.retry_after
            self.retries += 1
            await asyncio.sleep(wait if wait is not None else pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: Body | None, query: Mapping[str, str]
    ) -> _Raw:
        if self._http is None:
            raise RuntimeError("use the server as a context manager")
        self.requests += 1
        payload = None if body is None else orjson.dumps(body)
        sent = dict(headers) if payload is None else {**headers, "Content-Type": "application/json"}
        async with self._http.request(
            method, f"{self.url}{API}{path}", data=payload, headers=sent, params=query, allow_redirects=False
        ) as answer:
            text = await answer.read()
            return _Raw(
                status=answer.status,
                body=_decoded(text),
                cookies={name: morsel.value for name, morsel in answer.cookies.items()},
                repeated=answer.headers.get("Idempotent-Replayed") == "true",
                retry_after=_seconds(answer.headers.get("Retry-After")),
            )


class Session:
    """One signed-in account. Signs in at its first request, and again whenever the server asks for it."""

    def __init__(self, server: Server, account: Account) -> None:
        self.account = account
        self._server = server
        self._cookies: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """A read. Raises :class:`RefusedError`, :class:`UnreachableError`, :class:`SignInError`."""
        texts = {name: str(value) for name, value in query.items()}
        return (await self._send("GET", path, {}, None, texts)).value

    async def all(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        page = await self.get(path, **query)
        items.extend(page["items"])
        while page.get("next_cursor"):
            page = await self.get(path, **query, cursor=page["next_cursor"])
            items.extend(page["items"])
        return items

    async def post(self, path: str, body: Body | None = None, *, key: str | None = None) -> Reply:
        """A command; ``key`` is its idempotency key."""
        return await self._send("POST", path, {"Idempotency-Key": key} if key else {}, body, {})

    async def patch(self, path: str, body: Body, *, version: int, key: str | None = None) -> Reply:
        """A change of what was read as ``version``."""
        headers = {"If-Match": f'"{version}"'} | ({"Idempotency-Key": key} if key else {})
        return await self._send("PATCH", path, headers, body, {})

    async def put(self, path: str, body: Body, *, version: int) -> Reply:
        """Set what was read as ``version``; 0 if it was not there."""
        return await self._send("PUT", path, {"If-Match": f'"{version}"'}, body, {})

    async def sign_in(self) -> None:
        """Sign in now. Raises :class:`SignInError` for a wrong password."""
        body = {"username": self.account.username, "password": self.account.password}
        while True:
            raw = await self._server.send("POST", "/auth/login", headers={}, body=body, query={})
            if raw.status == 401:
                raise SignInError(f"{self.account.username}: {raw.refused().detail}")
            if raw.status < 300:
                self._cookies = raw.cookies
                return
            raise raw.refused()

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: Body | None, query: Mapping[str, str]
    ) -> Reply:
        for _ in range(2):
            if not self._cookies:
                await self._renew({})
            used = self._cookies
            sent = {**headers, "Cookie": _cookie_header(used, refresh=False)}
            raw = await self._server.send(method, path, headers=sent, body=body, query=query)
            if raw.status != 401:
                break
            await self._renew(used)
        if raw.status == 401:
            raise SignInError(f"{self.account.username}: {raw.refused().detail}")
        if raw.status >= 300:
            raise raw.refused()
        return Reply(raw.body if isinstance(raw.body, dict) else {}, raw.repeated)

    async def _renew(self, used: dict[str, str]) -> None:
        """Fresh cookies, unless somebody got them meanwhile: by the refresh token, else by signing in."""
        async with self._lock:
            if self._cookies is not used and self._cookies:
                return
            if used:
                headers = {"Cookie": _cookie_header(used, refresh=True)}
                raw = await self._server.send("POST", "/auth/refresh", headers=headers, body=None, query={})
                if raw.status < 300:
                    self._cookies = raw.cookies
                    return
            await self.sign_in()


def _cookie_header(cookies: Mapping[str, str], *, refresh: bool) -> str:
    """As a browser would: the refresh token goes to the sign-in routes only."""
    return "; ".join(
        f"{name}={value}" for name, value in cookies.items() if refresh or not name.endswith("refresh")
    )


def _decoded(text: bytes) -> Any:
    try:
        return orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {}


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None
