"""The hours in which one person may be alone in the laboratory."""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Night:
    """From ``start`` to before ``end``, by the hospital's clocks; it may span midnight."""

    start: time = time(20, 0)
    end: time = time(7, 0)

    def covers(self, moment: datetime, zone: ZoneInfo) -> bool:
        """True if ``moment`` lies in the night in ``zone``."""
        local = moment.astimezone(zone).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end
