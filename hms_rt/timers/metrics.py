"""What the durable timers did, for ``/metrics``."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

LATENESS = Histogram(
    "hms_timer_lateness_seconds",
    "From the time a durable timer was set for until its effect was committed",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800),
)
FIRED = Counter("hms_timers_fired", "Durable timers that fired", ["kind"])
FAILED = Counter("hms_timer_failures", "Attempts of durable timers that failed and are repeated", ["kind"])
DEAD = Counter("hms_timers_dead", "Durable timers that failed too often and wait for somebody", ["kind"])


@cache
def _overdue() -> Gauge:
    # Made by the process that serves, not on import: the supervisor of several must not report zeros.
    return Gauge(
        "hms_timers_lag_seconds",
        "How overdue the oldest durable timer was at the last look; worst process",
        multiprocess_mode="livemax",
    )


def looked(overdue_s: float) -> None:
    """A look at the timers found the oldest to be overdue by so much."""
    _overdue().set(overdue_s)


def fired(kind: str, late_s: float) -> None:
    """A timer fired, so late."""
    FIRED.labels(kind).inc()
    LATENESS.observe(max(0.0, late_s))


def failed(kind: str) -> None:
    """An attempt failed."""
    FAILED.labels(kind).inc()


def died(kind: str) -> None:
    """A timer is given up until somebody looks at it."""
    DEAD.labels(kind).inc()
