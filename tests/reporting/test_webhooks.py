"""Webhooks against a real receiver: what is sent, and what happens when it does not arrive."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.notifications.schemas.notifications import NotificationQuery
from hms_rt.departments.reporting.model.guard import Guard
from hms_rt.departments.reporting.model.webhook import MAX_ATTEMPTS, WebhookMove, WebhookState
from hms_rt.departments.reporting.schemas.accounts import AccountNew
from hms_rt.departments.reporting.schemas.webhooks import (
    DiscardIn,
    LetterQuery,
    WebhookNew,
    WebhookSecret,
    WebhookUpdate,
)
from hms_rt.departments.reporting.service import ReportingService
from hms_rt.departments.reporting.service.sending import Sender
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.storage import epochs
from tests.conftest import PersonFactory, command
from tests.reporting.conftest import Query, Writer, connected
from tests.reporting.receiver import Receiver, documented_check


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhook_allow": ("127.0.0.0/8",)})


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores, clock: ManualClock) -> AsyncIterator[Hospital]:
    """Not started: the tests say when deliveries are looked after."""
    made = Hospital(settings, stores, clock=clock)
    yield made
    await made.close()


@pytest.fixture
def reporting(hospital: Hospital) -> ReportingService:
    return hospital.services.reporting


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest_asyncio.fixture
async def writer(stores: Stores) -> AsyncIterator[Writer]:
    async with connected(stores) as made:
        yield made


async def webhook(reporting: ReportingService, url: str, *streams: str, **fields: object) -> WebhookSecret:
    new = AccountNew(name=f"Reports {uuid.uuid4().hex[:8]}", purpose="figures", streams=["beds", "opd"])
    account = (await reporting.create_account(SYSTEM, command(), new)).account
    wanted = {"account_id": account.id, "url": url, "streams": list(streams), **fields}
    return await reporting.create_webhook(SYSTEM, command(), WebhookNew.model_validate(wanted))


async def deliver(reporting: ReportingService) -> None:
    """Until there is nothing more to do now."""
    while await reporting.deliver_due():
        pass


async def test_changes_are_sent_in_order_signed_as_documented(
    reporting: ReportingService, receiver: Receiver, writer: Writer, clock: ManualClock, query: Query
) -> None:
    await writer.write("beds/ward:A")  # before the webhook: not its business
    made = await webhook(reporting, receiver.url(), "beds")
    quiet = await webhook(reporting, receiver.url(), "beds", causes=["left"])
    for _ in range(3):
        await writer.write("beds/ward:A", "beds/ward:B", "opd/clinic:GEN")
    await deliver(reporting)
    sent = [(change["stream"], change["version"]) for change in receiver.taken()]
    assert sorted(sent) == [
        ("beds/ward:A", 2),
        ("beds/ward:A", 3),
        ("beds/ward:A", 4),
        *(("beds/ward:B", n) for n in (1, 2, 3)),
    ]
    assert [n for stream, n in sent if stream == "beds/ward:A"] == [2, 3, 4]
    assert (await reporting.get_webhook(SYSTEM, quiet.webhook.id)).last_delivered_at is None

    verified = documented_check()
    headers, body = receiver.got[-1]
    old = abs((datetime.now(UTC) - clock.now()).total_seconds()) + 60
    assert verified(made.secret, headers, body, old)
    assert not verified(made.secret, headers, body + b" ", old)
    assert not verified(quiet.secret, headers, body, old)
    assert not verified(made.secret, {**headers, "webhook-timestamp": "1614265330"}, body)

    renewed = await reporting.renew_webhook_secret(SYSTEM, command(), made.webhook.id)
    await reporting.ping_webhook(SYSTEM, command(), made.webhook.id)
    await deliver(reporting)
    headers, body = receiver.got[-1]
    assert receiver.messages[-1]["type"] == "ping"
    assert all(verified(secret, headers, body, old) for secret in (made.secret, renewed.secret))
    shown = await reporting.get_webhook(SYSTEM, made.webhook.id)
    assert (shown.last_status, shown.state, shown.attempts) == (204, WebhookState.ACTIVE, 0)
    trail = await query("SELECT count(*) AS n FROM audit_log WHERE action = 'changes.sent'")
    assert trail[0].n == len([one for one in receiver.messages if one["type"] == "changes"])


async def test_a_receiver_that_fails_stops_its_own_webhook_alone_until_somebody_decides(
    hospital: Hospital,
    reporting: ReportingService,
    receiver: Receiver,
    writer: Writer,
    clock: ManualClock,
    person: PersonFactory,
) -> None:
    admin = await person(Role.ADMIN)
    failing = await webhook(reporting, receiver.url("/moved"), "beds/ward:A")
    fine = await webhook(reporting, receiver.url(), "beds/ward:A")
    await writer.write("beds/ward:A")
    for attempt in range(MAX_ATTEMPTS):
        await deliver(reporting)
        shown = await reporting.get_webhook(SYSTEM, failing.webhook.id)
        assert shown.attempts == attempt + 1
        assert (shown.last_status, shown.last_error) == (307, "answered 307")
        clock.advance(timedelta(hours=1))
    assert len(receiver.taken()) == 1, "the other one had it at once"
    assert shown.state is WebhookState.DEAD
    (letter,) = (await reporting.list_dead_letters(SYSTEM, LetterQuery())).items
    assert (letter.webhook_id, letter.status, letter.attempts) == (failing.webhook.id, 307, MAX_ATTEMPTS)
    (told,) = (await hospital.services.notifications.list_own(admin, NotificationQuery())).items
    assert (told.kind, told.subject.id) == ("webhook_failed", str(failing.webhook.id))
    await writer.write("beds/ward:A")
    await deliver(reporting)
    assert [one["version"] for one in receiver.taken()] == [1, 2]
    with pytest.raises(HmsError) as refused:
        await reporting.move_webhook(SYSTEM, command(), failing.webhook.id, WebhookMove.RESUME)
    assert refused.value.code is Code.ILLEGAL_MOVE

    await reporting.move_webhook(SYSTEM, command(), fine.webhook.id, WebhookMove.REMOVE)
    receiver.got.clear()
    receiver.answered.clear()
    there = WebhookUpdate.model_validate({"url": receiver.url()})
    version = (await reporting.get_webhook(SYSTEM, failing.webhook.id)).version
    await reporting.change_webhook(SYSTEM, command(expected_version=version), failing.webhook.id, there)
    receiver.statuses = [503, 500]
    await reporting.retry_dead_letter(SYSTEM, command(), letter.id)
    for _ in range(4):
        await deliver(reporting)
        clock.advance(timedelta(minutes=1))
    assert receiver.ids[:3] == [str(letter.delivery_id)] * 3, "the same message, until it is taken"
    assert [one["version"] for one in receiver.taken()] == [1, 2]
    assert (await reporting.list_dead_letters(SYSTEM, LetterQuery())).items == []

    receiver.statuses = [410]
    await writer.write("beds/ward:A")
    await deliver(reporting)
    (letter,) = (await reporting.list_dead_letters(SYSTEM, LetterQuery())).items
    await writer.write("beds/ward:A")
    await reporting.discard_dead_letter(SYSTEM, command(), letter.id, DiscardIn(reason="not wanted"))
    with pytest.raises(HmsError, match="discarded before"):
        await reporting.retry_dead_letter(SYSTEM, command(), letter.id)
    await deliver(reporting)
    assert [one["version"] for one in receiver.taken()] == [1, 2, 4]


async def test_after_a_new_epoch_a_receiver_is_told_to_start_over_and_then_of_what_is_new(
    hospital: Hospital, reporting: ReportingService, receiver: Receiver, writer: Writer, query: Query
) -> None:
    made = await webhook(reporting, receiver.url())
    await reporting.move_webhook(SYSTEM, command(), made.webhook.id, WebhookMove.PAUSE)
    await writer.write("beds/ward:A")
    await deliver(reporting)
    assert receiver.got == []
    await reporting.move_webhook(SYSTEM, command(), made.webhook.id, WebhookMove.RESUME)
    await query("UPDATE stream_epoch SET changed_at = now() - interval '1 hour'")
    await epochs.went_back(hospital.engine, "a test says so")
    await deliver(reporting)
    await writer.write("beds/ward:A")
    await deliver(reporting)
    first, second = receiver.messages
    assert (first["type"], first["data"]["reason"]) == ("start_over", "epoch_changed")
    assert [change["version"] for change in second["data"]["changes"]] == [2]


async def test_a_receiver_costs_bounded_time_and_memory_and_may_be_nowhere_forbidden(
    receiver: Receiver,
) -> None:
    receiver.pause_s = 5.0
    allowed = Guard.of(["127.0.0.0/8", "::1"])
    slow = await Sender(allowed, 0.2).post(receiver.url(), b"{}", {})
    assert (slow.status, slow.taken, slow.error) == (None, False, "no answer within 0.2 s")
    assert (await Sender(allowed).post(receiver.url("/endless"), b"{}", {})).status == 500
    port = receiver.server.port
    by_name = f"http://localhost:{port}/hook"
    refused = await Sender(Guard.of(["localhost"])).post(by_name, b"{}", {})
    assert "WEBHOOK_ALLOW" in refused.error, "a name is not enough for what is on this machine"
    assert "WEBHOOK_ALLOW" in (await Sender(Guard()).post(receiver.url(), b"{}", {})).error
    receiver.pause_s = 0.0
    assert (await Sender(allowed).post(by_name, b"{}", {})).taken
    away = await Sender(allowed).post("http://127.0.0.1:1/", b"{}", {})
    assert away.status is None
    assert away.error
