"""How somebody wants to be told: which kinds, and at which hours. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hms_rt.departments.notifications.model.notification import Kind, Priority


@dataclass(frozen=True, slots=True)
class Preferences:
    """What is ``muted`` waits in the list, unshown; what comes in quiet hours is shown when they end."""

    muted: frozenset[Kind] = frozenset()
    quiet_from: time | None = None
    quiet_until: time | None = None
    language: str | None = None

    def shows(self, kind: Kind, priority: Priority) -> bool:
        """Whether it comes to the room at all. What is critical always does."""
        return priority is Priority.CRITICAL or kind not in self.muted

    def held_until(self, now: datetime, priority: Priority, zone: ZoneInfo) -> datetime | None:
        """When the quiet hours end in which ``now`` lies; None outside of them, and for what is critical.

        Quiet hours are by the hospital's clocks and may last over midnight.
        """
        if priority is Priority.CRITICAL or self.quiet_from is None or self.quiet_until is None:
            return None
        local = now.astimezone(zone)
        clock = local.time().replace(tzinfo=None)
        if self.quiet_from < self.quiet_until:
            if not self.quiet_from <= clock < self.quiet_until:
                return None
            day = local.date()
        elif clock >= self.quiet_from:
            day = local.date() + timedelta(days=1)
        elif clock < self.quiet_until:
            day = local.date()
        else:
            return None
        return datetime.combine(day, self.quiet_until, zone).astimezone(UTC)


EVERYTHING = Preferences()
"""Of somebody who never said anything."""
