"""What the socket server measures, for Prometheus: events are counted here, what is alive by ``vitals``.

Every function is cheap, synchronous and raises nothing; call it once per broadcast or event, never once
per socket and frame. Labels are closed vocabularies and kinds of rooms: never an argument of a room, a name
or an id. Gauges carry their multiprocess mode, as custom collectors do not work with several workers.
"""

import time
from datetime import datetime
from enum import StrEnum
from functools import cache

from prometheus_client import Counter, Gauge, Histogram


class Snapshot(StrEnum):
    """Why a client was given the whole state instead of changes."""

    SUBSCRIBE = "subscribe"  # it joined without a version, or with one too old to resume from
    CONFLATION = "conflation"  # it was too slow, and has drained
    RING = "ring"  # the stream jumped further than the ring reaches
    EPOCH = "epoch"  # the database went back in time
    RIGHTS = "rights"  # its principal sees another view now


class Abort(StrEnum):
    """Why the server dropped a connection."""

    STUCK = "stuck"  # took nothing for ten seconds
    SILENT = "silent"  # did not answer the ping
    NEVER_CONNECTED = "never_connected"  # entered no namespace in time
    BAD_PACKET = "bad_packet"  # not Socket.IO, or too large
    BINARY = "binary"  # binary messages are refused
    RATE = "rate"  # sent faster than allowed, for long
    GOODBYE = "goodbye"  # did not even take the close


class Refusal(StrEnum):
    """Why a handshake was answered with an error (pages of other sites are refused before it gets here)."""

    DRAINING = "draining"
    ADMISSION = "admission"  # too many at once: come back later
    UNAUTHENTICATED = "unauthenticated"
    PRINCIPAL_LIMIT = "principal_limit"
    ADDRESS_LIMIT = "address_limit"
    UNAVAILABLE = "unavailable"  # PostgreSQL does not answer, so nobody can be recognised
    PROTOCOL = "protocol"  # long polling, or not a WebSocket


class Reader(StrEnum):
    """Who fell behind the ring."""

    CLIENT = "client"  # it came back with a version from before
    VIEW = "view"  # a room of this process


