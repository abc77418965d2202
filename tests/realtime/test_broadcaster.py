"""Broadcasts leave in slices: in order, merged while one is under way, and to nobody who left."""

import asyncio
import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.changes import Op
from hms_rt.realtime import broadcaster as slices
from hms_rt.realtime.broadcaster import STEP, Broadcaster
from hms_rt.realtime.fanout import RoomView
from hms_rt.realtime.follower import RING, Follower
from hms_rt.realtime.frames import Frame
from hms_rt.realtime.rooms import RoomKind, StreamKind, everything
from hms_rt.storage.change_log import LogEntry

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Clocks:
    """A hub as far as a view asks it."""

    epoch = uuid.uuid4()

    @staticmethod
    def as_of(follower: Follower) -> datetime:
        return AT


class Client:
    """A subscriber that notes what it is handed, and the turn of the loop in which that was."""

    turn = 0

    def __init__(self) -> None:
        self.got: list[tuple[int, dict[str, Any]]] = []
        self.dirty: set[str] = set()
        self.outlet: Client | None = None

    def send_change(self, room: str, frame: Frame) -> None:
        if room in self.dirty:
            return
        self.got.append((Client.turn, json.loads(frame.body)))

    def send_snapshot(self, room: str, frame: Frame) -> None:
        self.dirty.discard(room)
        self.got.append((Client.turn, json.loads(frame.body)))

    def fall_behind(self, view: RoomView) -> None:
        self.dirty.add(view.room)

    @property
    def spans(self) -> list[tuple[int, int]]:
        return [(body["from"], body["to"]) for _, body in self.got]


async def _nothing(connection: Any, argument: str) -> dict[str, Any]:
    return {}


KIND = RoomKind(
    "/beds",
    "ward",
    StreamKind("beds/ward", _nothing),
    lambda who, room: Audience.STAFF,
    {Audience.STAFF: everything},
)


class Room:
    """A view with clients, whose follower advances when told."""

    def __init__(self, broadcaster: Broadcaster, clients: int) -> None:
        self.broadcaster = broadcaster
        self.follower = Follower(
            "beds/ward:ICU", gap=lambda one: None, advanced=lambda one: self.view.changed()
        )
        self.follower.load(0, {}, AT)
        self.view = RoomView(Clocks(), broadcaster, KIND, "ward:ICU", Audience.STAFF, self.follower)  # type: ignore[arg-type]
        self.clients = [Client() for _ in range(clients)]
        for client in self.clients:
            self.view.subscribers.add(client)  # type: ignore[arg-type]

    def change(self, times: int = 1) -> None:
        for _ in range(times):
            version = (self.follower.version or 0) + 1
            op = {"op": Op.PUT, "key": f"bed:{version % 3}", "value": {"n": version}, "cause": "status"}
            self.follower.offer(LogEntry(self.follower.stream, version, AT, [op]))


