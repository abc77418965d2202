"""Service accounts: made, changed, given secrets and shut out by administrators; who comes with a secret."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from limits import RateLimitItemPerMinute
from sqlalchemy.exc import IntegrityError

from hms_rt.departments.reporting import views
from hms_rt.departments.reporting.model.account import (
    LIFETIME,
    PSEUDONYM_KEY_BYTES,
    Account,
    Secret,
    check_end,
    free_slot,
)
from hms_rt.departments.reporting.model.refusal import Refusal
from hms_rt.departments.reporting.model.scopes import check_known
from hms_rt.departments.reporting.repository import accounts
from hms_rt.departments.reporting.schemas.accounts import (
    AccountCursor,
    AccountNew,
    AccountOut,
    AccountToken,
    AccountUpdate,
    SecretIssued,
    SecretOut,
)
from hms_rt.departments.reporting.service.refusals import Refusals
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, conflict, forbidden, not_found
from hms_rt.kernel.paging import Page, PageQuery, cut, decode_cursor
from hms_rt.kernel.principal import SYSTEM, Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.security.tokens import digest, new_bytes
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

PREFIX = "hmsrt_"
"""How every secret begins, so that one which got somewhere it should not be is found."""
REQUESTS_A_MINUTE = 600
"""Of one account, in one process."""
USED_EVERY = timedelta(minutes=1)
"""How exactly the last use is told."""

_LIMIT = RateLimitItemPerMinute(REQUESTS_A_MINUTE)
_Change = Callable[[UnitOfWork, Account, list[Secret]], Awaitable[Account]]


def account_out(account: Account, secrets: list[Secret]) -> AccountOut:
    """An account as it is shown: neither digests nor keys."""
    return AccountOut(
        id=account.id,
        name=account.name,
        purpose=account.purpose,
        streams=sorted(account.scopes),
        identified=account.identified,
        networks=list(account.networks),
        secrets=[SecretOut(id=secret.id, created_at=secret.created_at) for secret in secrets],
        expires_at=account.expires_at,
        revoked_at=account.revoked_at,
        last_used_at=account.last_used_at,
        last_used_from=account.last_used_from,
        version=account.version,
        created_by=account.created_by,
        created_at=account.created_at,
    )


class Accounts(Refusals):
    """Service accounts, as administrators see them, and as they come to the door."""

    async def create_account(self, principal: Principal, command: Command, new: AccountNew) -> AccountToken:
        """An account with its first secret. Raises ``conflict`` when the name is in use, ``invalid`` for a
        stream that does not exist or an end out of bounds. The secret is derived, not stored: a repeated
        command answers the same one."""

        async def work(uow: UnitOfWork) -> SecretIssued:
            require(principal, Permission.SERVICE_ACCOUNTS)
            check_known(new.streams, views.STREAMS)
            account = Account(
                id=uow.ids.new(),
                name=new.name,
                purpose=new.purpose,
                scopes=tuple(new.streams),
                identified=new.identified,
                networks=tuple(new.networks),
                pseudonym_key=new_bytes(PSEUDONYM_KEY_BYTES),
                expires_at=new.expires_at or uow.now + LIFETIME,
                revoked_at=None,
                last_used_at=None,
                last_used_from=None,
                read_to=None,
                last_read_at=None,
                version=1,
                created_by=principal.id,
                created_at=uow.now,
            )
            check_end(account.expires_at, uow.now)
            try:
                await accounts.add(uow.connection, account)
            except IntegrityError as error:
                raise _taken(error) from None
            _audit(uow, "reporting.account_create", account)
            return await self._with_secret(uow, account, [])

        return self._token(await self._units.execute(principal, command, SecretIssued, work))

    async def change_account(
        self, principal: Principal, command: Command, account_id: uuid.UUID, update: AccountUpdate
    ) -> AccountOut:
        """Counts from the next page on. Raises ``not_found``, ``conflict`` if revoked or the name is in use,
        ``invalid``, ``stale_version``."""
        given = update.model_dump(exclude_unset=True, exclude_none=True)
        if "streams" in given:
            given["scopes"] = tuple(given.pop("streams"))
        if "networks" in given:
            given["networks"] = tuple(given["networks"])

        async def change(uow: UnitOfWork, account: Account, secrets: list[Secret]) -> Account:
            command.require_version(account.version)
            check_known(given.get("scopes", ()), views.STREAMS)
            if "expires_at" in given:
                check_end(given["expires_at"], uow.now)
            changed = replace(account, **given, version=account.version + 1)
            try:
                await accounts.save(uow.connection, changed)
            except IntegrityError as error:
                raise _taken(error) from None
            _audit(uow, "reporting.account_change", changed)
            return changed

        return await self._change(principal, command, account_id, change)

    async def issue_secret(
        self, principal: Principal, command: Command, account_id: uuid.UUID
    ) -> AccountToken:
        """A second secret, while the first one still works. Raises ``not_found``, ``conflict`` if revoked or
        two work already."""

        async def work(uow: UnitOfWork) -> SecretIssued:
            account, secrets = await self._locked(uow, principal, account_id)
            return await self._with_secret(uow, account, secrets)

        return self._token(await self._units.execute(principal, command, SecretIssued, work))

    async def revoke_secret(
        self, principal: Principal, command: Command, account_id: uuid.UUID, secret_id: uuid.UUID
    ) -> AccountOut:
        """From the next request on it opens nothing. Raises ``not_found`` for one that does not work."""

        async def change(uow: UnitOfWork, account: Account, secrets: list[Secret]) -> Account:
            if all(secret.id != secret_id for secret in secrets):
                raise not_found("the secret")
            await accounts.revoke_secret(uow.connection, secret_id, uow.now)
            uow.audit("reporting.secret_revoke", entity="secret", entity_id=secret_id)
            return account

        return await self._change(principal, command, account_id, change)

    async def revoke_account(
        self, principal: Principal, command: Command, account_id: uuid.UUID
    ) -> AccountOut:
        """Shut it out for good, from the next request on. Raises ``not_found``, ``conflict`` if it is."""

        async def change(uow: UnitOfWork, account: Account, secrets: list[Secret]) -> Account:
            for secret in secrets:
                await accounts.revoke_secret(uow.connection, secret.id, uow.now)
            revoked = replace(account, revoked_at=uow.now, version=account.version + 1)
            await accounts.save(uow.connection, revoked)
            _audit(uow, "reporting.account_revoke", account)
            return revoked

        return await self._change(principal, command, account_id, change)

    async def get_account(self, principal: Principal, account_id: uuid.UUID) -> AccountOut:
        """One account; raises ``not_found``."""
        require(principal, Permission.SERVICE_ACCOUNTS)
        async with self._units.reading() as connection:
            account = await accounts.by_id(connection, account_id)
            if account is None:
                raise not_found("the account")
            return account_out(account, (await accounts.secrets_of(connection, [account_id]))[account_id])

    async def list_accounts(self, principal: Principal, query: PageQuery) -> Page[AccountOut]:
        """Accounts, oldest first, revoked ones included."""
        require(principal, Permission.SERVICE_ACCOUNTS)
        after = decode_cursor(query.cursor, AccountCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            found = await accounts.page(connection, after=after, limit=query.limit + 1)
            shown, cursor = cut(found, query.limit, lambda account: AccountCursor(id=account.id))
            secrets = await accounts.secrets_of(connection, [account.id for account in shown])
        return Page[AccountOut](
            items=[account_out(account, secrets[account.id]) for account in shown], next_cursor=cursor
        )

    # --- at the door

    async def principal_of(self, token: str, address: str) -> Principal | None:
        """Who comes with ``token``; None for a secret that does not work, whatever is wrong with it.

        Asks the database every time, so that revoking counts at once. Raises ``forbidden`` from an address
        that the account does not allow, and ``rate_limited``. Whatever is refused is accounted for.
        """
        if not token.startswith(PREFIX):
            return None
        async with self._units.asking() as connection:
            found = await accounts.by_digest(connection, digest(token))
        now = self._units.now()
        if found is None:
            await self.refused(None, Refusal.UNKNOWN, address)
            return None
        account, secret = found
        principal = account.principal(secret.id)
        if (shut := _shut_out(account, secret, now)) is not None:
            await self.refused(principal, shut, address)
            return None
        async with self.accounting_for(principal, address):
            await self._count(account.id)
        if not account.allows(address):
            await self.refused(principal, Refusal.ADDRESS, address)
            raise forbidden("this account may not be used from this address")
        if account.last_used_at is None or now - account.last_used_at >= USED_EVERY:
            command = Command(name="reporting.used", request_id="service account")
            work = partial(_note_use, account.id, address)
            await self._units.execute(SYSTEM, command, type(None), work)
        return principal

    async def _count(self, account_id: uuid.UUID) -> None:
        if not await self._limiter.hit(_LIMIT, str(account_id)):
            raise HmsError(
                Code.RATE_LIMITED,
                f"over {REQUESTS_A_MINUTE} requests a minute of this account: use wait= instead",
                retry_after_ms=5_000,
            )

    # --- parts of commands

    async def _locked(
        self, uow: UnitOfWork, principal: Principal, account_id: uuid.UUID
    ) -> tuple[Account, list[Secret]]:
        require(principal, Permission.SERVICE_ACCOUNTS)
        account = await accounts.by_id(uow.connection, account_id, locked=True)
        if account is None:
            raise not_found("the account")
        account.check_not_revoked()
        return account, (await accounts.secrets_of(uow.connection, [account_id]))[account_id]

    async def _change(
        self, principal: Principal, command: Command, account_id: uuid.UUID, change: _Change
    ) -> AccountOut:
        async def work(uow: UnitOfWork) -> AccountOut:
            account, secrets = await self._locked(uow, principal, account_id)
            changed = await change(uow, account, secrets)
            left = (await accounts.secrets_of(uow.connection, [account_id]))[account_id]
            return account_out(changed, left)

        return await self._units.execute(principal, command, AccountOut, work)

    async def _with_secret(self, uow: UnitOfWork, account: Account, secrets: list[Secret]) -> SecretIssued:
        secret_id = uow.ids.new()
        secret = Secret(
            id=secret_id,
            account_id=account.id,
            slot=free_slot(secrets),
            digest=digest(self._text(secret_id)),
            created_at=uow.now,
            revoked_at=None,
        )
        await accounts.add_secret(uow.connection, secret)
        uow.audit("reporting.secret_issue", entity="secret", entity_id=secret_id)
        return SecretIssued(account=account_out(account, [*secrets, secret]), secret_id=secret_id)

    def _text(self, secret_id: uuid.UUID) -> str:
        return PREFIX + self._secrets.of(str(secret_id))

    def _token(self, issued: SecretIssued) -> AccountToken:
        return AccountToken(
            account=issued.account, secret_id=issued.secret_id, token=self._text(issued.secret_id)
        )


def _audit(uow: UnitOfWork, action: str, account: Account) -> None:
    detail = {
        "name": account.name,
        "purpose": account.purpose,
        "streams": sorted(account.scopes),
        "identified": account.identified,
    }
    uow.audit(action, entity="service_account", entity_id=account.id, detail=detail)


def _shut_out(account: Account, secret: Secret, now: datetime) -> Refusal | None:
    if account.revoked_at is not None:
        return Refusal.ACCOUNT_REVOKED
    if secret.revoked_at is not None:
        return Refusal.REVOKED
    return None if account.works(now) else Refusal.EXPIRED


def _taken(error: IntegrityError) -> Exception:
    if violated(error) == "reporting_account_name_key":
        return conflict("an account of that name is in use")
    return error


async def _note_use(account_id: uuid.UUID, address: str, uow: UnitOfWork) -> None:
    await accounts.used(uow.connection, account_id, uow.now, address)
