"""How long a token will wait, estimated from the clinic's own last services."""

import math
from dataclasses import dataclass

Z90 = 1.2816
"""90th percentile of the standard normal distribution."""

SERVICE_WINDOW = 50
"""The estimate follows the clinic's last so many services, so that it moves with the day."""

MIN_SERVICES = 5
"""With fewer services than this nothing is promised."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a clinic serves: of its last services, count, mean and standard deviation in seconds; how
    many counters are open, and how many of them have a patient now."""

    services: int
    mean_s: float
    deviation_s: float
    counters: int
    busy: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Half of all patients wait at most ``p50_s``, nine in ten at most ``p90_s`` (seconds)."""

    p50_s: int
    p90_s: int


def estimate(ahead: int, pace: Pace) -> Wait | None:
    """The wait with ``ahead`` tokens to be called before; None while there is nothing to judge by.

    With ``c`` counters open and ``i`` of them idle, a token is called when ``n = ahead + 1 - i`` services
    have ended, counters ending them at ``c`` times the pace of one. The sum of ``n`` independent services
    of mean m and deviation s is about normal (central limit theorem), so over ``c`` counters the wait has
    mean ``n m / c`` and deviation ``sqrt(n) s / c``; the median is the mean, and nine in ten lie below
    ``mean + 1.2816 deviation``. For exponential services this is the prediction from the number ahead of
    W. Whitt, "Predicting queueing delays", Management Science 45 (1999) 870-888.
    """
    if pace.counters < 1 or pace.services < MIN_SERVICES:
        return None
    idle = max(0, pace.counters - pace.busy)
    services = max(0, ahead + 1 - idle)
    mean = services * pace.mean_s / pace.counters
    deviation = math.sqrt(services) * pace.deviation_s / pace.counters
    return Wait(p50_s=round(mean), p90_s=round(mean + Z90 * deviation))
