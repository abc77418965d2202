"""What rooms there are: each shows one stream, to each audience through its own allow-list."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.errors import Code, HmsError, forbidden
from hms_rt.kernel.principal import Principal, PrincipalKind

State = Mapping[str, Mapping[str, Any]]
View = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]
"""From key and full value to what an audience sees; None hides the entity."""


@dataclass(frozen=True)
class StreamKind:
    """A family of streams, named ``<kind>:<argument>`` (or ``<kind>`` where there is only one).

    ``read`` gives the full state of one from a snapshot connection, or None if there is no such thing;
    its values must equal the values of the changes that lead there.
    """

    name: str
    read: Callable[[AsyncConnection, str], Awaitable[State | None]]

    def stream(self, argument: str) -> str:
        """The stream's name."""
        return f"{self.name}:{argument}" if argument else self.name


def _itself(principal: Principal, argument: str) -> str:
    return argument


@dataclass(frozen=True)
class RoomKind:
    """A family of rooms in one namespace: ``<name>:<argument>``, or ``<name>`` alone.

    ``audience`` authorises: it says which view this principal gets of this room, or raises ``forbidden``.
    ``argument_of`` maps the room's argument to the stream's (``me`` shows the principal's own stream).
    Raise ``revision`` whenever a view changes, so that clients and caches start anew.
    """

    namespace: str
    name: str
    streams: StreamKind
    audience: Callable[[Principal, str], Audience]
    views: Mapping[Audience, View]
    takes_argument: bool = True
    argument_of: Callable[[Principal, str], str] = field(default=_itself)
    revision: int = 1
    hides: bool = False
    """Set where a view returns None for some entities, so that one which becomes hidden is removed."""
    learn: Callable[[str], Awaitable[None]] | None = None
    """Awaited with the room's argument before ``audience`` is asked on a subscribe: what it must know of the
    room and nothing ever changes, such as the ward of a cupboard."""


class Rooms:
    """Every room kind of the server, by namespace and name."""

    def __init__(self, kinds: list[RoomKind]) -> None:
        self.kinds = {(kind.namespace, kind.name): kind for kind in kinds}

    def find(self, namespace: str, room: str) -> tuple[RoomKind, str]:
        """The kind and argument of ``room``; raises ``unknown_room``."""
        name, colon, argument = room.partition(":")
        kind = self.kinds.get((namespace, name))
        if kind is None or kind.takes_argument != bool(colon and argument) or len(argument) > 40:
            raise unknown_room()
        return kind, argument


def unknown_room() -> HmsError:
    """The room does not exist in this namespace."""
    return HmsError(Code.UNKNOWN_ROOM, "there is no such room in this namespace")


def authorise(kind: RoomKind, principal: Principal, room: str, argument: str) -> Audience:
    """Which audience ``principal`` is in ``room``; devices see only what they are bound to."""
    if principal.kind is PrincipalKind.DEVICE:
        if f"{kind.namespace} {room}" not in principal.rooms or Audience.DISPLAY not in kind.views:
            raise forbidden("this screen is not bound to this room")
        return Audience.DISPLAY
    return kind.audience(principal, argument)


def allow(*fields: str) -> View:
    """A view that shows exactly these fields of every entity."""

    def view(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: value[name] for name in fields if name in value}

    return view


def everything(key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The view of an audience that may see the whole value."""
    return value
