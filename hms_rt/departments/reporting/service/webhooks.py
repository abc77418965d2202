"""Webhooks, as administrators see them: where changes are sent, and what to do when they do not arrive."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.reporting import views
from hms_rt.departments.reporting.model.account import Account
from hms_rt.departments.reporting.model.guard import check_target
from hms_rt.departments.reporting.model.scopes import check_known, narrowed
from hms_rt.departments.reporting.model.signing import shown
from hms_rt.departments.reporting.model.webhook import Webhook, WebhookMove, WebhookState
from hms_rt.departments.reporting.repository import accounts, webhooks
from hms_rt.departments.reporting.schemas.webhooks import (
    DiscardIn,
    LetterOut,
    LetterQuery,
    SecretNumbered,
    WebhookCursor,
    WebhookNew,
    WebhookOut,
    WebhookQuery,
    WebhookSecret,
    WebhookUpdate,
)
from hms_rt.departments.reporting.service.feed import cursor_of
from hms_rt.departments.reporting.service.foundation import Foundation
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage import change_feed
from hms_rt.storage.unit_of_work import UnitOfWork

MOST_OF_AN_ACCOUNT = 20


def webhook_out(webhook: Webhook) -> WebhookOut:
    """A webhook as it is shown: no secret."""
    return WebhookOut(
        id=webhook.id,
        account_id=webhook.account_id,
        url=webhook.url,
        streams=list(webhook.streams),
        causes=[Cause(cause) for cause in webhook.causes],
        state=webhook.state,
        pending_since=webhook.pending.at if webhook.pending is not None else None,
        attempts=webhook.attempts,
        next_at=webhook.next_at,
        last_attempt_at=webhook.last_attempt_at,
        last_delivered_at=webhook.last_delivered_at,
        last_status=webhook.last_status,
        last_error=webhook.last_error,
        both_secrets_until=webhook.previous_until,
        version=webhook.version,
        created_by=webhook.created_by,
        created_at=webhook.created_at,
    )


class Webhooks(Foundation):
    """Where changes are sent."""

    async def create_webhook(self, principal: Principal, command: Command, new: WebhookNew) -> WebhookSecret:
        """From the changes of this moment on. Answers its secret, derived, so that a repeated command answers
        the same one. Raises ``not_found`` for the account, ``conflict`` if it is revoked or has too many,
        ``invalid`` for an address that may not be reached, ``forbidden`` beyond the account's scopes."""

        async def work(uow: UnitOfWork) -> SecretNumbered:
            require(principal, Permission.SERVICE_ACCOUNTS)
            account = await accounts.by_id(uow.connection, new.account_id, locked=True)
            if account is None:
                raise not_found("the account")
            account.check_not_revoked()
            if await webhooks.count_of(uow.connection, account.id) >= MOST_OF_AN_ACCOUNT:
                raise conflict(f"an account has at most {MOST_OF_AN_ACCOUNT} webhooks")
            self._check(account, new.url, new.streams)
            known = await change_feed.bounds(uow.connection)
            webhook_id = uow.ids.new()
            webhook = Webhook(
                id=webhook_id,
                account_id=account.id,
                url=new.url,
                streams=tuple(new.streams),
                causes=tuple(cause.value for cause in new.causes),
                state=WebhookState.ACTIVE,
                secret=self._signing_key(webhook_id, 1),
                secret_number=1,
                previous_secret=None,
                previous_until=None,
                cursor=cursor_of(known.end, known.now, known.epoch).model_dump(mode="json"),
                pending=None,
                attempts=0,
                next_at=uow.now,
                ping_id=None,
                last_attempt_at=None,
                last_delivered_at=None,
                last_status=None,
                last_error=None,
                version=1,
                created_by=principal.id,
                created_at=uow.now,
            )
            await webhooks.add(uow.connection, webhook)
            _audit(uow, "reporting.webhook_create", webhook)
            return SecretNumbered(webhook=webhook_out(webhook), number=1)

        return self._shown(await self._units.execute(principal, command, SecretNumbered, work))

    async def change_webhook(
        self, principal: Principal, command: Command, webhook_id: uuid.UUID, update: WebhookUpdate
    ) -> WebhookOut:
        """Counts from the next attempt on. Raises ``not_found``, ``stale_version``, and as above."""
        given = update.model_dump(exclude_unset=True, exclude_none=True, mode="json")
        given |= {name: tuple(given[name]) for name in ("streams", "causes") if name in given}

        async def change(uow: UnitOfWork, webhook: Webhook) -> Webhook:
            command.require_version(webhook.version)
            changed = replace(webhook, **given, version=webhook.version + 1)
            account = await accounts.by_id(uow.connection, webhook.account_id)
            if account is not None:
                self._check(account, changed.url, changed.streams)
            _audit(uow, "reporting.webhook_change", changed)
            return changed

        return await self._change_webhook(principal, command, webhook_id, change)

    async def move_webhook(
        self, principal: Principal, command: Command, webhook_id: uuid.UUID, move: WebhookMove
    ) -> WebhookOut:
        """Pause, resume or remove. Raises ``not_found``, ``illegal_move``."""

        async def change(uow: UnitOfWork, webhook: Webhook) -> Webhook:
            moved = webhook.moved(move)
            if moved.state is WebhookState.REMOVED:
                settled = {"outcome": "discarded", "reason": "the webhook was removed"}
                by = {"settled_by": principal.id, "settled_at": uow.now}
                await webhooks.settle_of(uow.connection, webhook.id, **settled, **by)
            _audit(uow, f"reporting.webhook_{move}", moved)
            return replace(moved, next_at=uow.now)

        return await self._change_webhook(principal, command, webhook_id, change)

    async def ping_webhook(self, principal: Principal, command: Command, webhook_id: uuid.UUID) -> WebhookOut:
        """Send a message that says nothing, within a second; also to a paused or dead one. Raises
        ``not_found``."""

        async def change(uow: UnitOfWork, webhook: Webhook) -> Webhook:
            _audit(uow, "reporting.webhook_ping", webhook)
            return replace(webhook, ping_id=uow.ids.new())

        return await self._change_webhook(principal, command, webhook_id, change)

    async def renew_webhook_secret(
        self, principal: Principal, command: Command, webhook_id: uuid.UUID
    ) -> WebhookSecret:
        """A new secret; the one before signs beside it for a day. Raises ``not_found``."""

        async def work(uow: UnitOfWork) -> SecretNumbered:
            webhook = await self._locked_webhook(uow, principal, webhook_id)
            key = self._signing_key(webhook.id, webhook.secret_number + 1)
            changed = webhook.with_secret(key, uow.now)
            await webhooks.save(uow.connection, changed)
            _audit(uow, "reporting.webhook_secret", changed)
            return SecretNumbered(webhook=webhook_out(changed), number=changed.secret_number)

        return self._shown(await self._units.execute(principal, command, SecretNumbered, work))

    async def get_webhook(self, principal: Principal, webhook_id: uuid.UUID) -> WebhookOut:
        """One webhook; raises ``not_found``."""
        require(principal, Permission.SERVICE_ACCOUNTS)
        async with self._units.asking() as connection:
            webhook = await webhooks.by_id(connection, webhook_id)
        if webhook is None:
            raise not_found("the webhook")
        return webhook_out(webhook)

    async def list_webhooks(self, principal: Principal, query: WebhookQuery) -> Page[WebhookOut]:
        """Webhooks, oldest first, without those that were removed."""
        require(principal, Permission.SERVICE_ACCOUNTS)
        after = decode_cursor(query.cursor, WebhookCursor).id if query.cursor else None
        async with self._units.asking() as connection:
            found = await webhooks.page(
                connection, account_id=query.account_id, after=after, limit=query.limit + 1
            )
        items, cursor = cut(found, query.limit, lambda webhook: WebhookCursor(id=webhook.id))
        return Page[WebhookOut](items=[webhook_out(one) for one in items], next_cursor=cursor)

    # --- dead letters

    async def list_dead_letters(self, principal: Principal, query: LetterQuery) -> Page[LetterOut]:
        """Deliveries that failed for good and wait for a decision, newest first."""
        require(principal, Permission.SERVICE_ACCOUNTS)
        before = decode_cursor(query.cursor, WebhookCursor).id if query.cursor else None
        async with self._units.asking() as connection:
            found = await webhooks.letters_page(
                connection, open_only=not query.all, before=before, limit=query.limit + 1
            )
        items, cursor = cut(found, query.limit, lambda letter: WebhookCursor(id=letter.id))
        return Page[LetterOut](items=[_letter_out(one) for one in items], next_cursor=cursor)

    async def retry_dead_letter(
        self, principal: Principal, command: Command, letter_id: uuid.UUID
    ) -> LetterOut:
        """Try it again at once, and go on behind it. Raises ``not_found``, ``conflict`` if it is settled."""
        return await self._settle(principal, command, letter_id, None)

    async def discard_dead_letter(
        self, principal: Principal, command: Command, letter_id: uuid.UUID, body: DiscardIn
    ) -> LetterOut:
        """Pass it over, and go on behind it: the receiver never gets it. Raises as above."""
        return await self._settle(principal, command, letter_id, body.reason)

    async def _settle(
        self, principal: Principal, command: Command, letter_id: uuid.UUID, reason: str | None
    ) -> LetterOut:
        discard = reason is not None

        async def work(uow: UnitOfWork) -> LetterOut:
            require(principal, Permission.SERVICE_ACCOUNTS)
            letter = await webhooks.letter(uow.connection, letter_id)
            if letter is None:
                raise not_found("the dead letter")
            webhook = await webhooks.by_id(uow.connection, letter.webhook_id, locked=True)
            if webhook is None or letter.outcome is not None:
                raise conflict(f"it was {letter.outcome} before: the newest one of its webhook counts")
            await webhooks.save(uow.connection, webhook.revived(uow.now, skip=discard))
            outcome = "discarded" if discard else "retried"
            by = {"settled_by": principal.id, "settled_at": uow.now}
            row = await webhooks.settle(uow.connection, letter_id, outcome=outcome, reason=reason, **by)
            uow.audit(f"reporting.letter_{outcome}", entity="dead_letter", entity_id=letter_id)
            return _letter_out(row)

        return await self._units.execute(principal, command, LetterOut, work)

    # --- parts of commands

    def _check(self, account: Account, url: str, streams: "tuple[str, ...] | list[str]") -> None:
        check_target(self._sender.guard, url)
        check_known(streams, views.STREAMS)
        narrowed(account.scopes, tuple(streams))

    async def _locked_webhook(self, uow: UnitOfWork, principal: Principal, webhook_id: uuid.UUID) -> Webhook:
        require(principal, Permission.SERVICE_ACCOUNTS)
        webhook = await webhooks.by_id(uow.connection, webhook_id, locked=True)
        if webhook is None or webhook.state is WebhookState.REMOVED:
            raise not_found("the webhook")
        return webhook

    async def _change_webhook(
        self,
        principal: Principal,
        command: Command,
        webhook_id: uuid.UUID,
        change: "Callable[[UnitOfWork, Webhook], Any]",
    ) -> WebhookOut:
        async def work(uow: UnitOfWork) -> WebhookOut:
            webhook = await self._locked_webhook(uow, principal, webhook_id)
            changed: Webhook = await change(uow, webhook)
            await webhooks.save(uow.connection, changed)
            return webhook_out(changed)

        return await self._units.execute(principal, command, WebhookOut, work)

    def _signing_key(self, webhook_id: uuid.UUID, number: int) -> bytes:
        return self._webhook_keys.raw(f"{webhook_id} {number}")

    def _shown(self, made: SecretNumbered) -> WebhookSecret:
        return WebhookSecret(
            webhook=made.webhook, secret=shown(self._signing_key(made.webhook.id, made.number))
        )


def _audit(uow: UnitOfWork, action: str, webhook: Webhook) -> None:
    detail = {"account": str(webhook.account_id), "url": webhook.url, "streams": list(webhook.streams)}
    uow.audit(action, entity="webhook", entity_id=webhook.id, detail=detail)


def _letter_out(row: Row[Any]) -> LetterOut:
    return LetterOut.model_validate({name: getattr(row, name) for name in LetterOut.model_fields})
