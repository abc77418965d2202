"""Webhooks: every pair of state and move; pauses, signatures, and where may be sent to."""

import base64
import hashlib
import hmac
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from hms_rt.departments.reporting.model import signing
from hms_rt.departments.reporting.model.guard import Guard, Target, check_target
from hms_rt.departments.reporting.model.webhook import (
    LONGEST_PAUSE,
    MAX_ATTEMPTS,
    MOVES,
    DeliveryKind,
    Pending,
    Webhook,
    WebhookMove,
    WebhookState,
    pause_after,
)
from hms_rt.kernel.errors import Code, HmsError

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
S, M = WebhookState, WebhookMove
LEGAL = {
    (S.ACTIVE, M.PAUSE): S.PAUSED,
    (S.ACTIVE, M.DIE): S.DEAD,
    (S.ACTIVE, M.REMOVE): S.REMOVED,
    (S.PAUSED, M.RESUME): S.ACTIVE,
    (S.PAUSED, M.REMOVE): S.REMOVED,
    (S.DEAD, M.REVIVE): S.ACTIVE,
    (S.DEAD, M.REMOVE): S.REMOVED,
}
PENDING = Pending(uuid.UUID(int=9), DeliveryKind.CHANGES, {"p": 2}, NOW)


def webhook(state: WebhookState = S.ACTIVE) -> Webhook:
    return Webhook(
        id=uuid.UUID(int=1),
        account_id=uuid.UUID(int=2),
        url="https://example.org",
        streams=(),
        causes=(),
        state=state,
        secret=b"a" * 32,
        secret_number=1,
        previous_secret=None,
        previous_until=None,
        cursor={"p": 1},
        pending=PENDING,
        attempts=0,
        next_at=NOW,
        ping_id=None,
        last_attempt_at=None,
        last_delivered_at=None,
        last_status=None,
        last_error=None,
        version=1,
        created_by=uuid.UUID(int=3),
        created_at=NOW,
    )


@pytest.mark.parametrize(("state", "move"), [(state, move) for state in S for move in M])
def test_exactly_the_legal_moves_are_made(state: WebhookState, move: WebhookMove) -> None:
    assert (move in MOVES[state]) is ((state, move) in LEGAL)
    if (state, move) in LEGAL:
        after = webhook(state).moved(move)
        assert (after.state, after.version) == (LEGAL[state, move], 2)
        return
    with pytest.raises(HmsError) as refused:
        webhook(state).moved(move)
    assert refused.value.code is Code.ILLEGAL_MOVE
    assert refused.value.fields["legal"] == sorted(m.value for s, m in LEGAL if s is state)


def test_what_does_not_arrive_is_tried_again_and_then_left_to_somebody() -> None:
    one = webhook()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert one.state is S.ACTIVE
        one = one.failed(NOW, "no", status=500, pause=timedelta(seconds=attempt), final=False)
    assert (one.state, one.attempts, one.pending) == (S.DEAD, MAX_ATTEMPTS, PENDING)
    again, skipped = one.revived(NOW, skip=False), one.revived(NOW, skip=True)
    assert (again.state, again.attempts, again.pending, again.cursor) == (S.ACTIVE, 0, PENDING, {"p": 1})
    assert (skipped.state, skipped.pending, skipped.cursor) == (S.ACTIVE, None, {"p": 2})
    assert webhook().failed(NOW, "gone", status=410, pause=timedelta(), final=True).state is S.DEAD
    done = webhook().arrived(NOW, 204)
    assert (done.pending, done.cursor, done.attempts) == (None, {"p": 2}, 0)


def test_pauses_double_up_to_an_hour_and_are_spread() -> None:
    whole = [pause_after(attempt, 0) for attempt in range(1, MAX_ATTEMPTS + 1)]
    assert whole[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert whole[-1] == LONGEST_PAUSE
    assert timedelta(hours=10) < sum(whole, timedelta()) < timedelta(hours=13)
    assert pause_after(3, 1) == timedelta(seconds=10)
    assert pause_after(1, 0, timedelta(minutes=2)) == timedelta(minutes=2)
    assert pause_after(1, 0, timedelta(days=2)) == LONGEST_PAUSE


def test_signatures_are_those_of_the_specification_with_both_secrets_for_a_day() -> None:
    """The example of the specification's reference libraries."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    made = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, [key])
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signing.shown(key) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    renewed = webhook().with_secret(b"b" * 32, NOW)
    both = signing.headers("m", 1, b"{}", renewed.signing(NOW + timedelta(hours=23)))["webhook-signature"]
    digests = [base64.b64encode(hmac.digest(k * 32, b"m.1.{}", hashlib.sha256)) for k in (b"b", b"a")]
    assert both == " ".join(f"v1,{digest.decode()}" for digest in digests)
    assert renewed.signing(NOW + timedelta(hours=24)) == (b"b" * 32,)


@pytest.mark.parametrize(
    ("address", "default", "named", "within"),
    [
        ("93.184.216.34", True, True, True),
        ("10.1.2.3", False, True, True),
        ("192.168.1.1", False, True, True),
        ("fd12::1", False, True, True),
        ("127.0.0.1", False, False, True),
        ("::1", False, False, True),
        ("::ffff:127.0.0.1", False, False, True),
        ("0.0.0.0", False, False, True),
        ("169.254.7.7", False, False, True),
        ("fe80::1%eth0", False, False, True),
        ("169.254.169.254", False, False, False),
        ("fd00:ec2::254", False, False, False),
        ("100.100.100.200", False, False, False),
        ("224.0.0.1", False, False, True),
        ("no address", False, False, False),
    ],
)
def test_nothing_is_sent_where_nobody_allowed(address: str, default: bool, named: bool, within: bool) -> None:
    there = Target("https", "reports.lan")
    assert Guard().permits(there, address) is default
    assert Guard.of(["Reports.lan"]).permits(there, address) is named
    assert Guard.of(["0.0.0.0/0", "::/0"]).permits(there, address) is within
    assert not Guard().permits(Target("http", "reports.lan"), address)
    assert Guard.of(["169.254.169.254"]).permits(there, "169.254.169.254")


def test_an_address_that_can_never_be_sent_to_is_refused_when_it_is_given() -> None:
    for url in ("https://example.org/x", "https://93.184.216.34:8443/x?y=1"):
        check_target(Guard(), url)
    check_target(Guard.of(["reports.lan"]), "http://reports.lan:8080/x")
    check_target(Guard.of(["10.0.0.0/8"]), "http://10.1.1.1/x")
    for url in (
        "http://example.org/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data",
        "http://10.1.1.1/x",
        "https://user:secret@example.org/x",
        "https://example.org/#x",
        "ftp://example.org/",
        "https://",
        "https://example.org:port/",
        "https://[::1/",
    ):
        with pytest.raises(HmsError, match="url: "):
            check_target(Guard(), url)
