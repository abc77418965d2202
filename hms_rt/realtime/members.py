"""The sockets of one view, in lists that a broadcast walks through."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hms_rt.realtime.outlet import Outlet
    from hms_rt.realtime.subscriber import Subscriber


class Members:
    """Clients in the order they joined.

    ``behind`` are those that wait for a snapshot of the view, and get no change before it. ``departures``
    counts who left, so that a broadcast under way notices.
    """

    __slots__ = ("_lists", "_subscribers", "behind", "departures")

    def __init__(self) -> None:
        self._subscribers: dict[Subscriber, None] = {}
        self._lists: tuple[list[Subscriber], list[Outlet]] | None = None
        self.behind: set[Subscriber] = set()
        self.departures = 0

    def __len__(self) -> int:
        return len(self._subscribers)

    def __iter__(self) -> Iterator["Subscriber"]:
        return iter(self._subscribers)

    def __contains__(self, subscriber: object) -> bool:
        return subscriber in self._subscribers

    def add(self, subscriber: "Subscriber") -> None:
        """From now on it is sent the view's changes."""
        if subscriber not in self._subscribers:
            self._subscribers[subscriber] = None
            self._lists = None

    def discard(self, subscriber: "Subscriber") -> None:
        """From now on it is sent nothing, not even the rest of a broadcast under way."""
        if subscriber in self._subscribers:
            del self._subscribers[subscriber]
            self.behind.discard(subscriber)
            self.departures += 1
            self._lists = None

    def lists(self) -> "tuple[Sequence[Subscriber], Sequence[Outlet]]":
        """The clients, and at the same places their ways out; later changes do not show in them.

        Made anew only after somebody came or left; a broadcast that looks at the ways out alone touches fewer
        objects per socket.
        """
        if self._lists is None:
            clients = list(self._subscribers)
            self._lists = clients, [client.outlet for client in clients]
        return self._lists
