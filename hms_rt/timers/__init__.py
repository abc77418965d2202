"""Work that time starts: periodic jobs of every process, and durable timers that fire once in one of them."""

from hms_rt.timers.durable import Callback, DurableTimers
from hms_rt.timers.periodic import Timers

__all__ = ["Callback", "DurableTimers", "Timers"]
