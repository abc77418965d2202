"""Access tokens: what is accepted, and everything that is not."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import PrincipalKind
from hms_rt.security import tokens as tokens_module
from hms_rt.security.tokens import AccessTokens, DerivedSecrets, SigningKey, digest, new_secret

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
OLD, NEW = SigningKey(b"o" * 64), SigningKey(b"n" * 64)
SUBJECT, SESSION = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def tokens(clock: ManualClock) -> AccessTokens:
    return AccessTokens([NEW, OLD], clock)


def refused(tokens: AccessTokens, token: str) -> bool:
    with pytest.raises(HmsError) as raised:
        tokens.verify(token)
    return raised.value.code is Code.UNAUTHENTICATED


def forged(key: SigningKey = NEW, algorithm: str = "HS256", **changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": "hms-rt",
        "aud": "hms-rt",
        "sub": str(SUBJECT),
        "sid": str(SESSION),
        "kind": "user",
        "rv": 1,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 600,
        "jti": "x",
    }
    claims.update(changes)
    claims = {name: value for name, value in claims.items() if value is not None}
    secret = key.secret if algorithm != "none" else None
    return jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": key.kid})


def test_a_token_says_who_and_no_roles(tokens: AccessTokens) -> None:
    token = tokens.issue(PrincipalKind.USER, SUBJECT, SESSION, 3)
    claims = tokens.verify(token)
    assert (claims.kind, claims.subject, claims.session_id) == (PrincipalKind.USER, SUBJECT, SESSION)
    assert claims.rights_version == 3
    assert claims.expires_at == NOW + timedelta(minutes=10)
    said = jwt.decode(token, options={"verify_signature": False})
    assert set(said) == {"iss", "aud", "sub", "sid", "kind", "rv", "iat", "exp", "jti"}


def test_a_token_dies_after_ten_minutes_a_screens_after_400_days(
    tokens: AccessTokens, clock: ManualClock
) -> None:
    user = tokens.issue(PrincipalKind.USER, SUBJECT, SESSION, 1)
    device = tokens.issue(PrincipalKind.DEVICE, SUBJECT, SESSION, 1)
    clock.advance(timedelta(minutes=10))
    assert refused(tokens, user)
    tokens.verify(device)
    clock.advance(timedelta(days=400))
    assert refused(tokens, device)


def test_an_older_key_still_verifies_until_it_is_dropped(tokens: AccessTokens, clock: ManualClock) -> None:
    token = AccessTokens([OLD], clock).issue(PrincipalKind.USER, SUBJECT, SESSION, 1)
    tokens.verify(token)
    assert refused(AccessTokens([NEW], clock), token)


def test_the_forger_made_a_token_that_would_be_accepted_but_for_one_thing(tokens: AccessTokens) -> None:
    tokens.verify(forged())


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in ("iss", "aud", "sub", "sid", "kind", "rv", "iat", "exp", "jti")),
        {"iss": "other"},
        {"aud": "other"},
        {"aud": ["other", "another"]},
        {"kind": "system"},
        {"kind": "root"},
        {"sub": "admin"},
        {"sid": 7},
        {"rv": "many"},
        {"exp": "soon"},
        {"exp": int(NOW.timestamp())},
        {"exp": 10**30},
        {"key": SigningKey(b"z" * 64)},
        {"algorithm": "HS512"},
        {"algorithm": "none"},
    ],
    ids=str,
)
def test_a_token_with_one_flaw_is_refused(tokens: AccessTokens, changes: dict[str, Any]) -> None:
    assert refused(tokens, forged(**changes))


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 5000, "é.é.é", "\x00", "e30.e30.e30", "bnVsbA.e30."])
def test_rubbish_is_refused(tokens: AccessTokens, token: str) -> None:
    assert refused(tokens, token)


def test_a_tampered_token_is_refused(tokens: AccessTokens) -> None:
    head, body, signature = tokens.issue(PrincipalKind.USER, SUBJECT, SESSION, 1).split(".")
    other = tokens.issue(PrincipalKind.USER, uuid.uuid4(), SESSION, 1).split(".")[1]
    assert refused(tokens, f"{head}.{other}.{signature}")
    assert refused(tokens, f"{head}.{body}.")


def test_what_is_remembered_of_a_genuine_token_helps_no_other(
    tokens: AccessTokens, clock: ManualClock
) -> None:
    """A token's signature is verified once; its twin, its end and another server's key are not fooled."""
    token = tokens.issue(PrincipalKind.USER, SUBJECT, SESSION, 1)
    claims = tokens.verify(token)
    assert tokens.verify(token) == claims
    head, body, signature = token.split(".")
    for twin in (
        f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{token}.{signature}",
        f" {token}",
        forged(key=SigningKey(b"z" * 64)),
    ):
        assert refused(tokens, twin), twin
    assert refused(AccessTokens([SigningKey(b"z" * 64)], clock), token)
    assert refused(AccessTokens([NEW], clock, audience="another"), token)
    clock.advance(timedelta(minutes=10))
    assert refused(tokens, token)


def test_refused_tokens_are_not_remembered_and_of_others_not_more_than_the_limit(
    tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "REMEMBERED", 3)
    genuine = [tokens.issue(PrincipalKind.USER, SUBJECT, SESSION, number) for number in range(5)]
    for number, token in enumerate(genuine):
        assert tokens.verify(token).rights_version == number
        assert refused(tokens, forged(aud="other"))
    assert len(tokens._remembered) == 3
    assert [tokens.verify(token).rights_version for token in genuine] == list(range(5))


def test_a_public_key_is_no_secret(clock: ManualClock) -> None:
    pem = b"-----BEGIN PUBLIC KEY-----\n" + b"A" * 64 + b"\n-----END PUBLIC KEY-----\n"
    with pytest.raises(jwt.InvalidKeyError):
        AccessTokens([SigningKey(pem)], clock)


def test_short_keys_and_no_keys_are_refused(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SigningKey(b"x" * 31)
    with pytest.raises(ValueError, match="at least one"):
        AccessTokens([], clock)


def test_secrets_are_fresh_and_derived_ones_repeat() -> None:
    assert new_secret() != new_secret()
    assert len(digest("x")) == 32
    one, other = DerivedSecrets(NEW, "one"), DerivedSecrets(NEW, "other")
    assert one.of("x") == one.of("x") != one.of("y")
    assert one.of("x") != other.of("x")
