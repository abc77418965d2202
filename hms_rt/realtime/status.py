"""What a process tells about itself, and what the processes of an installation say together.

No patient data: rooms are named by the codes of wards and clinics, a person's own room is only counted, and
a slow client is an address and a kind of principal.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from heapq import nlargest

from pydantic import ConfigDict, ValidationError

from hms_rt.departments.reporting.schemas.standing import ReaderStatus
from hms_rt.kernel.principal import PrincipalKind
from hms_rt.kernel.schema import Moment, Schema

MOST_ROOMS = 50
MOST_SLOW = 20


class _Told(Schema):
    """What a process of another version may tell differently: what is unknown here is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ConnectionCount(_Told):
    """How many clients of a namespace are shown this audience's view."""

    namespace: str
    audience: str
    """``none`` for clients that are in no room yet."""
    clients: int


class RoomStatus(_Told):
    """One room as one audience sees it."""

    namespace: str
    room: str
    """Kind and code of the place, such as ``ward:ICU``; ``me`` stands for everybody's own room together."""
    audience: str
    sockets: int
    version: int | None = None
    """The last version that was sent; none where several streams are counted together."""
    behind: int = 0
    """Versions between the processes that are furthest ahead and furthest behind."""


class SlowClient(_Told):
    """A client that does not take what it is sent as fast as it comes."""

    namespace: str
    address: str
    kind: PrincipalKind
    behind_bytes: int
    """What waits for it in this server."""
    dirty_rooms: int
    """Rooms whose changes it is not sent any more until it has drained; then it gets a snapshot."""
    stuck_s: float
    """Since it last took anything."""


class ProcessStatus(_Told):
    """One server process, at one moment. The lists are cut off; the totals beside them are not."""

    id: str
    """Made anew whenever a process starts."""
    host: str
    pid: int
    worker: int | None = None
    """Its number among the processes of one ``serve --workers``."""
    version: str
    started_at: Moment
    at: Moment
    draining: bool
    redis: bool
    """Whether it listens to Redis."""
    sweep_lag_s: float
    """Age of the last good look at the change log; above 2 s there are no heartbeats."""
    loop_lag_ms: float
    """Longest delay of the event loop in the last 15 s."""
    publisher_backlog: int
    memory_mib: float
    sockets: int
    connections: Sequence[ConnectionCount]
    streams: int
    rooms_total: int
    rooms: Sequence[RoomStatus]
    """The fullest ones."""
    slow_total: int
    slow: Sequence[SlowClient]
    """Those furthest behind."""
    frames_per_s: float
    changes_per_s: float
    bytes_per_s: float
    readers: Sequence[ReaderStatus] = ()
    """External servers, as this process saw them within the last ten seconds."""


class InstallationStatus(_Told):
    """All processes of the installation that have reported within the last seconds."""

    redis: bool
    """False if Redis did not answer: then only the process that was asked is listed."""
    processes: Sequence[ProcessStatus]
    sockets: int
    connections: Sequence[ConnectionCount]
    rooms: Sequence[RoomStatus]
    slow: Sequence[SlowClient]
    readers: Sequence[ReaderStatus] = ()
    """Service accounts that read the feed, and webhooks: how far each has got."""


def read(notes: Iterable[bytes]) -> list[ProcessStatus]:
    """The notes that processes left; one that cannot be read (another version's) is passed over."""
    found = []
    for note in notes:
        with suppress(ValidationError):
            found.append(ProcessStatus.model_validate_json(note))
    return found


def together(processes: Iterable[ProcessStatus], *, redis: bool) -> InstallationStatus:
    """What the processes say, summed."""
    listed = sorted(processes, key=lambda one: (one.host, one.worker or 0, one.pid, one.id))
    return InstallationStatus(
        redis=redis,
        processes=listed,
        sockets=sum(one.sockets for one in listed),
        connections=_connections(listed),
        rooms=fullest(_rooms(listed)),
        slow=slowest(slow for one in listed for slow in one.slow),
        readers=_newest(listed),
    )


def _newest(processes: Sequence[ProcessStatus]) -> Sequence[ReaderStatus]:
    """What the process says that looked last; every process sees the same ones."""
    looked = [one for one in processes if one.readers]
    return max(looked, key=lambda one: one.at).readers if looked else ()


def fullest(rooms: Iterable[RoomStatus]) -> list[RoomStatus]:
    """The rooms with the most sockets, at most ``MOST_ROOMS``."""
    return nlargest(MOST_ROOMS, rooms, key=lambda room: room.sockets)


def slowest(clients: Iterable[SlowClient]) -> list[SlowClient]:
    """The clients that are furthest behind, at most ``MOST_SLOW``."""
    return nlargest(MOST_SLOW, clients, key=lambda client: (client.behind_bytes, client.stuck_s))


def _connections(processes: Sequence[ProcessStatus]) -> list[ConnectionCount]:
    found: dict[tuple[str, str], int] = {}
    for process in processes:
        for one in process.connections:
            key = (one.namespace, one.audience)
            found[key] = found.get(key, 0) + one.clients
    return [
        ConnectionCount(namespace=namespace, audience=audience, clients=clients)
        for (namespace, audience), clients in sorted(found.items())
    ]


def _rooms(processes: Sequence[ProcessStatus]) -> list[RoomStatus]:
    found: dict[tuple[str, str, str], list[RoomStatus]] = {}
    for process in processes:
        for room in process.rooms:
            found.setdefault((room.namespace, room.room, room.audience), []).append(room)
    return [_merged(rooms) for rooms in found.values()]


def _merged(rooms: Sequence[RoomStatus]) -> RoomStatus:
    versions = [room.version for room in rooms if room.version is not None]
    return RoomStatus(
        namespace=rooms[0].namespace,
        room=rooms[0].room,
        audience=rooms[0].audience,
        sockets=sum(room.sockets for room in rooms),
        version=max(versions, default=None),
        behind=max(versions, default=0) - min(versions, default=0),
    )