class Checked(StrEnum):
    """What a look at somebody's rights found."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    ENDED = "ended"
    UNKNOWN = "unknown"  # PostgreSQL did not answer; it is asked again


class Tally:
    """Running sums of this process, for its status record."""

    __slots__ = ("bytes", "changes", "frames")

    def __init__(self) -> None:
        self.frames = 0
        self.bytes = 0
        self.changes = 0


TALLY = Tally()

_ROOM = ("namespace", "kind", "audience")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
COMMIT_TO_WRITE = Histogram(
    "hms_commit_to_write_seconds",
    "From the commit in PostgreSQL until the frame was handed to the last socket of a room, per broadcast",
    _ROOM,
    buckets=_SECONDS,
)
CHANGES_PER_FRAME = Histogram(
    "hms_changes_per_frame",
    "Changes that left as one frame",
    buckets=(1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000),
)
CHANGES = Counter("hms_changes_delivered", "Changes handed to sockets: those of a frame times sockets", _ROOM)
FRAMES = Counter("hms_frames_sent", "Frames handed to sockets", ["event"])
BYTES = Counter("hms_frame_bytes_sent", "Bytes of what those frames carry", ["event"])
RING_MISSES = Counter("hms_ring_misses", "The ring did not reach back far enough", ["reader"])
SNAPSHOTS = Counter("hms_snapshots_sent", "Snapshots handed to sockets", ["reason"])
SUBSCRIBES = Counter("hms_subscribes", "Rooms that clients joined", ["mode"])
STATE_READS = Counter("hms_state_reads", "Full states read from PostgreSQL for the boards", ["stream_kind"])
CONFLATIONS = Counter("hms_conflations", "Clients marked as too slow for the changes of a room")
ABORTS = Counter("hms_sockets_aborted", "Connections dropped by the server", ["reason"])
HANDSHAKES = Counter("hms_handshakes", "Handshakes accepted")
REFUSALS = Counter("hms_handshakes_refused", "Handshakes refused", ["reason"])
SWEEP_SECONDS = Histogram(
    "hms_sweep_seconds", "Duration of the sweeps of the change log that succeeded", buckets=_SECONDS
)
SWEEP_FAILURES = Counter("hms_sweep_failures", "Sweeps of the change log that failed")
CAUGHT_UP = Counter("hms_streams_caught_up", "Streams whose changes a sweep found before Redis brought them")
GAP_FILLS = Counter("hms_gap_fills", "Gaps of a stream that were read from the change log")
PUBLISH_FAILURES = Counter("hms_redis_publish_failures", "Batches that could not be published to Redis")
RIGHTS_CHECKS = Counter("hms_rights_checks", "Looks at the rights of connected clients", ["outcome"])
DRAINS = Counter("hms_drains", "Times that the server told its clients to come back later")

for _counter, _vocabulary in (
    (SNAPSHOTS, Snapshot),
    (ABORTS, Abort),
    (REFUSALS, Refusal),
    (RING_MISSES, Reader),
    (RIGHTS_CHECKS, Checked),
):
    for _word in _vocabulary:
        _counter.labels(_word.value)  # at 0 from the start: a rate needs two points

_RESUMED, _JOINED = SUBSCRIBES.labels("resume"), SUBSCRIBES.labels("snapshot")
_SUBSCRIBED = SNAPSHOTS.labels(Snapshot.SUBSCRIBE.value)
_CHANGE_FRAMES, _CHANGE_BYTES = FRAMES.labels("change"), BYTES.labels("change")
_SNAPSHOT_FRAMES, _SNAPSHOT_BYTES = FRAMES.labels("snapshot"), BYTES.labels("snapshot")


@cache
def _of_room(namespace: str, kind: str, audience: str) -> tuple[Histogram, Counter]:
    return COMMIT_TO_WRITE.labels(namespace, kind, audience), CHANGES.labels(namespace, kind, audience)


def broadcast(
    namespace: str,
    kind: str,
    audience: str,
    *,
    sockets: int,
    size: int,
    changes: int,
    committed_at: datetime,
) -> None:
    """One frame of ``size`` bytes and ``changes`` changes was handed to the last of ``sockets`` sockets.

    ``committed_at`` is when PostgreSQL numbered the oldest of the changes. Its clock is taken for this
    machine's; a negative time counts as zero.
    """
    seconds, delivered = _of_room(namespace, kind, audience)
    seconds.observe(max(0.0, time.time() - committed_at.timestamp()))
    CHANGES_PER_FRAME.observe(changes)
    delivered.inc(changes * sockets)
    _CHANGE_FRAMES.inc(sockets)
    _CHANGE_BYTES.inc(size * sockets)
    TALLY.frames += sockets
    TALLY.bytes += size * sockets
    TALLY.changes += changes * sockets


def snapshot_sent(reason: Snapshot, *, sockets: int = 1, size: int = 0) -> None:
    """``sockets`` clients were given a snapshot; ``size`` 0 if it went out inside an acknowledgement."""
    SNAPSHOTS.labels(reason.value).inc(sockets)
    if size:
        _SNAPSHOT_FRAMES.inc(sockets)
        _SNAPSHOT_BYTES.inc(size * sockets)
        TALLY.frames += sockets
        TALLY.bytes += size * sockets


def subscribed(*, resumed: bool) -> None:
    """A client joined a room and was given what it missed, or else a snapshot."""
    (_RESUMED if resumed else _JOINED).inc()
    if not resumed:
        _SUBSCRIBED.inc()


def state_read(stream: str) -> None:
    """The full state of ``stream`` was read from PostgreSQL; of its name only the kind is kept."""
    STATE_READS.labels(stream.partition(":")[0]).inc()


def ring_missed(reader: Reader) -> None:
    """The ring did not reach back to what ``reader`` had."""
    RING_MISSES.labels(reader.value).inc()


def conflated() -> None:
    """A client was marked as too slow for one of its rooms."""
    CONFLATIONS.inc()


def aborted(reason: Abort) -> None:
    """A connection was dropped."""
    ABORTS.labels(reason.value).inc()


def handshaken() -> None:
    """A handshake was accepted."""
    HANDSHAKES.inc()


def refused(reason: Refusal) -> None:
    """A handshake was refused."""
    REFUSALS.labels(reason.value).inc()


def swept(seconds: float) -> None:
    """A sweep succeeded after ``seconds``."""
    SWEEP_SECONDS.observe(seconds)


def sweep_failed() -> None:
    """A sweep failed."""
    SWEEP_FAILURES.inc()


def caught_up(streams: int) -> None:
    """A sweep found ``streams`` to be behind the change log."""
    CAUGHT_UP.inc(streams)


def gap_filled() -> None:
    """A gap of a stream was read from the change log."""
    GAP_FILLS.inc()


def rights_checked(outcome: Checked) -> None:
    """Somebody's rights were looked at again."""
    RIGHTS_CHECKS.labels(outcome.value).inc()


def drained() -> None:
    """The server told its clients to come back later."""
    DRAINS.inc()


class Gauges:
    """What is alive or true at this moment, summed (or the worst of) over the processes of one machine."""

    def __init__(self) -> None:
        # Made by the process that serves, not on import: the supervisor of several must not report zeros.
        self.processes = _gauge("hms_processes", "Server processes that serve", "livesum")
        self.sockets = _gauge("hms_sockets", "Open connections", "livesum")
        self.connections = _gauge(
            "hms_connections",
            "Clients by namespace and by the audience that they are shown (none: in no room yet)",
            "livesum",
            ("namespace", "audience"),
        )
        self.rooms = _gauge("hms_rooms", "Rooms with at least one client, per audience", "livesum", _ROOM)
        self.streams = _gauge("hms_streams_followed", "Streams that are kept up to date", "livesum")
        self.slow = _gauge("hms_slow_clients", "Clients that are behind", "livesum")
        self.sweep_lag = _gauge(
            "hms_sweep_lag_seconds", "Age of the last good sweep; worst process", "livemax"
        )
        self.redis_up = _gauge("hms_redis_up", "1 while every process listens to Redis, else 0", "livemin")
        self.backlog = _gauge("hms_publisher_backlog", "Transactions waiting to be published", "livesum")
        self.loop_lag = _gauge(
            "hms_event_loop_lag_seconds",
            "Longest delay of the event loop in the last 15 s, sampled every 20 ms; worst process",
            "livemax",
        )


def _gauge(name: str, text: str, mode: str, labels: tuple[str, ...] = ()) -> Gauge:
    return Gauge(name, text, labels, multiprocess_mode=mode)  # type: ignore[arg-type]


@cache
def gauges() -> Gauges:
    """The gauges of this process, made when it begins to serve."""
    return Gauges()
