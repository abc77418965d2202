"""Service accounts and their secrets."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.reporting.model.account import Account, Secret
from hms_rt.departments.reporting.tables import account as accounts
from hms_rt.departments.reporting.tables import secret as secrets

_COLUMNS = [column.name for column in accounts.columns]


def _account(row: RowMapping) -> Account:
    fields = {name: row[name] for name in _COLUMNS}
    return Account(**{**fields, "scopes": tuple(row["scopes"]), "networks": tuple(row["networks"])})


def _stored(account: Account) -> dict[str, Any]:
    return {**asdict(account), "scopes": list(account.scopes), "networks": list(account.networks)}


async def add(connection: AsyncConnection, account: Account) -> None:
    """Insert an account; a taken name violates ``reporting_account_name_key``."""
    await connection.execute(sa.insert(accounts).values(**_stored(account)))


async def save(connection: AsyncConnection, account: Account) -> None:
    """Store a locked account; a taken name violates ``reporting_account_name_key``."""
    await connection.execute(
        sa.update(accounts).where(accounts.c.id == account.id).values(**_stored(account))
    )


async def by_id(
    connection: AsyncConnection, account_id: uuid.UUID, *, locked: bool = False
) -> Account | None:
    """One account, as last committed or locked until the end of the transaction."""
    query = sa.select(accounts).where(accounts.c.id == account_id)
    found = await connection.execute(query.with_for_update() if locked else query)
    row = found.mappings().one_or_none()
    return _account(row) if row is not None else None


async def by_digest(connection: AsyncConnection, digest: bytes) -> tuple[Account, Secret] | None:
    """Whose secret this is, or was: also of revoked ones."""
    named = [column.label(f"secret_{column.name}") for column in secrets.columns]
    query = (
        sa.select(accounts, *named)
        .join(secrets, secrets.c.account_id == accounts.c.id)
        .where(secrets.c.digest == digest)
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    return _account(row), Secret(**{column.name: row[f"secret_{column.name}"] for column in secrets.columns})


async def works(
    connection: AsyncConnection, account_id: uuid.UUID, secret_id: uuid.UUID, now: datetime
) -> Account | None:
    """The account, if it and this secret of it still work."""
    query = (
        sa.select(accounts)
        .join(secrets, secrets.c.account_id == accounts.c.id)
        .where(
            accounts.c.id == account_id,
            secrets.c.id == secret_id,
            secrets.c.revoked_at.is_(None),
            accounts.c.revoked_at.is_(None),
            accounts.c.expires_at > now,
        )
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    return _account(row) if row is not None else None


async def used(connection: AsyncConnection, account_id: uuid.UUID, now: datetime, address: str) -> None:
    """Note when and from where it was used last."""
    await connection.execute(
        sa.update(accounts)
        .where(accounts.c.id == account_id, accounts.c.revoked_at.is_(None))
        .values(last_used_at=now, last_used_from=address)
    )


async def read(
    connection: AsyncConnection, account_id: uuid.UUID, now: datetime, to: Mapping[str, Any]
) -> None:
    """Note how far it has got changes."""
    await connection.execute(
        sa.update(accounts)
        .where(accounts.c.id == account_id, accounts.c.revoked_at.is_(None))
        .values(last_read_at=now, read_to=dict(to))
    )


async def working(connection: AsyncConnection, *, limit: int) -> list[Account]:
    """At most ``limit`` accounts that were not revoked, oldest first."""
    query = sa.select(accounts).where(accounts.c.revoked_at.is_(None)).order_by(accounts.c.id)
    return [_account(row) for row in (await connection.execute(query.limit(limit))).mappings()]


async def page(connection: AsyncConnection, *, after: uuid.UUID | None, limit: int) -> list[Account]:
    """At most ``limit`` accounts after this id, oldest first."""
    query = sa.select(accounts).order_by(accounts.c.id).limit(limit)
    if after is not None:
        query = query.where(accounts.c.id > after)
    return [_account(row) for row in (await connection.execute(query)).mappings()]


async def add_secret(connection: AsyncConnection, secret: Secret) -> None:
    """Insert a secret's digest; a third one that works violates ``reporting_secret_slot_key``."""
    await connection.execute(sa.insert(secrets).values(**asdict(secret)))


async def secrets_of(
    connection: AsyncConnection, account_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[Secret]]:
    """By account the secrets that work, older ones first."""
    query = (
        sa.select(secrets)
        .where(secrets.c.account_id.in_(account_ids), secrets.c.revoked_at.is_(None))
        .order_by(secrets.c.id)
    )
    found: dict[uuid.UUID, list[Secret]] = {account_id: [] for account_id in account_ids}
    for row in (await connection.execute(query)).mappings():
        found[row["account_id"]].append(Secret(**row))
    return found


async def revoke_secret(connection: AsyncConnection, secret_id: uuid.UUID, now: datetime) -> None:
    """From now on it opens nothing."""
    await connection.execute(
        sa.update(secrets)
        .where(secrets.c.id == secret_id, secrets.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
