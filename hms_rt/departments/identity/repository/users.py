"""Accounts and assignments."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from hms_rt.departments.identity.model import User
from hms_rt.departments.identity.tables import identity_assignment as given
from hms_rt.departments.identity.tables import identity_user as users
from hms_rt.kernel.principal import Assignment, AssignmentKind, Role

_KINDS = (
    select(func.array_agg(aggregate_order_by(given.c.kind, given.c.kind, given.c.place), type_=ARRAY(Text)))
    .where(given.c.user_id == users.c.id)
    .scalar_subquery()
    .label("kinds")
)
_PLACES = (
    select(func.array_agg(aggregate_order_by(given.c.place, given.c.kind, given.c.place), type_=ARRAY(Text)))
    .where(given.c.user_id == users.c.id)
    .scalar_subquery()
    .label("places")
)


def user_columns() -> Select[Any]:
    """Every column that makes a :class:`User`."""
    return select(users, _KINDS, _PLACES)


def to_user(row: Row[Any]) -> User:
    """A row of :func:`user_columns` as a user."""
    pairs = zip(row.kinds or (), row.places or (), strict=True)
    return User(
        id=row.id,
        username=row.username,
        display_name=row.display_name,
        password_hash=row.password_hash,
        roles=frozenset(Role(role) for role in row.roles),
        assignments=frozenset(Assignment(AssignmentKind(kind), place) for kind, place in pairs),
        active=row.active,
        rights_version=row.rights_version,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


async def by_username(connection: AsyncConnection, username: str) -> User | None:
    """The account with this (already lower-case) username."""
    row = (await connection.execute(user_columns().where(users.c.username == username))).one_or_none()
    return to_user(row) if row is not None else None


async def by_id(connection: AsyncConnection, user_id: uuid.UUID) -> User | None:
    """One account, as last committed."""
    row = (await connection.execute(user_columns().where(users.c.id == user_id))).one_or_none()
    return to_user(row) if row is not None else None


async def lock(connection: AsyncConnection, user_id: uuid.UUID) -> User | None:
    """One account, locked until the end of the transaction."""
    held = await connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
    return await by_id(connection, user_id) if held.one_or_none() is not None else None


async def lock_administrators(connection: AsyncConnection) -> set[uuid.UUID]:
    """The ids of all active administrators, locked, so that two cannot remove each other."""
    rows = await connection.execute(
        select(users.c.id)
        .where(users.c.active, users.c.roles.contains([Role.ADMIN.value]))
        .order_by(users.c.id)
        .with_for_update()
    )
    return set(rows.scalars())


async def add(connection: AsyncConnection, user: User) -> None:
    """Insert a new account (without assignments); a taken name violates ``identity_user_username_key``."""
    await connection.execute(
        insert(users).values(
            id=user.id,
            username=user.username,
            display_name=user.display_name,
            password_hash=user.password_hash,
            roles=_stored(user.roles),
            active=user.active,
            rights_version=user.rights_version,
            version=user.version,
            created_at=user.created_at,
            updated_at=user.updated_at,
        )
    )


async def save(connection: AsyncConnection, user: User) -> None:
    """Store what may change of a locked account."""
    await connection.execute(
        update(users)
        .where(users.c.id == user.id)
        .values(
            display_name=user.display_name,
            password_hash=user.password_hash,
            roles=_stored(user.roles),
            active=user.active,
            rights_version=user.rights_version,
            version=user.version,
            updated_at=user.updated_at,
        )
    )


def _stored(roles: Collection[Role]) -> list[str]:
    return sorted(role.value for role in roles)


async def give(
    connection: AsyncConnection, user_id: uuid.UUID, what: Assignment, by: uuid.UUID, at: datetime
) -> bool:
    """Add an assignment; False if the user had it."""
    made = await connection.execute(
        upsert(given)
        .values(user_id=user_id, kind=what.kind.value, place=what.place, given_by=by, given_at=at)
        .on_conflict_do_nothing()
        .returning(given.c.user_id)
    )
    return made.one_or_none() is not None


async def take(connection: AsyncConnection, user_id: uuid.UUID, what: Assignment) -> bool:
    """Remove an assignment; False if the user did not have it."""
    gone = await connection.execute(
        delete(given)
        .where(given.c.user_id == user_id, given.c.kind == what.kind.value, given.c.place == what.place)
        .returning(given.c.user_id)
    )
    return gone.one_or_none() is not None


async def page(
    connection: AsyncConnection, *, after: str | None, limit: int, role: Role | None, active: bool | None
) -> list[User]:
    """At most ``limit`` accounts after this username, by username."""
    query = user_columns().order_by(users.c.username).limit(limit)
    if after is not None:
        query = query.where(users.c.username > after)
    if role is not None:
        query = query.where(users.c.roles.contains([role.value]))
    if active is not None:
        query = query.where(users.c.active.is_(active))
    return [to_user(row) for row in await connection.execute(query)]


async def active_with(
    connection: AsyncConnection,
    *,
    roles: Collection[Role] | None,
    places: Sequence[tuple[Collection[AssignmentKind], str | None]],
) -> list[tuple[uuid.UUID, str]]:
    """Id and name of active users with any of ``roles`` and, for each of ``places``, such an assignment."""
    query = select(users.c.id, users.c.display_name).where(users.c.active).order_by(users.c.id)
    if roles is not None:
        query = query.where(users.c.roles.overlap(_stored(roles)))
    for kinds, place in places:
        holds = select(given.c.user_id).where(
            given.c.user_id == users.c.id, given.c.kind.in_(sorted(kind.value for kind in kinds))
        )
        if place is not None:
            holds = holds.where(given.c.place == place)
        query = query.where(holds.exists())
    return [(row.id, row.display_name) for row in await connection.execute(query)]


async def names(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Display names by id; unknown ids are left out."""
    rows = await connection.execute(select(users.c.id, users.c.display_name).where(users.c.id.in_(list(ids))))
    return {row.id: row.display_name for row in rows}


async def active_names(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Display names of those of ``ids`` whose accounts are active."""
    query = select(users.c.id, users.c.display_name).where(users.c.id.in_(list(ids)), users.c.active)
    return {row.id: row.display_name for row in await connection.execute(query)}
