"""Accounts and assignments: administrators' work, never on themselves where rights are concerned."""

import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.identity.events import RightsChanged
from hms_rt.departments.identity.model import Ended, User, check_assignment, check_not_self
from hms_rt.departments.identity.repository import sessions, users
from hms_rt.departments.identity.schemas import (
    AssignmentIn,
    UserCursor,
    UserNew,
    UserOut,
    UserQuery,
    UserRef,
    UserUpdate,
)
from hms_rt.departments.identity.service.foundation import Foundation, user_out
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import SYSTEM, Assignment, AssignmentKind, Principal, PrincipalKind, Role
from hms_rt.security.permissions import CLINIC_KINDS, WARD_KINDS, Permission, may, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Accounts(Foundation):
    """Users, their roles and their assignments."""

    async def create_user(
        self,
        principal: Principal,
        command: Command,
        new: UserNew,
        assignments: Collection[AssignmentIn] = (),
    ) -> UserOut:
        """Open an account, with its first assignments.

        Raises ``conflict`` for a taken username, ``invalid`` for a weak password or a missing place.
        """
        password = new.password.get_secret_value()
        self.check_password(password, new.username)
        given = frozenset(self.check_assignment(each) for each in assignments)
        # Hashed before the transaction; who may not do this is refused, and audited, inside it.
        allowed = may(principal, Permission.USERS) is not None
        hashed = await self._passwords.hash(password) if allowed else ""

        async def work(uow: UnitOfWork) -> UserOut:
            require(principal, Permission.USERS)
            user = User(
                id=uow.ids.new(),
                username=new.username,
                display_name=new.display_name,
                password_hash=hashed,
                roles=new.roles,
                assignments=given,
                active=True,
                rights_version=1,
                version=1,
                created_at=uow.now,
                updated_at=uow.now,
            )
            try:
                await users.add(uow.connection, user)
            except IntegrityError as error:
                if violated(error) == "identity_user_username_key":
                    raise conflict("that username is taken") from None
                raise
            uow.audit(
                "identity.user_create",
                entity="user",
                entity_id=user.id,
                detail={"username": user.username, "roles": sorted(user.roles)},
            )
            for what in given:
                await users.give(uow.connection, user.id, what, principal.id, uow.now)
                self._audit_assignment(uow, "identity.assign", user, what)
            return user_out(user)

        sealed = replace(command, fingerprint=self._passwords.seal(command.fingerprint))
        return await self._units.execute(principal, sealed, UserOut, work)

    def check_password(self, password: str, username: str) -> None:
        """Raises ``invalid`` for a password that a new account may not have."""
        self._passwords.check(password, username)

    @staticmethod
    def check_assignment(given: AssignmentIn) -> Assignment:
        """The assignment as it is stored; raises ``invalid`` for a missing or needless place."""
        what = Assignment(given.kind, given.place or "")
        check_assignment(what.kind, what.place)
        return what

    async def create_admin(self, command: Command, new: UserNew) -> UserOut:
        """The first administrator, from the command line; like :meth:`create_user` by the server itself."""
        return await self.create_user(
            SYSTEM, command, new.model_copy(update={"roles": new.roles | {Role.ADMIN}})
        )

    async def update_user(
        self, principal: Principal, command: Command, user_id: uuid.UUID, update: UserUpdate
    ) -> UserOut:
        """Change name, roles or whether the account is open; closing it ends its sessions.

        Records ``RightsChanged``. Raises ``not_found``, ``stale_version``, ``forbidden`` for one's own roles,
        ``conflict`` when no administrator would be left.
        """

        async def change(uow: UnitOfWork, user: User) -> User:
            changed = replace(
                user,
                display_name=update.display_name if update.display_name is not None else user.display_name,
                roles=update.roles if update.roles is not None else user.roles,
                active=update.active if update.active is not None else user.active,
            )
            if (changed.roles, changed.active) != (user.roles, user.active):
                check_not_self(principal, user.id)
            if changed != user:
                uow.audit(
                    "identity.user_update",
                    entity="user",
                    entity_id=user.id,
                    detail={"roles": sorted(changed.roles), "active": changed.active},
                )
            if user.active and not changed.active:
                await sessions.end_all(uow.connection, user.id, Ended.DEACTIVATED, uow.now)
            return changed

        return await self._change_user(principal, command, user_id, change)

    async def assign(
        self, principal: Principal, command: Command, user_id: uuid.UUID, given: AssignmentIn
    ) -> UserOut:
        """Give a user an assignment; giving it twice is one. Records ``RightsChanged``.

        Raises ``not_found``, ``invalid`` for a missing place, ``forbidden`` for oneself.
        """
        what = Assignment(given.kind, given.place or "")

        async def change(uow: UnitOfWork, user: User) -> User:
            check_not_self(principal, user.id)
            check_assignment(what.kind, what.place)
            if not await users.give(uow.connection, user.id, what, principal.id, uow.now):
                return user
            self._audit_assignment(uow, "identity.assign", user, what)
            return replace(user, assignments=user.assignments | {what})

        return await self._change_user(principal, command, user_id, change)

    async def unassign(
        self, principal: Principal, command: Command, user_id: uuid.UUID, taken: AssignmentIn
    ) -> UserOut:
        """Take an assignment away; records ``RightsChanged``. Raises like :meth:`assign`."""
        what = Assignment(taken.kind, taken.place or "")

        async def change(uow: UnitOfWork, user: User) -> User:
            check_not_self(principal, user.id)
            if not await users.take(uow.connection, user.id, what):
                raise not_found("the assignment")
            self._audit_assignment(uow, "identity.unassign", user, what)
            return replace(user, assignments=user.assignments - {what})

        return await self._change_user(principal, command, user_id, change)

    async def get_user(self, principal: Principal, user_id: uuid.UUID) -> UserOut:
        """One account; raises ``not_found``."""
        require(principal, Permission.USERS)
        async with self._units.reading() as connection:
            user = await users.by_id(connection, user_id)
        if user is None:
            raise not_found("the user")
        return user_out(user)

    async def list_users(self, principal: Principal, query: UserQuery) -> Page[UserOut]:
        """Accounts by username."""
        require(principal, Permission.USERS)
        after = decode_cursor(query.cursor, UserCursor).username if query.cursor else None
        async with self._units.reading() as connection:
            found = await users.page(
                connection, after=after, limit=query.limit + 1, role=query.role, active=query.active
            )
        shown, cursor = cut(found, query.limit, lambda user: UserCursor(username=user.username))
        return Page[UserOut](items=[user_out(user) for user in shown], next_cursor=cursor)

    async def users_with(
        self,
        connection: AsyncConnection,
        *,
        roles: Collection[Role] | None = None,
        ward: str | None = None,
        clinic: str | None = None,
        counter: str | None = None,
        assignment_kind: AssignmentKind | None = None,
    ) -> list[UserRef]:
        """Active users who fit everything asked for; for other departments, inside their transaction.

        ``ward`` means assigned to it, also as charge nurse; ``clinic`` also as on call; ``counter`` a
        clinic's, a till, or a store of the pharmacy. ``assignment_kind`` narrows that to one kind, or,
        without a place, asks for the kind anywhere.
        """
        only = frozenset({assignment_kind}) if assignment_kind is not None else None
        places: list[tuple[Collection[AssignmentKind], str | None]] = []
        if ward is not None:
            places.append((only or WARD_KINDS, ward))
        if clinic is not None:
            places.append((only or CLINIC_KINDS, clinic))
        if counter is not None:
            places.append((only or {AssignmentKind.COUNTER}, counter))
        if only is not None and not places:
            places.append((only, None))
        found = await users.active_with(connection, roles=roles, places=places)
        return [UserRef(id=user_id, display_name=name) for user_id, name in found]

    async def names_of(self, connection: AsyncConnection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
        """Display names of users, for "ordered by" and the like; unknown ids are left out."""
        return await users.names(connection, ids)

    async def active_names_of(
        self, connection: AsyncConnection, ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, str]:
        """Display names of those of ``ids`` who work here now: nobody else can be reached."""
        return await users.active_names(connection, ids)

    async def _change_user(
        self,
        principal: Principal,
        command: Command,
        user_id: uuid.UUID,
        change: Callable[[UnitOfWork, User], Awaitable[User]],
    ) -> UserOut:
        """Lock, let ``change`` decide, store with new versions, and tell every process."""

        async def work(uow: UnitOfWork) -> UserOut:
            require(principal, Permission.USERS)
            administrators = await users.lock_administrators(uow.connection)
            user = await users.lock(uow.connection, user_id)
            if user is None:
                raise not_found("the user")
            command.check_version(user.version)
            changed = await change(uow, user)
            if changed == user:
                return user_out(user)
            if administrators == {user.id} and not (changed.active and Role.ADMIN in changed.roles):
                raise conflict("the hospital needs an administrator: appoint another one first")
            changed = replace(
                changed,
                rights_version=user.rights_version + 1,
                version=user.version + 1,
                updated_at=uow.now,
            )
            await users.save(uow.connection, changed)
            uow.record(RightsChanged(PrincipalKind.USER, user.id))
            return user_out(changed)

        return await self._units.execute(principal, command, UserOut, work)

    @staticmethod
    def _audit_assignment(uow: UnitOfWork, action: str, user: User, what: Assignment) -> None:
        detail = {"kind": what.kind, "place": what.place}
        uow.audit(action, entity="user", entity_id=user.id, detail=detail)
