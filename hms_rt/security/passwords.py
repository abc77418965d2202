"""Passwords: peppered, hashed with bcrypt, in a small pool of threads that cannot be flooded.

bcrypt reads 72 bytes and raises above that, so it gets base64(HMAC-SHA256(pepper, password)): 44 bytes of
any password, worthless to who steals the database without the pepper. One hash takes about 0.2 s at cost
12, by intent; two threads and a bounded queue keep a flood of sign-ins from starving the server.
"""

import asyncio
import base64
import hashlib
import hmac
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from hms_rt.kernel.errors import Code, HmsError

MAX_BYTES = 1024
MIN_PEPPER_BYTES = 32

R = TypeVar("R")


class Passwords:
    """Hashes and verifies passwords. One instance per process; ``close`` it at the end.

    ``cost`` is the logarithm of the rounds (12 in production), ``waiting`` how many hashes may be under way
    or queued before callers are turned away, ``minimum`` the shortest acceptable password in characters.
    """

    def __init__(
        self, pepper: bytes, *, cost: int = 12, threads: int = 2, waiting: int = 64, minimum: int = 12
    ) -> None:
        if len(pepper) < MIN_PEPPER_BYTES:
            raise ValueError(f"the pepper needs at least {MIN_PEPPER_BYTES} bytes")
        self._pepper = pepper
        self._cost = cost
        self._minimum = minimum
        self._waiting = waiting
        self._inside = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password")
        # Costs the same work as a real hash and matches nothing: unknown users take as long as known ones.
        self._nobody = bcrypt.gensalt(cost) + b"." * 31

    def check(self, password: str, username: str) -> None:
        """Raises ``invalid`` for a password that is too short, too long, or the username itself."""
        if len(password) < self._minimum:
            raise HmsError(Code.INVALID, f"password: needs at least {self._minimum} characters")
        if len(password.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise HmsError(Code.INVALID, f"password: at most {MAX_BYTES} bytes")
        if password.strip().casefold() == username.strip().casefold():
            raise HmsError(Code.INVALID, "password: must not be the username")

    async def hash(self, password: str) -> str:
        """The hash to store; raises ``unavailable`` when too many are queued."""
        secret = self._peppered(password)
        return (await self._run(lambda: bcrypt.hashpw(secret, bcrypt.gensalt(self._cost)))).decode()

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether ``password`` belongs to ``stored``; with None (no such user) the same work, then False.

        Raises ``unavailable`` when too many are queued.
        """
        secret = self._peppered(password)
        known = stored.encode() if stored is not None else self._nobody
        return await self._run(lambda: bcrypt.checkpw(secret, known)) and stored is not None

    def seal(self, fingerprint: bytes) -> bytes:
        """The fingerprint of a request that holds a password, fit to be stored: without the pepper nobody
        can try passwords against it."""
        return hmac.digest(self._pepper, fingerprint, hashlib.sha256)

    def close(self) -> None:
        """Let running hashes end, drop those queued."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _peppered(self, password: str) -> bytes:
        raw = password.encode("utf-8", "surrogatepass")
        if len(raw) > MAX_BYTES:
            raise HmsError(Code.INVALID, f"password: at most {MAX_BYTES} bytes")
        return base64.b64encode(hmac.digest(self._pepper, raw, hashlib.sha256))

    async def _run(self, work: Callable[[], R]) -> R:
        with self._lock:
            if self._inside >= self._waiting:
                raise HmsError(Code.UNAVAILABLE, "too many people are signing in", retry_after_ms=2000)
            self._inside += 1
        future = self._pool.submit(work)
        future.add_done_callback(self._left)
        return await asyncio.wrap_future(future)

    def _left(self, _: Future[R]) -> None:
        with self._lock:
            self._inside -= 1
