"""aiohttp's runner of the application, with a doorstep in front of it where the fast path is on."""

from typing import TYPE_CHECKING, Any

from aiohttp import web

from hms_rt.app import Hospital
from hms_rt.web.early import Early

if TYPE_CHECKING:
    from hms_rt.realtime.doorstep import Doorstep

HANDSHAKES_S = 3.0
"""What handshakes under way get at the end."""


class Runner(web.AppRunner):
    """Sites ask ``server`` who takes a new connection."""

    __slots__ = ("_doorstep", "_hospital")

    def __init__(self, hospital: Hospital, **told: Any) -> None:
        super().__init__(hospital.web, **told)
        self._hospital = hospital
        self._doorstep: Doorstep | None = None

    async def setup(self) -> None:
        """As aiohttp does."""
        await super().setup()
        behind = super().server
        if self._hospital.settings.fastpath and behind is not None:
            # Only here: what an upgrade of a library breaks must not break the way out of it.
            from hms_rt.realtime.doorstep import Doorstep

            web_of = self._hospital.web
            self._doorstep = Doorstep(web_of, self._hospital.realtime, Early(web_of), behind)

    @property
    def server(self) -> Any:
        """The maker of a new connection's protocol."""
        return self._doorstep or super().server

    def leave(self) -> None:
        """From now on aiohttp answers every handshake."""
        if self._doorstep is not None:
            self._doorstep.closed = True

    async def shutdown(self) -> None:
        """Before aiohttp's own connections are closed."""
        if self._doorstep is not None:
            await self._doorstep.close(HANDSHAKES_S)
        await super().shutdown()
