"""Without PostgreSQL nobody knows who may see patients: after 30 seconds their data stops."""

import structlog

from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.errors import Code
from hms_rt.realtime.fanout import Views
from hms_rt.realtime.hub import Hub
from hms_rt.realtime.subscriptions import revoke

log = structlog.get_logger(__name__)

BLIND_S = 30.0
"""Age of the last sweep from which on no right is known any more."""


class Blackout:
    """Takes the rooms of every audience but ``display`` while the last sweep is too old.

    Nothing feeds them any more then, Redis neither. They are revoked as ``unavailable``: clients show what
    they have as stale, and ask again until PostgreSQL is back. Boards of the display audience, which hold
    nothing of patients, stay; they hear no heartbeat and say that they are stale.
    """

    def __init__(self, hub: Hub, views: Views) -> None:
        self._hub = hub
        self._views = views
        self._dark = False

    def check(self) -> None:
        """Take what must not be shown any more; called several times a second."""
        dark = self._hub.sweep_age() > BLIND_S
        taken = self._take() if dark else 0
        if dark != self._dark:
            log.warning("blackout.began" if dark else "blackout.ended", rooms_taken=taken)
        self._dark = dark

    def _take(self) -> int:
        taken = 0
        for view in self._views.all():
            if view.audience is not Audience.DISPLAY:
                for subscriber in list(view.subscribers):
                    revoke(subscriber, view.room, Code.UNAVAILABLE)
                    taken += 1
        return taken
