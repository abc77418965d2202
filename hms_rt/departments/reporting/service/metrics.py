"""How webhooks fare, and what is refused, for ``/metrics``."""

from functools import cache

from prometheus_client import Counter, Gauge

from hms_rt.departments.reporting.model.refusal import Refusal

DELIVERIES = Counter("hms_webhook_deliveries", "Attempts of webhooks, by what came of them", ["outcome"])
DEAD = Counter("hms_webhooks_dead", "Webhooks that stand at what they could not deliver")

REFUSED = Counter("hms_service_refusals", "What external servers were refused, by the reason", ["reason"])


@cache
def _lag() -> Gauge:
    # Made by the process that serves, not on import: the supervisor of several must not report zeros.
    return Gauge(
        "hms_webhook_lag_seconds",
        "How long the oldest undelivered message of any webhook has waited",
        multiprocess_mode="livemax",
    )


def attempted(*, delivered: bool) -> None:
    """A message was taken, or not."""
    DELIVERIES.labels("delivered" if delivered else "failed").inc()


def refused(why: Refusal) -> None:
    """An external server got nothing."""
    REFUSED.labels(why.value).inc()


def died() -> None:
    """A webhook waits for somebody."""
    DEAD.inc()


def lagging(seconds: float) -> None:
    """The oldest message that waits has waited so long."""
    _lag().set(seconds)
