"""Signing in and out, refreshing, and who a session belongs to."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from hms_rt.departments.identity.events import RightsChanged
from hms_rt.departments.identity.model import SESSION_LIFETIME, Ended, RefreshOutcome, Session, User
from hms_rt.departments.identity.repository import devices, sessions, users
from hms_rt.departments.identity.schemas import Login, Me
from hms_rt.departments.identity.service.foundation import (
    Foundation,
    SignedIn,
    assignments_out,
    user_principal,
)
from hms_rt.departments.identity.service.gathered import SessionKey
from hms_rt.departments.identity.service.screens import device_principal
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, forbidden
from hms_rt.kernel.principal import SYSTEM, Principal, PrincipalKind
from hms_rt.security.permissions import Permission, may
from hms_rt.security.tokens import digest, new_secret, unauthenticated
from hms_rt.storage.unit_of_work import UnitOfWork

EXPIRE_AT_ONCE = 500


def _refused() -> HmsError:
    """One answer for an unknown name, a wrong password and a closed account."""
    return HmsError(Code.UNAUTHENTICATED, "the username or the password is wrong")


class SigningIn(Foundation):
    """Sessions of users."""

    async def login(self, command: Command, login: Login) -> SignedIn:
        """Sign a user in. Both outcomes are audited; the time taken does not tell whether the name exists.

        Raises ``unauthenticated``, ``rate_limited`` after too many attempts, ``unavailable`` when the
        hashing threads are swamped.
        """
        command = replace(command, key=None)
        await self._throttle.admit(login.username, command.address)
        async with self._units.reading() as connection:
            user = await users.by_username(connection, login.username)
        stored = user.password_hash if user is not None and user.active else None
        matches = await self._passwords.verify(login.password.get_secret_value(), stored)
        signed_in = await self._open(command, user) if user is not None and matches else None
        if signed_in is None:
            await self._throttle.failed(command.address)
            await self._audit_failure(command, user)
            raise _refused()
        await self._throttle.succeeded(login.username, command.address)
        return signed_in

    async def _open(self, command: Command, known: User) -> SignedIn | None:
        """Open a session, unless the account changed while the password was being checked."""
        secret, session_id = new_secret(), self._ids.new()
        opened: list[User] = []

        async def work(uow: UnitOfWork) -> None:
            user = await users.lock(uow.connection, known.id)
            if user is None or not user.active or user.password_hash != known.password_hash:
                return
            session = Session(
                id=session_id,
                user_id=user.id,
                created_at=uow.now,
                refreshed_at=uow.now,
                expires_at=uow.now + SESSION_LIFETIME,
                ended_at=None,
                refresh_digest=digest(secret),
                previous_digest=None,
            )
            await sessions.add(uow.connection, session)
            uow.audit("identity.login", entity="session", entity_id=session.id)
            opened[:] = [user]

        await self._units.execute(user_principal(known, session_id), command, type(None), work)
        return self._signed_in(opened[0], session_id, secret) if opened else None

    async def _audit_failure(self, command: Command, user: User | None) -> None:
        """The typed name is not kept: it may be a password typed into the wrong field."""

        async def work(uow: UnitOfWork) -> None:
            why = "unknown username" if user is None else "wrong password" if user.active else "closed"
            entity_id = user.id if user is not None else "unknown"
            uow.audit("identity.login_failed", entity="user", entity_id=entity_id, detail={"why": why})

        await self._units.execute(SYSTEM, command, type(None), work)

    def _signed_in(self, user: User, session_id: uuid.UUID, secret: str) -> SignedIn:
        kind = PrincipalKind.USER
        return SignedIn(
            principal=user_principal(user, session_id),
            access_token=self._tokens.issue(kind, user.id, session_id, user.rights_version),
            access_lifetime=self._tokens.lifetime(kind),
            refresh_token=f"{session_id.hex}.{secret}",
            refresh_lifetime=SESSION_LIFETIME,
        )

    async def refresh(self, command: Command, token: str | None) -> SignedIn:
        """Fresh tokens for a session, within its twelve hours. The refresh token is replaced.

        Presenting a replaced one again within ten seconds answers the same successor; later it means that
        somebody else has a copy, and ends the session (records ``RightsChanged``). Raises
        ``unauthenticated``.
        """
        session_id, secret = _split(token)
        successor = self._successors.of(secret)
        opened: list[User] = []

        async def work(uow: UnitOfWork) -> None:
            session = await sessions.lock(uow.connection, session_id)
            if session is None:
                return
            outcome = session.present(digest(secret), uow.now)
            if outcome is RefreshOutcome.REUSED:
                await self._end(uow, session.user_id, session.id, Ended.REUSED)
            elif outcome is RefreshOutcome.ROTATE:
                await sessions.rotate(uow.connection, session, digest(successor), uow.now)
            elif outcome is RefreshOutcome.ENDED or session.refresh_digest != digest(successor):
                return
            found = await sessions.open_users(uow.connection, [session.id], uow.now)
            opened[:] = [user for user, _ in found.values()]

        await self._units.execute(SYSTEM, replace(command, key=None), type(None), work)
        if not opened:
            raise unauthenticated()
        return self._signed_in(opened[0], session_id, successor)

    async def logout(self, principal: Principal, command: Command) -> None:
        """End the caller's session, everywhere; records ``RightsChanged``. Screens are revoked instead."""

        async def work(uow: UnitOfWork) -> None:
            if principal.kind is not PrincipalKind.USER:
                raise forbidden("a screen does not sign out: an administrator revokes it")
            await self._end(uow, principal.id, principal.session_id, Ended.LOGOUT)

        await self._units.execute(principal, command, type(None), work)

    async def logout_by_token(self, command: Command, token: str | None) -> None:
        """Like :meth:`logout`, for who holds only the refresh token; does nothing for any other token."""
        try:
            session_id, secret = _split(token)
        except HmsError:
            return

        async def work(uow: UnitOfWork) -> None:
            session = await sessions.lock(uow.connection, session_id)
            if session is not None and digest(secret) in (session.refresh_digest, session.previous_digest):
                await self._end(uow, session.user_id, session.id, Ended.LOGOUT)

        await self._units.execute(SYSTEM, replace(command, key=None), type(None), work)

    async def _end(self, uow: UnitOfWork, user_id: uuid.UUID, session_id: uuid.UUID, why: Ended) -> None:
        if await sessions.end(uow.connection, session_id, why, uow.now):
            uow.audit("identity.session_end", entity="session", entity_id=session_id, detail={"why": why})
            uow.record(RightsChanged(PrincipalKind.USER, user_id, session_id))

    async def expire_sessions(self, command: Command) -> None:
        """End sessions past their absolute expiry (a timer calls this); records ``RightsChanged``."""

        async def work(uow: UnitOfWork) -> None:
            for session_id, user_id in await sessions.end_expired(uow.connection, uow.now, EXPIRE_AT_ONCE):
                uow.record(RightsChanged(PrincipalKind.USER, user_id, session_id))

        await self._units.execute(SYSTEM, command, type(None), work)

    async def principal_of(self, session_id: uuid.UUID, kind: PrincipalKind) -> Principal:
        """Who acts in a session or enrolment, with the rights of this moment.

        Raises ``unauthenticated`` when it has ended, expired or been revoked.
        """
        found = await self.principals_of([(session_id, kind)])
        if (session_id, kind) not in found:
            raise unauthenticated()
        return found[(session_id, kind)]

    async def principals_of(self, keys: Sequence[SessionKey]) -> dict[SessionKey, Principal]:
        """Who acts in each session or enrolment; left out are those that ended, expired or were revoked."""
        user, screen = PrincipalKind.USER, PrincipalKind.DEVICE
        in_sessions = [session_id for session_id, kind in keys if kind is user]
        enrolments = [session_id for session_id, kind in keys if kind is screen]
        found: dict[SessionKey, Principal] = {}
        async with self._units.asking() as connection:
            if in_sessions:
                people = await sessions.open_users(connection, in_sessions, self._clock.now())
                found |= {
                    (key, user): user_principal(who, key, until) for key, (who, until) in people.items()
                }
            if enrolments:
                devices_found = await devices.enrolled(connection, enrolments)
                found |= {(key, screen): device_principal(one, key) for key, one in devices_found.items()}
        return found

    def me(self, principal: Principal) -> Me:
        """Who the caller is and what that allows."""
        allowed = {permission: may(principal, permission) for permission in Permission}
        return Me(
            kind=principal.kind,
            id=principal.id,
            name=principal.name,
            roles=sorted(principal.roles),
            assignments=assignments_out(principal.assignments),
            rooms=sorted(principal.rooms),
            permissions={name.value: scope.value for name, scope in allowed.items() if scope is not None},
        )


def _split(token: str | None) -> tuple[uuid.UUID, str]:
    """The session and the secret of a refresh token."""
    session, _, secret = (token or "").partition(".")
    try:
        return uuid.UUID(session), secret
    except ValueError:
        raise unauthenticated() from None
