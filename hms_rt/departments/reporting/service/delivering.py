"""Delivers webhooks: what is due, in order, at least once, each webhook by one process at a time.

What is under way is written down before it is sent and stays the same until it was taken: whoever comes after
a process that died sends the same message again, under the same id. The lock is held by a transaction that
writes nothing, so it ends with its process and holds back nobody's feed.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from hms_rt.departments.notifications.model.notification import Kind, Priority, Subject
from hms_rt.departments.notifications.model.wording import Phrase, say
from hms_rt.departments.reporting.model import signing
from hms_rt.departments.reporting.model.account import Account
from hms_rt.departments.reporting.model.webhook import (
    DeliveryKind,
    Pending,
    Webhook,
    WebhookState,
    pause_after,
)
from hms_rt.departments.reporting.repository import accounts, webhooks
from hms_rt.departments.reporting.schemas.feed import FeedCursor
from hms_rt.departments.reporting.service import messages, metrics
from hms_rt.departments.reporting.service.feed import (
    check_kept,
    cursor_of,
    place_of,
    reached,
    wanted_of,
)
from hms_rt.departments.reporting.service.foundation import Foundation
from hms_rt.departments.reporting.service.sending import Outcome
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.storage import change_feed
from hms_rt.storage.change_feed import Bounds
from hms_rt.storage.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

LOOK_S = 0.5
AT_ONCE = 2
"""Webhooks of a process that are delivered at the same time: each takes a connection or two."""
DUE = 50
BATCH = 200
"""Versions of streams in one message."""
KEEP_UP = timedelta(hours=1)
"""A webhook that nothing concerns moves its place this often, so that it never gets too old."""
RECEIVER_GONE = 410
"""The receiver wants no more: dead at once, as the specification has it."""


@dataclass(frozen=True, slots=True)
class _Message:
    """What is sent: under which id, and what it says."""

    id: uuid.UUID
    body: bytes


class Delivering(Foundation):
    """The part of the reporting service that runs by itself."""

    async def deliver_forever(self) -> None:
        """Deliver what is due, wait, for ever."""
        turns = asyncio.Semaphore(AT_ONCE)
        while True:
            try:
                delivered = await self.deliver_due(turns)
            except HmsError as error:
                log.warning("webhooks.refused", error=error.code.value)
                delivered = 0
            except Exception:
                log.exception("webhooks.failed")
                delivered = 0
            if not delivered:
                await asyncio.sleep(LOOK_S)

    async def deliver_due(self, turns: asyncio.Semaphore | None = None) -> int:
        """One step of every webhook that is due and that no other process has in hand; how many went on."""
        turns = turns or asyncio.Semaphore(AT_ONCE)
        async with self._units.asking() as connection:
            due = await webhooks.due(connection, self._units.now(), DUE)
            oldest = await webhooks.oldest_pending(connection)
        waited = (self._units.now() - oldest).total_seconds() if oldest is not None else 0.0
        metrics.lagging(max(0.0, waited))

        async def one(webhook_id: uuid.UUID) -> bool:
            async with turns, self._units.reading() as lock:
                return await webhooks.alone(lock, webhook_id) and await self._step(webhook_id)

        outcomes = await asyncio.gather(*(one(webhook_id) for webhook_id in due), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                log.warning("webhook.step_failed", error=type(outcome).__name__, exc_info=outcome)
        return sum(outcome is True for outcome in outcomes)

    async def _step(self, webhook_id: uuid.UUID) -> bool:
        """Bring a webhook forward; True if there may be more to do at once."""
        async with self._units.asking() as connection:
            webhook = await webhooks.by_id(connection, webhook_id)
            account = await accounts.by_id(connection, webhook.account_id) if webhook else None
        if webhook is None or account is None:
            return False
        if webhook.ping_id is not None:
            await self._ping(webhook, webhook.ping_id)
        if webhook.state is not WebhookState.ACTIVE or webhook.next_at > self._units.now():
            return False
        try:
            message = await self._message(webhook, account)
        except HmsError as error:
            if error.code is Code.UNAVAILABLE:
                raise
            return await self._settled(webhook, None, Outcome(None, error.detail))
        if isinstance(message, bool):
            return message
        outcome = await self._send(webhook, message)
        metrics.attempted(delivered=outcome.taken)
        return await self._settled(webhook, message.id, outcome)

    async def _send(self, webhook: Webhook, message: _Message) -> Outcome:
        now = self._units.now()
        timestamp = int(now.timestamp())
        headers = signing.headers(str(message.id), timestamp, message.body, webhook.signing(now))
        return await self._sender.post(webhook.url, message.body, headers)

    async def _ping(self, webhook: Webhook, ping_id: uuid.UUID) -> None:
        body = messages.ping(webhook, self._units.now())
        outcome = await self._send(webhook, _Message(ping_id, body))
        metrics.attempted(delivered=outcome.taken)

        async def change(uow: UnitOfWork, now: Webhook) -> Webhook:
            return replace(
                now,
                ping_id=None,
                last_attempt_at=uow.now,
                last_status=outcome.status,
                last_error=outcome.error or None,
            )

        await self._update(webhook.id, change)

    # --- what is sent

    async def _message(self, webhook: Webhook, account: Account) -> _Message | bool:
        """What is under way, or the next thing; True if only the place moved, False if there is nothing."""
        cursor = FeedCursor.model_validate(webhook.cursor)
        pending = webhook.pending
        async with self._units.asking() as connection:
            known = await change_feed.bounds(connection)
            if pending is not None and pending.kind is DeliveryKind.START_OVER:
                return _Message(pending.id, messages.start_over(webhook, pending))
            try:
                check_kept(cursor, known)
            except HmsError as gone:
                fresh = cursor_of(known.end, known.now, known.epoch)
                reason = str(gone.fields["reason"])
                pending = await self._begin(webhook, DeliveryKind.START_OVER, fresh, reason)
                return _Message(pending.id, messages.start_over(webhook, pending))
            wanted = wanted_of(account, ",".join(webhook.streams))
            if pending is None:
                stretch = await change_feed.look(connection, place_of(cursor), known, wanted, BATCH)
                end, limit, to = stretch.end, BATCH, reached(cursor, stretch, known)
                if not stretch.found:
                    return await self._advance(webhook, to, known, more=stretch.more)
            else:
                to = FeedCursor.model_validate(pending.to)
                end, limit = place_of(to), BATCH
            rows = await change_feed.read(connection, place_of(cursor), end, wanted, limit)
        chosen, last = messages.chosen(rows, webhook, account, known, whole=pending is not None)
        if last is not None:
            to = cursor_of(last.place, last.entry.at, known.epoch)
        if pending is None:
            if not chosen:
                await self._moved_to(webhook, to)
                return True
            pending = await self._begin(webhook, DeliveryKind.CHANGES, to, None)
        return _Message(pending.id, messages.changes(webhook, pending, to, chosen))

    async def _advance(self, webhook: Webhook, to: FeedCursor, known: Bounds, *, more: bool) -> bool:
        """Nothing in this stretch concerns the webhook: its place moves on, now and then."""
        if more or known.now - FeedCursor.model_validate(webhook.cursor).a > KEEP_UP:
            await self._moved_to(webhook, to)
        return more

    async def _moved_to(self, webhook: Webhook, to: FeedCursor) -> None:
        async def change(uow: UnitOfWork, now: Webhook) -> Webhook:
            return replace(now, cursor=to.model_dump(mode="json"))

        await self._update(webhook.id, change)

    async def _begin(
        self, webhook: Webhook, kind: DeliveryKind, to: FeedCursor, reason: str | None
    ) -> Pending:
        """Write down what will be sent, and account for it, before it is."""
        made: list[Pending] = []

        async def change(uow: UnitOfWork, now: Webhook) -> Webhook:
            pending = Pending(uow.ids.new(), kind, to.model_dump(mode="json"), uow.now, reason)
            made[:] = [pending]
            detail = {"webhook": str(webhook.id), "kind": kind.value, "from": now.cursor, "to": pending.to}
            uow.audit("changes.sent", entity="service_account", entity_id=now.account_id, detail=detail)
            return replace(now, pending=pending)

        await self._update(webhook.id, change)
        return made[0]

    # --- what came of it

    async def _settled(self, webhook: Webhook, message_id: uuid.UUID | None, outcome: Outcome) -> bool:
        """Write down what came of an attempt; True if it was taken."""

        async def change(uow: UnitOfWork, now: Webhook) -> Webhook:
            if now.pending is None or (message_id is not None and now.pending.id != message_id):
                return now if message_id is not None else _refused(now, uow, outcome, self._chance())
            if outcome.taken and outcome.status is not None:
                return now.arrived(uow.now, outcome.status)
            after = _refused(now, uow, outcome, self._chance())
            if after.state is WebhookState.DEAD:
                await self._bury(uow, after, outcome)
            return after

        await self._update(webhook.id, change)
        if not outcome.taken:
            log.warning("webhook.failed", webhook=str(webhook.id), error=outcome.error)
        return outcome.taken

    async def _bury(self, uow: UnitOfWork, webhook: Webhook, outcome: Outcome) -> None:
        """Leave it to the administrators, and tell them."""
        if webhook.pending is None:
            return
        letter_id = uow.ids.new()
        await webhooks.bury(
            uow.connection,
            id=letter_id,
            webhook_id=webhook.id,
            delivery_id=webhook.pending.id,
            kind=webhook.pending.kind.value,
            attempts=webhook.attempts,
            status=outcome.status,
            error=outcome.error[:300],
            failed_at=uow.now,
        )
        uow.audit("reporting.webhook_die", entity="webhook", entity_id=webhook.id)
        metrics.died()
        log.error("webhook.dead", webhook=str(webhook.id), fix="see GET /webhook-dead-letters")
        people = await self._identity.users_with(uow.connection, roles=[Role.ADMIN])
        await self._notifications.notify(
            uow,
            [one.id for one in people],
            Kind.WEBHOOK_FAILED,
            say(Phrase.WEBHOOK_FAILED),
            Subject("webhook", str(webhook.id)),
            priority=Priority.HIGH,
        )

    async def _update(
        self, webhook_id: uuid.UUID, change: Callable[[UnitOfWork, Webhook], Awaitable[Webhook]]
    ) -> None:
        async def work(uow: UnitOfWork) -> None:
            webhook = await webhooks.by_id(uow.connection, webhook_id, locked=True)
            if webhook is None or webhook.state is WebhookState.REMOVED:
                raise HmsError(Code.CONFLICT, "the webhook was removed meanwhile")
            await webhooks.save(uow.connection, await change(uow, webhook))

        command = Command(name="reporting.deliver", request_id=f"webhook {webhook_id}")
        await self._units.execute(SYSTEM, command, type(None), work)


def _refused(webhook: Webhook, uow: UnitOfWork, outcome: Outcome, chance: float) -> Webhook:
    pause = pause_after(webhook.attempts + 1, chance, outcome.asked)
    final = outcome.status == RECEIVER_GONE and webhook.pending is not None
    return webhook.failed(uow.now, outcome.error, status=outcome.status, pause=pause, final=final)
