"""Sends messages to receivers: bounded in time and size, without redirects, only where it is allowed.

What a name stands for is looked up once, judged, and connected to: who runs the name server cannot show one
address to the judge and another to the connection.
"""

import asyncio
import errno
import socket
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from hms_rt import __version__
from hms_rt.departments.reporting.model.guard import Guard, Target, plain_address, target_of

SEND_S = 8.0
"""For name, connection, request and answer together; less than a transaction may idle."""
MOST_READ = 4096
"""Bytes of an answer that are looked at; nothing in it is of interest."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: a status, or none and why. ``asked`` is Retry-After."""

    status: int | None
    error: str = ""
    asked: timedelta | None = None

    @property
    def taken(self) -> bool:
        """True if the receiver has it now."""
        return self.status is not None and 200 <= self.status < 300


class _Guarded(AbstractResolver):
    """Looks names up, and knows only the addresses that may be reached."""

    def __init__(self, guard: Guard, target: Target) -> None:
        self._guard = guard
        self._target = target
        self._names = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._names.resolve(host, port, family)
        allowed = [one for one in found if self._guard.permits(self._target, one["host"])]
        if not allowed:
            raise OSError(errno.EACCES, "the name stands for an address that WEBHOOK_ALLOW does not list")
        return allowed

    async def close(self) -> None:
        await self._names.close()


class Sender:
    """One attempt at a time for each call; nothing is kept between them."""

    def __init__(self, guard: Guard, seconds: float = SEND_S) -> None:
        self.guard = guard
        self._seconds = seconds

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Outcome:
        """Send ``body``. Raises nothing: whatever happens is an outcome."""
        target = target_of(url)
        if plain_address(target.host) is not None and not self.guard.permits(target, target.host):
            return Outcome(None, "WEBHOOK_ALLOW does not list this address")
        told = {"Content-Type": "application/json", "User-Agent": f"hms-rt/{__version__}", **headers}
        try:
            async with asyncio.timeout(self._seconds), self._session(target) as session:
                return await _answered(session, url, body, told)
        except TimeoutError:
            return Outcome(None, f"no answer within {self._seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(None, str(error)[:200] or type(error).__name__)

    def _session(self, target: Target) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=_Guarded(self.guard, target), use_dns_cache=False, force_close=True
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )


async def _answered(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]
) -> Outcome:
    async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
        await answer.content.read(MOST_READ)
        error = "" if 200 <= answer.status < 300 else f"answered {answer.status}"
        return Outcome(answer.status, error, _retry_after(answer.headers.get("Retry-After", "")))


def _retry_after(text: str) -> timedelta | None:
    return timedelta(seconds=int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else None
