"""Redis (or Valkey): the fast path between processes. Nothing here is needed for correctness.

Entries of the change log are published on one channel per stream; a process subscribes to the streams it
shows. Every call is bounded in time and none raises into a command. Messages carry a keyed digest: whoever
else can write to Redis cannot put anything on a board, and what another release sends is passed over.
"""

import asyncio
import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import orjson
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from hms_rt.kernel.ending import end
from hms_rt.storage.change_log import LogEntry

log = structlog.get_logger(__name__)

PUBLISH_TIMEOUT_S = 0.25
QUIET_S = 5.0
"""Silence after which Redis is asked whether it is still there."""

PROOF_S = 2.0
SUBSCRIBE_AT_ONCE = 500
COMPLAIN_S = 60.0
_DIGEST_BYTES = 16
_FORMAT = b"hms-rt entry 1"
RETRY_S = (0.1, 0.25, 0.5, 1.0)
CANCEL_AGAIN_S = 0.2

_TROUBLE = (RedisError, OSError, asyncio.TimeoutError)


def make_redis(url: str) -> Redis:
    """A client with bounded waits; it connects on first use."""
    return Redis.from_url(
        url, socket_timeout=2.0, socket_connect_timeout=1.0, health_check_interval=5, max_connections=32
    )


class Bus:
    """Publishes and receives entries of the change log.

    ``received(epoch, entry)`` is called for each entry another process (or this one) published;
    ``connected()`` after every (re)connection, because what was published meanwhile is lost. Processes that
    share a ``key`` understand each other.
    """

    def __init__(
        self,
        redis: Redis,
        received: Callable[[uuid.UUID, LogEntry], None],
        connected: Callable[[], None],
        *,
        prefix: str = "hms",
        key: bytes = b"",
    ) -> None:
        self._redis = redis
        self._received = received
        self._connected = connected
        self._prefix = f"{prefix}:stream:"
        self._key = hashlib.blake2b(key).digest()
        self._complained_at = -COMPLAIN_S
        self._publishes = True
        self._streams: set[str] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.up = False
        self.publish_failures = 0

    def start(self) -> None:
        """Begin to listen, in a task that survives every outage."""
        self._task = asyncio.create_task(self._run(), name="redis-bus")

    async def stop(self) -> None:
        """Stop listening and close the connections."""
        self._stopping = True
        if self._task is not None:
            await end(self._task, again_s=2 * CANCEL_AGAIN_S)
        with suppress(*_TROUBLE):
            await self._redis.aclose()

    def follow(self, stream: str) -> None:
        """Receive ``stream`` from soon on; until then the sweep delivers."""
        self._streams.add(stream)
        self._wake.set()

    def unfollow(self, stream: str) -> None:
        """Stop receiving ``stream``."""
        self._streams.discard(stream)
        self._wake.set()

    async def publish(self, epoch: uuid.UUID, entries: Sequence[LogEntry]) -> bool:
        """Tell the other processes. False if that failed: it is logged, and their sweeps find the entries."""
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                pipeline = self._redis.pipeline(transaction=False)
                for entry in entries:
                    body = _encode(epoch, entry)
                    pipeline.publish(self._prefix + entry.stream, self._digest(body) + body)
                await pipeline.execute()
        except _TROUBLE as error:
            self.publish_failures += 1
            if self._publishes:
                log.warning("redis.publish_failed", error=type(error).__name__, entries=len(entries))
            self._publishes = False
        else:
            self._publishes = True
        return self._publishes

    async def _run(self) -> None:
        failures = 0
        while not self._stopping:
            pubsub = self._redis.pubsub()
            try:
                await self._listen(pubsub)
            except _TROUBLE as error:
                if self.up or failures == 0:
                    log.warning("redis.down", error=type(error).__name__)
            except Exception:
                log.exception("redis.failed")  # a fault of ours must not cost the fast path for good
            finally:
                failures = 0 if self.up else failures + 1
                self.up = False
                with suppress(*_TROUBLE):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])

    async def _listen(self, pubsub: PubSub) -> None:
        """Follow the wanted set of streams and hand over messages until the connection breaks."""
        listening: set[str] = set()
        await pubsub.subscribe(self._prefix)  # an empty channel keeps the connection subscribed
        self.up = True
        log.info("redis.up")
        self._connected()
        reader = asyncio.create_task(self._read(pubsub), name="redis-read")
        waker = asyncio.create_task(self._wake.wait(), name="redis-wake")
        try:
            while not self._stopping:
                wanted = set(self._streams)
                for some in self._channels(wanted - listening):
                    await pubsub.subscribe(*some)
                for some in self._channels(listening - wanted):
                    await pubsub.unsubscribe(*some)
                listening = wanted
                done, _ = await asyncio.wait({reader, waker}, return_when=asyncio.FIRST_COMPLETED)
                if reader in done:
                    reader.result()
                if waker in done:
                    self._wake.clear()
                    waker = asyncio.create_task(self._wake.wait(), name="redis-wake")
        finally:
            await end(reader, waker, again_s=CANCEL_AGAIN_S)

    def _channels(self, streams: set[str]) -> list[list[str]]:
        """The channels of ``streams``, as many at once as are told in one breath."""
        names = [self._prefix + stream for stream in streams]
        return [names[first : first + SUBSCRIBE_AT_ONCE] for first in range(0, len(names), SUBSCRIBE_AT_ONCE)]

    async def _read(self, pubsub: PubSub) -> None:
        """Hand over messages. A server that falls silent is asked, and given up when it does not answer."""
        asked = False
        while not self._stopping:
            message = await pubsub.get_message(timeout=PROOF_S if asked else QUIET_S)
            if message is not None:
                asked = False
                if message["type"] == "message":
                    self._take(message["data"])
            elif asked:
                raise TimeoutError("Redis is silent")
            else:
                asked = True
                await asyncio.wait_for(pubsub.ping(), PROOF_S)

    def _take(self, data: bytes) -> None:
        digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        try:
            if not hmac.compare_digest(digest, self._digest(body)):
                raise ValueError("not from one of us")
            epoch, entry = _decode(body)
        except (ValueError, KeyError, TypeError):
            self._complain()
            return
        self._received(epoch, entry)

    def _complain(self) -> None:
        """At most once a minute, whatever comes."""
        now = time.monotonic()
        if now - self._complained_at >= COMPLAIN_S:
            self._complained_at = now
            log.warning("redis.unreadable_message", fix="one JWT_SECRET and one release for all processes")

    def _digest(self, body: bytes) -> bytes:
        return hashlib.blake2b(_FORMAT + body, key=self._key, digest_size=_DIGEST_BYTES).digest()


def _encode(epoch: uuid.UUID, entry: LogEntry) -> bytes:
    return orjson.dumps(
        {
            "epoch": str(epoch),
            "stream": entry.stream,
            "version": entry.version,
            "at": entry.at,
            "ops": entry.ops,
        }
    )


def _decode(data: bytes) -> tuple[uuid.UUID, LogEntry]:
    message = orjson.loads(data)
    return uuid.UUID(message["epoch"]), LogEntry(
        message["stream"], int(message["version"]), datetime.fromisoformat(message["at"]), message["ops"]
    )
