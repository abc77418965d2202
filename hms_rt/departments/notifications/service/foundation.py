"""What every part of the notifications service works with."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.notifications.model.notification import Batch, Kind
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork


class Foundation:
    """The collaborators of the service; ``zone`` is that of the clocks on the hospital's walls,
    ``language`` what those are told in who asked for none, ``gap_days`` how far ahead gaps are looked for."""

    def __init__(
        self, units: UnitsOfWork, identity: IdentityService, zone: ZoneInfo, language: str, gap_days: int
    ) -> None:
        self._units = units
        self._identity = identity
        self._zone = zone
        self._language = language
        self._gap_days = timedelta(days=gap_days)
        self._hooks: dict[Kind, Callable[[UnitOfWork, Batch], Awaitable[None]]] = {}


def connection_of(asker: AsyncConnection | UnitOfWork) -> AsyncConnection:
    """The connection of whoever asks, inside a transaction of theirs."""
    return asker.connection if isinstance(asker, UnitOfWork) else asker