@pytest.fixture
def one_step_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a turn is up after the first step."""
    monkeypatch.setattr(slices, "TURN_S", 0.0)
    Client.turn = 0


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)
        Client.turn += 1


async def test_changes_of_one_turn_leave_as_one_frame_at_once() -> None:
    room = Room(Broadcaster(), clients=3)
    room.change(5)
    await turns(2)
    assert all(client.spans == [(0, 5)] for client in room.clients)
    ((_, body),) = room.clients[0].got
    assert {op["key"]: op["value"]["n"] for op in body["ops"]} == {"bed:0": 3, "bed:1": 4, "bed:2": 5}


async def test_a_large_broadcast_leaves_the_loop_to_others_between_slices(one_step_a_turn: None) -> None:
    room = Room(Broadcaster(), clients=10 * STEP)
    room.change()
    others = 0
    for _ in range(30):
        await turns(1)
        others += any(not client.got for client in room.clients) and any(
            client.got for client in room.clients
        )
    assert others >= 8
    assert all(client.spans == [(0, 1)] for client in room.clients)


async def test_what_arrives_meanwhile_leaves_as_one_frame_afterwards_and_in_order(
    one_step_a_turn: None,
) -> None:
    room = Room(Broadcaster(), clients=6 * STEP)
    room.change()
    for _ in range(4):
        await turns(1)
        room.change()
    await turns(40)
    for client in room.clients:
        assert client.spans[0] == (0, 1)
        assert len(client.spans) <= 3
        assert client.spans[-1][1] == 5
        assert all(left[1] == right[0] for left, right in zip(client.spans, client.spans[1:], strict=False))


async def test_the_head_is_told_only_when_everybody_has_the_frame(one_step_a_turn: None) -> None:
    """A heartbeat must not name a version that is still on its way to somebody."""
    room = Room(Broadcaster(), clients=4 * STEP)
    room.change()
    seen = set()
    for _ in range(12):
        await turns(1)
        everybody = all(client.got for client in room.clients)
        assert room.view.head == 0 or everybody
        seen.add(everybody)
    assert room.view.head == 1
    assert seen == {False, True}


async def test_who_leaves_between_two_slices_gets_nothing_of_the_rest(one_step_a_turn: None) -> None:
    room = Room(Broadcaster(), clients=4 * STEP)
    room.change()
    await turns(2)
    late = [client for client in room.clients if not client.got]
    assert late
    room.view.subscribers.discard(late[0])  # type: ignore[arg-type]
    await turns(20)
    assert late[0].got == []
    assert all(client.spans == [(0, 1)] for client in room.clients if client is not late[0])


class ShortWay:
    """A transport's short way: it takes everything but what goes to clients that are ``busy``."""

    def __init__(self, room: "Room") -> None:
        self.got: list[Any] = []
        self.busy: set[Any] = set()
        room.broadcaster.spread = self
        for client in room.clients:
            client.outlet = client

    def __call__(self, outlets: Sequence[Any], octets: bytes) -> list[int]:
        self.got += [client for client in outlets if client not in self.busy]
        return [place for place, client in enumerate(outlets) if client in self.busy]


async def test_changes_take_the_short_way_where_nothing_waits() -> None:
    room = Room(Broadcaster(), clients=3 * STEP + 5)
    short = ShortWay(room)
    short.busy = set(room.clients[::7])
    room.change()
    await turns(4)
    assert short.got == [client for client in room.clients if client not in short.busy]
    assert all(client.spans == [(0, 1)] for client in short.busy)


async def test_who_waits_for_a_snapshot_gets_no_change_by_the_short_way() -> None:
    room = Room(Broadcaster(), clients=STEP + 3)
    short = ShortWay(room)
    behind = room.clients[1]
    room.view.subscribers.behind.add(behind)  # type: ignore[arg-type]
    behind.dirty.add("ward:ICU")
    room.change()
    await turns(4)
    assert short.got == []
    assert all(client.spans == [(0, 1)] for client in room.clients if client is not behind)
    assert behind.got == []


async def test_who_leaves_gets_nothing_of_the_rest_by_the_short_way(one_step_a_turn: None) -> None:
    room = Room(Broadcaster(), clients=4 * STEP)
    short = ShortWay(room)
    room.change()
    await turns(2)
    gone = room.clients[-1]
    assert gone not in short.got
    assert short.got
    room.view.subscribers.discard(gone)  # type: ignore[arg-type]
    await turns(20)
    assert gone not in short.got
    assert gone.got == []
    for client in room.clients[:-1]:
        assert short.got.count(client) + len(client.got) == 1


async def test_if_the_short_way_fails_everybody_gets_the_frame_by_the_long_one() -> None:
    """Twice is harmless, never is not: a client ignores what it has."""
    room = Room(Broadcaster(), clients=2 * STEP)

    def fail(outlets: Sequence[Any], octets: bytes) -> list[int]:
        raise ZeroDivisionError("a mistake of ours")

    room.broadcaster.spread = fail
    room.change()
    await turns(6)
    assert all(client.spans == [(0, 1)] for client in room.clients)


async def test_two_rooms_take_turns(one_step_a_turn: None) -> None:
    broadcaster = Broadcaster()
    large, small = Room(broadcaster, clients=20 * STEP), Room(broadcaster, clients=2)
    large.change()
    await turns(2)
    small.change()
    await turns(4)
    assert all(client.spans == [(0, 1)] for client in small.clients)
    assert not all(client.got for client in large.clients)
    await turns(40)
    assert all(client.spans == [(0, 1)] for client in large.clients)


