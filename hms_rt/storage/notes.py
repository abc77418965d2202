"""Short-lived notes in Redis: each process leaves one about itself, whoever wants to know reads them all.

Nothing depends on them. A process that no longer writes is forgotten after a few seconds.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

EXPIRE_S = 5
TIMEOUT_S = 0.5
MOST = 256
"""Notes that are read at once."""

TROUBLE = (RedisError, OSError, asyncio.TimeoutError)


class Notes:
    """Notes of one kind by their authors' ids. Calls raise one of ``TROUBLE`` when Redis is away."""

    def __init__(self, redis: Redis, *, prefix: str = "hms", kind: str = "status") -> None:
        self._redis = redis
        self._index = f"{prefix}:{kind}"

    async def leave(self, author: str, note: bytes) -> None:
        """Leave or replace the author's note; it expires after five seconds."""
        now = time.time()
        async with asyncio.timeout(TIMEOUT_S):
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.set(self._key(author), note, ex=EXPIRE_S)
            pipeline.zadd(self._index, {author: now})
            pipeline.zremrangebyscore(self._index, "-inf", now - 60)
            pipeline.expire(self._index, 60)
            await pipeline.execute()

    async def withdraw(self, author: str) -> None:
        """Take the author's note back; if Redis is away it expires by itself."""
        with suppress(*TROUBLE):
            async with asyncio.timeout(TIMEOUT_S):
                await self._redis.delete(self._key(author))
                await self._redis.zrem(self._index, author)

    async def read(self) -> Sequence[bytes]:
        """The notes of everybody who left one lately, at most ``MOST``."""
        async with asyncio.timeout(4 * TIMEOUT_S):
            authors = await self._redis.zrevrange(self._index, 0, MOST - 1)
            keys = [self._key(author.decode()) for author in authors if isinstance(author, bytes)]
            found = await self._redis.mget(keys) if keys else []
            return [note for note in found if isinstance(note, bytes)]

    def _key(self, author: str) -> str:
        return f"{self._index}:{author}"
