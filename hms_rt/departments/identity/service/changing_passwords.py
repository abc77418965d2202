"""Changing passwords: one's own, proving the current one, or as an administrator somebody else's."""

import uuid
from dataclasses import replace

from hms_rt.departments.identity.events import RightsChanged
from hms_rt.departments.identity.model import Ended, User
from hms_rt.departments.identity.repository import sessions, users
from hms_rt.departments.identity.schemas import PasswordChange
from hms_rt.departments.identity.service.foundation import Foundation
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, conflict, not_found
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.security.permissions import Permission, may, require
from hms_rt.storage.unit_of_work import UnitOfWork

UNPROVED = "current_password: is not the current password"


class ChangingPasswords(Foundation):
    """Passwords of users."""

    async def set_password(
        self, principal: Principal, command: Command, user_id: uuid.UUID, change: PasswordChange
    ) -> None:
        """Replace a password and end the user's other sessions; records ``RightsChanged``.

        Raises ``not_found``, ``invalid`` for a weak password or a wrong current one, ``rate_limited``,
        ``forbidden`` for somebody else's without being an administrator.
        """
        own = principal.kind is PrincipalKind.USER and principal.id == user_id
        known, hashed, proved = None, "", True
        if own or may(principal, Permission.USERS) is not None:
            known = await self._known(user_id)
            proved = not own or await self._proves(command, known, change)
            password = change.password.get_secret_value()
            self._passwords.check(password, known.username)
            hashed = await self._passwords.hash(password) if proved else ""

        async def work(uow: UnitOfWork) -> None:
            if not proved:  # told here, where a retry has been answered: it proves what was current before
                raise HmsError(Code.INVALID, UNPROVED)
            if not own:
                require(principal, Permission.USERS)
            user = await users.lock(uow.connection, user_id)
            if user is None or known is None:
                raise not_found("the user")
            if own and user.password_hash != known.password_hash:
                raise conflict("the password was changed meanwhile")
            await users.save(
                uow.connection,
                replace(user, password_hash=hashed, version=user.version + 1, updated_at=uow.now),
            )
            keep = principal.session_id if own else None
            await sessions.end_all(uow.connection, user.id, Ended.PASSWORD, uow.now, keep=keep)
            uow.audit("identity.set_password", entity="user", entity_id=user.id)
            uow.record(RightsChanged(PrincipalKind.USER, user.id))

        sealed = replace(command, fingerprint=self._passwords.seal(command.fingerprint))
        try:
            await self._units.execute(principal, sealed, type(None), work)
        except HmsError:
            if not proved:
                await self._throttle.failed(command.address)
            raise

    async def _known(self, user_id: uuid.UUID) -> User:
        async with self._units.reading() as connection:
            user = await users.by_id(connection, user_id)
        if user is None:
            raise not_found("the user")
        return user

    async def _proves(self, command: Command, user: User, change: PasswordChange) -> bool:
        """Whoever finds an unlocked screen must not be able to take the account over."""
        await self._throttle.admit(user.username, command.address)
        current = change.current_password.get_secret_value() if change.current_password is not None else ""
        if not await self._passwords.verify(current, user.password_hash):
            return False
        await self._throttle.succeeded(user.username, command.address)
        return True
