"""Webhooks, and deliveries that failed for good."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row, RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.reporting.model.webhook import DeliveryKind, Pending, Webhook, WebhookState
from hms_rt.departments.reporting.tables import account as accounts
from hms_rt.departments.reporting.tables import dead_letter as letters
from hms_rt.departments.reporting.tables import webhook as webhooks
from hms_rt.storage.metadata import audit_log as trail

_ALONE = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('webhook ' || :id, 0))")
_COLUMNS = [column.name for column in webhooks.columns]


def _pending(told: Mapping[str, Any] | None) -> Pending | None:
    if told is None:
        return None
    return Pending(
        id=uuid.UUID(told["id"]),
        kind=DeliveryKind(told["kind"]),
        to=told["to"],
        at=datetime.fromisoformat(told["at"]),
        reason=told["reason"],
    )


def _webhook(row: RowMapping) -> Webhook:
    fields = {name: row[name] for name in _COLUMNS}
    return Webhook(
        **{
            **fields,
            "streams": tuple(row["streams"]),
            "causes": tuple(row["causes"]),
            "state": WebhookState(row["state"]),
            "pending": _pending(row["pending"]),
        }
    )


def _stored(webhook: Webhook) -> dict[str, Any]:
    pending = webhook.pending
    told = None
    if pending is not None:
        told = {**asdict(pending), "id": str(pending.id), "at": pending.at.isoformat()}
    return {
        **asdict(webhook),
        "streams": list(webhook.streams),
        "causes": list(webhook.causes),
        "state": webhook.state.value,
        "pending": told,
    }


async def add(connection: AsyncConnection, webhook: Webhook) -> None:
    """Insert a webhook."""
    await connection.execute(sa.insert(webhooks).values(**_stored(webhook)))


async def save(connection: AsyncConnection, webhook: Webhook) -> None:
    """Store a locked webhook."""
    await connection.execute(
        sa.update(webhooks).where(webhooks.c.id == webhook.id).values(**_stored(webhook))
    )


async def by_id(
    connection: AsyncConnection, webhook_id: uuid.UUID, *, locked: bool = False
) -> Webhook | None:
    """One webhook, as last committed or locked until the end of the transaction."""
    query = sa.select(webhooks).where(webhooks.c.id == webhook_id)
    found = await connection.execute(query.with_for_update() if locked else query)
    row = found.mappings().one_or_none()
    return _webhook(row) if row is not None else None


async def due(connection: AsyncConnection, now: datetime, most: int) -> list[uuid.UUID]:
    """Those to look at: active ones whose time has come, and those to be pinged; of accounts that work."""
    query = (
        sa.select(webhooks.c.id)
        .join(accounts, accounts.c.id == webhooks.c.account_id)
        .where(
            sa.or_(
                sa.and_(webhooks.c.state == WebhookState.ACTIVE.value, webhooks.c.next_at <= now),
                sa.and_(webhooks.c.state != WebhookState.REMOVED.value, webhooks.c.ping_id.is_not(None)),
            ),
            accounts.c.revoked_at.is_(None),
            accounts.c.expires_at > now,
        )
        .order_by(webhooks.c.next_at)
        .limit(most)
    )
    return list((await connection.execute(query)).scalars())


async def alone(connection: AsyncConnection, webhook_id: uuid.UUID) -> bool:
    """True if nobody else delivers this webhook until ``connection``'s transaction ends, however it ends."""
    return bool((await connection.execute(_ALONE, {"id": str(webhook_id)})).scalar_one())


async def page(
    connection: AsyncConnection, *, account_id: uuid.UUID | None, after: uuid.UUID | None, limit: int
) -> list[Webhook]:
    """At most ``limit`` webhooks after this id, oldest first, without those that were removed."""
    query = sa.select(webhooks).where(webhooks.c.state != WebhookState.REMOVED.value)
    query = query.order_by(webhooks.c.id).limit(limit)
    if account_id is not None:
        query = query.where(webhooks.c.account_id == account_id)
    if after is not None:
        query = query.where(webhooks.c.id > after)
    return [_webhook(row) for row in (await connection.execute(query)).mappings()]


async def standing(connection: AsyncConnection) -> list[Webhook]:
    """All that have a place in the feed: active, paused and dead ones of accounts that were not revoked."""
    query = (
        sa.select(webhooks)
        .join(accounts, accounts.c.id == webhooks.c.account_id)
        .where(webhooks.c.state != WebhookState.REMOVED.value, accounts.c.revoked_at.is_(None))
        .order_by(webhooks.c.id)
    )
    return [_webhook(row) for row in (await connection.execute(query)).mappings()]


async def told_of(connection: AsyncConnection, month: str, webhook_id: str) -> bool:
    """True if it stands in the audit trail that this webhook keeps this month of the change log."""
    query = sa.select(sa.literal(1)).where(
        trail.c.action == "change_log.keep",
        trail.c.entity_id == month,
        trail.c.detail["webhook"].astext == webhook_id,
    )
    return (await connection.execute(query.limit(1))).first() is not None


async def count_of(connection: AsyncConnection, account_id: uuid.UUID) -> int:
    """How many webhooks an account has."""
    query = sa.select(sa.func.count()).where(
        webhooks.c.account_id == account_id, webhooks.c.state != WebhookState.REMOVED.value
    )
    return int((await connection.execute(query)).scalar_one())


async def oldest_pending(connection: AsyncConnection) -> datetime | None:
    """Since when the delivery waits that waits longest."""
    at = sa.func.min(sa.cast(webhooks.c.pending["at"].astext, sa.DateTime(timezone=True)))
    query = sa.select(at).where(webhooks.c.state.in_([WebhookState.ACTIVE.value, WebhookState.DEAD.value]))
    found: datetime | None = (await connection.execute(query)).scalar_one()
    return found


# --- dead letters


async def bury(connection: AsyncConnection, **fields: Any) -> None:
    """Note a delivery that failed for good."""
    await connection.execute(sa.insert(letters).values(**fields))


async def letter(connection: AsyncConnection, letter_id: uuid.UUID) -> Row[Any] | None:
    """One dead letter, locked until the end of the transaction."""
    query = sa.select(letters).where(letters.c.id == letter_id).with_for_update()
    return (await connection.execute(query)).one_or_none()


async def settle(connection: AsyncConnection, letter_id: uuid.UUID, **fields: Any) -> Row[Any]:
    """Note what became of a dead letter."""
    query = sa.update(letters).where(letters.c.id == letter_id).values(**fields).returning(letters)
    settled: Row[Any] = (await connection.execute(query)).one()
    return settled


async def letters_page(
    connection: AsyncConnection, *, open_only: bool, before: uuid.UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """At most ``limit`` dead letters, newest first."""
    query = sa.select(letters).order_by(letters.c.id.desc()).limit(limit)
    if open_only:
        query = query.where(letters.c.outcome.is_(None))
    if before is not None:
        query = query.where(letters.c.id < before)
    return (await connection.execute(query)).all()


async def settle_of(connection: AsyncConnection, webhook_id: uuid.UUID, **fields: Any) -> None:
    """Note what became of the open dead letter of a webhook, if it has one."""
    query = sa.update(letters).where(letters.c.webhook_id == webhook_id, letters.c.outcome.is_(None))
    await connection.execute(query.values(**fields))
