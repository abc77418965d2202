"""Look-ups of principals that are asked for at about the same time, as one query.

After a restart every screen of the hospital comes back within seconds, each in a session of its own.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence

from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.security.tokens import unauthenticated

SessionKey = tuple[uuid.UUID, PrincipalKind]
ReadMany = Callable[[Sequence[SessionKey]], Awaitable[Mapping[SessionKey, Principal]]]

AT_ONCE = 2
"""Queries under way at most. Who comes while there is one goes with the next, unless that takes long."""

LARGEST = 250
LATE_S = 0.03
"""A query that takes longer is not waited for: a second one is begun beside it."""


class Gathered:
    """Asks for one principal and is answered out of a batch. ``read`` leaves out who is not signed in.

    A batch is read after everybody in it has asked, so nobody gets an answer from before the question.
    """

    def __init__(self, read: ReadMany) -> None:
        self._read = read
        self._wanted: dict[SessionKey, asyncio.Future[Principal]] = {}
        self._reading: set[asyncio.Task[None]] = set()
        self._late: asyncio.TimerHandle | None = None

    def __call__(self, session_id: uuid.UUID, kind: PrincipalKind) -> "asyncio.Future[Principal]":
        """Who acts in the session, ``unauthenticated``, or what ``read`` raised. Others may wait for it."""
        key = (session_id, kind)
        future = self._wanted.get(key)
        if future is None:
            future = self._wanted[key] = asyncio.get_running_loop().create_future()
            self._start()
        return future

    def _start(self) -> None:
        if not self._wanted or len(self._reading) >= AT_ONCE:
            return
        if not self._reading or len(self._wanted) >= LARGEST:
            self._begin()
        elif self._late is None:
            self._late = asyncio.get_running_loop().call_later(LATE_S, self._begin)

    def _begin(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if self._wanted and len(self._reading) < AT_ONCE:
            task = asyncio.create_task(self._batch(), name="principals")
            self._reading.add(task)
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._reading.discard(task)
        self._start()

    async def _batch(self) -> None:
        await asyncio.sleep(0)  # whoever asks in this turn of the loop comes along
        keys = list(self._wanted)[:LARGEST]
        futures = {key: self._wanted.pop(key) for key in keys}
        try:
            found = await self._read(keys) if keys else {}
        except BaseException as error:
            for future in futures.values():
                _fail(future, error)
            if not isinstance(error, Exception):
                raise
        else:
            for key, future in futures.items():
                principal = found.get(key)
                if principal is None:
                    _fail(future, unauthenticated())
                elif not future.done():
                    future.set_result(principal)


def _fail(future: "asyncio.Future[Principal]", error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    elif not future.done():
        future.set_exception(error)
        future.exception()  # whoever asked may have given up: then it is told to nobody
