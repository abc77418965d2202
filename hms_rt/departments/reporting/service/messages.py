"""What webhooks send: ``{type, timestamp, data}``, as the Standard Webhooks specification has it."""

from datetime import datetime
from typing import Any

import orjson

from hms_rt.departments.reporting.model.account import Account
from hms_rt.departments.reporting.model.webhook import DeliveryKind, Pending, Webhook
from hms_rt.departments.reporting.schemas.feed import FeedCursor
from hms_rt.departments.reporting.service.feed import changes_of
from hms_rt.departments.reporting.service.foundation import lens_of
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.paging import encode_cursor
from hms_rt.storage.change_feed import Bounds, Placed

MOST_BYTES = 256 * 1024
"""About as large as a message gets; a version of a stream is never cut in two."""


def chosen(
    rows: list[Placed], webhook: Webhook, account: Account, known: Bounds, *, whole: bool
) -> tuple[list[dict[str, Any]], Placed | None]:
    """The changes of ``rows``, and the last row if they were too much for one message."""
    lens = lens_of(account)
    found: list[dict[str, Any]] = []
    size = 0
    for number, row in enumerate(rows):
        for change in changes_of(row, lens, known.epoch):
            if not webhook.causes or change["cause"] in webhook.causes:
                found.append(change)
                size += len(orjson.dumps(change))
        if size > MOST_BYTES and not whole and number + 1 < len(rows):
            return found, row
    return found, None


def changes(webhook: Webhook, pending: Pending, to: FeedCursor, chosen: list[dict[str, Any]]) -> bytes:
    """Changes as they are sent; ``to`` is where the feed goes on behind them."""
    told = {"changes": chosen, "cursor": encode_cursor(to)}
    return _body(webhook, DeliveryKind.CHANGES, rfc3339(pending.at), told)


def start_over(webhook: Webhook, pending: Pending) -> bytes:
    """The feed is no longer what it was."""
    told = {"reason": pending.reason, "snapshot": "/api/v1/changes/snapshot"}
    return _body(webhook, DeliveryKind.START_OVER, rfc3339(pending.at), told)


def _body(webhook: Webhook, kind: DeliveryKind, at: str, told: dict[str, Any]) -> bytes:
    return orjson.dumps(
        {"type": kind.value, "timestamp": at, "data": {"webhook_id": str(webhook.id), **told}}
    )


def ping(webhook: Webhook, now: datetime) -> bytes:
    """A message that says nothing."""
    return _body(webhook, DeliveryKind.PING, rfc3339(now), {})
