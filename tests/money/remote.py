"""The same commands over REST to two real servers, of which one is killed now and then."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import BaseModel

from handlers import ROUTES
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from tests.cli.processes import Served, serving
from tests.conftest import PASSWORD

ROUTE = {one.command: one for each in ROUTES for one in each.endpoints if not one.safe}
"""Command -> its route."""


class Server:
    """``serve`` as a process of its own, which can be killed and started again."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._stack = AsyncExitStack()
        self._served: Served | None = None
        self._starting: asyncio.Task[None] | None = None
        self.kills = 0

    async def start(self) -> None:
        """Listening when this returns."""
        self._served = await self._stack.enter_async_context(serving(self._folder, self._environment))
        await self._served.until("serving")

    def kill(self) -> None:
        """SIGKILL; it is started again at once."""
        if self._starting is None or self._starting.done():
            assert self._served is not None
            self._served.process.kill()
            self.kills += 1
            self._starting = asyncio.create_task(self._again())

    async def _again(self) -> None:
        sessions, self._sessions = self._sessions, {}
        await self._stack.aclose()
        for each in sessions.values():
            await each.close()
        await self.start()

    async def close(self) -> None:
        """End it."""
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
        for each in self._sessions.values():
            await each.close()
        await self._stack.aclose()

    @property
    def url(self) -> str:
        assert self._served is not None
        return self._served.url

    async def session(self, username: str) -> aiohttp.ClientSession:
        """Somebody's, signed in; raises ``ClientError`` while the server is away."""
        known = self._sessions.get(username)
        if known is not None:
            return known
        jar = aiohttp.CookieJar(unsafe=True)
        made = aiohttp.ClientSession(self.url, cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=30))
        try:
            signed = {"username": username, "password": PASSWORD}
            async with made.post("/api/v1/auth/login", json=signed) as answer:
                answer.raise_for_status()
        except BaseException:
            await made.close()
            raise
        first = self._sessions.setdefault(username, made)
        if first is not made:  # somebody signed in as the same meanwhile
            await made.close()
        return first


class Servers:
    """The first is killed, the second stays: who gets no answer asks the other one."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.victim, self.other = (Server(folder, environment) for _ in range(2))
        self.people: dict[uuid.UUID, str] = {}
        """Who signs in as whom."""
        self._turn = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Servers"]:
        try:
            await asyncio.gather(self.victim.start(), self.other.start())
            yield self
        finally:
            await asyncio.gather(self.victim.close(), self.other.close())

    def next(self) -> Server:
        """In turn, the victim first."""
        self._turn += 1
        return self.victim if self._turn % 2 else self.other

    def begin(self) -> None:
        """The next command goes to the victim."""
        self._turn = 0


class RemoteService:
    """A department's service as its routes offer it: the same arguments, answers and errors."""

    def __init__(self, servers: Servers, department: str) -> None:
        self._servers, self._department = servers, department

    def __getattr__(self, name: str) -> Any:
        route = ROUTE[f"{self._department}.{name}"]

        async def call(principal: Principal, command: Command, *said: Any) -> BaseModel:
            given = iter([one for one in said if not isinstance(one, BaseModel)])
            path = route.path.format(**{one.name: next(given) for one in route.parameters})
            body = next((one for one in said if isinstance(one, BaseModel)), None)
            text = await self._ask(route.method, path, principal, command, body)
            assert route.answer is not None
            return route.answer.model_validate_json(text)

        return call

    async def _ask(
        self, method: str, path: str, principal: Principal, command: Command, body: BaseModel | None
    ) -> str:
        headers = {"Idempotency-Key": str(command.key), "Content-Type": "application/json"}
        if command.expected_version is not None:
            headers["If-Match"] = f'"{command.expected_version}"'
        content = body.model_dump_json(exclude_unset=True) if body is not None else None
        server = self._servers.next()
        try:
            session = await server.session(self._servers.people[principal.id])
            async with session.request(method, f"/api/v1{path}", data=content, headers=headers) as answer:
                if answer.status < 400:
                    return await answer.text()
                told = await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, RuntimeError, TimeoutError) as error:
            raise HmsError(Code.UNAVAILABLE, f"no answer: {error!r}") from None
        code = Code(told["code"])
        assert code is not Code.INTERNAL, told
        raise HmsError(code, told["detail"])


async def killed_soon(server: Server, after_s: float) -> None:
    """While something is under way there."""
    await asyncio.sleep(after_s)
    with suppress(ProcessLookupError):
        server.kill()