async def test_a_snapshot_replaces_the_broadcast_under_way(one_step_a_turn: None) -> None:
    room = Room(Broadcaster(), clients=4 * STEP)
    room.change()
    await turns(2)
    room.change()
    room.view.replace()
    await turns(20)
    for client in room.clients:
        assert client.got[-1][1]["version"] == 2
        assert len(client.got) <= 2


async def test_a_room_that_fails_stops_no_other(
    one_step_a_turn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcaster = Broadcaster()
    broken, sound = Room(broadcaster, clients=2), Room(broadcaster, clients=2)

    def fail() -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(broken.view, "begin", fail)
    broken.change()
    sound.change()
    await turns(6)
    assert all(client.spans == [(0, 1)] for client in sound.clients)
    sound.change()
    await turns(6)
    assert all(client.spans == [(0, 1), (1, 2)] for client in sound.clients)


async def test_a_client_that_fails_costs_no_other_its_frame(one_step_a_turn: None) -> None:
    room = Room(Broadcaster(), clients=2 * STEP)

    def fail(room: str, frame: Frame) -> None:
        raise ZeroDivisionError("a mistake of ours")

    for broken in room.clients[::5]:
        broken.send_change = fail  # type: ignore[method-assign]
    sound = [client for number, client in enumerate(room.clients) if number % 5]
    room.change()
    await turns(30)
    assert all(client.spans == [(0, 1)] for client in sound)


async def test_a_room_that_fails_when_it_is_done_stops_no_other(
    one_step_a_turn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcaster = Broadcaster()
    broken, sound = Room(broadcaster, clients=2 * STEP), Room(broadcaster, clients=6 * STEP)

    def fail(handed: int) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(broken.view, "done", fail)
    broken.change()
    sound.change()
    await turns(30)
    assert all(client.spans == [(0, 1)] for client in sound.clients)


def noting_when(begin: Callable[[], None], began: list[int]) -> Callable[[], None]:
    def noted() -> None:
        began.append(Client.turn)
        begin()

    return noted


async def test_many_rooms_that_changed_at_once_begin_over_several_turns(
    one_step_a_turn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcaster = Broadcaster()
    began: list[int] = []
    rooms = [Room(broadcaster, clients=1) for _ in range(20)]
    for room in rooms:
        monkeypatch.setattr(room.view, "begin", noting_when(room.view.begin, began))
        room.change()
    await turns(40)
    assert all(room.clients[0].spans == [(0, 1)] for room in rooms)
    assert len(set(began)) == 20


async def test_silent_changes_are_looked_at_once_and_the_next_frame_joins_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More of them than the ring holds: nobody needs a snapshot for what he may not see anyway."""
    looked_at: list[str] = []
    hidden = True

    def view(key: str, value: Any) -> Any:
        looked_at.append(key)
        return None if hidden else value

    room = Room(Broadcaster(), clients=1)
    monkeypatch.setattr(room.view, "_project", view)
    for _ in range(RING + 100):
        room.change()
        await turns(2)
    assert room.clients[0].got == []
    assert len(looked_at) == RING + 100
    hidden = False
    room.change()
    await turns(4)
    assert room.clients[0].spans == [(0, RING + 101)]
    assert room.view.head == RING + 101


async def test_while_the_state_is_loaded_anew_nobody_gets_an_empty_snapshot() -> None:
    """A new epoch forgets the state first; a client that drains just then must not see an empty ward."""
    room = Room(Broadcaster(), clients=2)
    room.follower.forget()
    waiting = room.clients[0]
    room.view.catch_up(waiting)  # type: ignore[arg-type]
    room.view.replace()
    await turns(4)
    assert [client.got for client in room.clients] == [[], []]
    assert waiting.dirty == {"ward:ICU"}
    room.follower.load(3, {"bed:1": {"n": 1}}, AT)
    room.view.replace()
    await turns(4)
    for client in room.clients:
        ((_, body),) = client.got
        assert (body["version"], body["state"]) == (3, {"bed:1": {"n": 1}})
