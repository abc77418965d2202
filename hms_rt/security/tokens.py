"""Tokens: short-lived signed access tokens, and random secrets of which only a digest is stored.

An access token says which session it belongs to and no more: roles are read from the database, so that a
change of rights counts at once. Keys rotate: the first of the list signs, all of them verify.
"""

import hashlib
import hmac
import secrets
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import orjson
from jwt.algorithms import HMACAlgorithm

from hms_rt.kernel.clock import Clock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import PrincipalKind

ACCESS_LIFETIME = timedelta(minutes=10)
DEVICE_LIFETIME = timedelta(days=400)
"""As long as browsers keep any cookie; renewed whenever the screen asks who it is."""

MIN_KEY_BYTES = 32
REMEMBERED = 4096
"""Tokens whose signature need not be verified again by this process."""

_ALGORITHM = "HS256"
_ISSUER = "hms-rt"
_MAX_LENGTH = 2048
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified access token says."""

    kind: PrincipalKind
    subject: uuid.UUID
    session_id: uuid.UUID
    rights_version: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret of at least 32 bytes; its id is derived, so that nobody has to invent one."""

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_KEY_BYTES:
            raise ValueError(
                f"a signing key needs at least {MIN_KEY_BYTES} bytes: make one with `openssl rand -hex 32`"
            )

    @property
    def kid(self) -> str:
        return hmac.digest(self.secret, b"key id", hashlib.sha256)[:8].hex()


def unauthenticated() -> HmsError:
    """The caller must sign in (again); says no more, whatever was wrong."""
    return HmsError(Code.UNAUTHENTICATED, "sign in first")


class _Prepared(HMACAlgorithm):
    """HS256 with keys that were examined once, at the start: the library does it again for every token."""

    def prepare_key(self, key: str | bytes) -> bytes:
        return key if isinstance(key, bytes) else super().prepare_key(key)


def _signatures() -> jwt.PyJWS:
    made = jwt.PyJWS()
    made.unregister_algorithm(_ALGORITHM)
    made.register_algorithm(_ALGORITHM, _Prepared(HMACAlgorithm.SHA256))
    return made


class AccessTokens:
    """Issues and verifies access tokens (JWT, HS256).

    What a genuine token says is remembered by the digest of the whole token, so that a screen that comes back
    and a user's next request cost no second check of the same signature. Its end is looked at every time; who
    its session belongs to now, and whether it goes on, is never asked here.
    """

    def __init__(
        self,
        keys: Sequence[SigningKey],
        clock: Clock,
        *,
        lifetime: timedelta = ACCESS_LIFETIME,
        audience: str = "hms-rt",
    ) -> None:
        if not keys:
            raise ValueError("at least one signing key is needed")
        self._signs = keys[0]
        self._keys = {key.kid: key.secret for key in keys}
        for secret in self._keys.values():
            HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)  # refuses what looks like a public key
        self._jws = _signatures()
        self._remembered: dict[bytes, Claims] = {}
        self._clock = clock
        self._lifetime = lifetime
        self._audience = audience

    def lifetime(self, kind: PrincipalKind) -> timedelta:
        """How long a token of this kind of principal is valid."""
        return DEVICE_LIFETIME if kind is PrincipalKind.DEVICE else self._lifetime

    def issue(
        self, kind: PrincipalKind, subject: uuid.UUID, session_id: uuid.UUID, rights_version: int
    ) -> str:
        """A fresh token for one session of a user or device."""
        now = self._clock.now()
        claims = {
            "iss": _ISSUER,
            "aud": self._audience,
            "sub": str(subject),
            "sid": str(session_id),
            "kind": kind.value,
            "rv": rights_version,
            "iat": int(now.timestamp()),
            "exp": int((now + self.lifetime(kind)).timestamp()),
            "jti": secrets.token_urlsafe(12),
        }
        return jwt.encode(claims, self._signs.secret, algorithm=_ALGORITHM, headers={"kid": self._signs.kid})

    def verify(self, token: str) -> Claims:
        """The claims of a genuine, unexpired token; raises ``unauthenticated`` for anything else."""
        key = digest(token)
        claims = self._remembered.get(key)
        if claims is None:
            try:
                claims = self._read(token)
            except (jwt.PyJWTError, ValueError, KeyError, TypeError, OverflowError):
                raise unauthenticated() from None
            self._remember(key, claims)
        if claims.expires_at <= self._clock.now():
            raise unauthenticated()
        return claims

    def _remember(self, key: bytes, claims: Claims) -> None:
        if len(self._remembered) >= REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[key] = claims

    def _read(self, token: str) -> Claims:
        if len(token) > _MAX_LENGTH:
            raise ValueError("too long")
        if len(self._keys) == 1:
            secret = self._signs.secret  # its header is read once, below: sockets come by thousands
        else:
            secret = self._keys[jwt.get_unverified_header(token)["kid"]]
        read = self._jws.decode_complete(token, secret, algorithms=[_ALGORITHM])
        if self._keys.get(read["header"]["kid"]) != secret:
            raise ValueError("signed with another key")
        # The claims are checked here, times against our own clock, which tests can set: what the library's
        # other half does for any token at all costs as much as the signature.
        said: Any = orjson.loads(read["payload"])
        if not isinstance(said, dict) or any(said.get(name) is None for name in _REQUIRED):
            raise ValueError("a claim is missing")
        if said["iss"] != _ISSUER or said["aud"] != self._audience:
            raise ValueError("made by or for somebody else")
        kind = PrincipalKind(said["kind"])
        if kind not in {PrincipalKind.USER, PrincipalKind.DEVICE}:
            raise ValueError("only people and screens have sessions")
        return Claims(
            kind=kind,
            subject=uuid.UUID(str(said["sub"])),
            session_id=uuid.UUID(str(said["sid"])),
            rights_version=int(said["rv"]),
            expires_at=datetime.fromtimestamp(int(said["exp"]), UTC),
        )


def new_secret() -> str:
    """256 random bits as text: a refresh token's or an enrolment link's secret."""
    return secrets.token_urlsafe(32)


def new_bytes(count: int) -> bytes:
    """Random bytes for a key that is stored."""
    return secrets.token_bytes(count)


def digest(secret: str) -> bytes:
    """What is stored of a random secret. It has 256 bits, so no slow hash is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class DerivedSecrets:
    """Secrets derived from a key and a text: the same each time, so none is stored to be repeated.

    The refresh token that follows another: two tabs that refresh at the same moment, or a client whose answer
    was lost, all get the same one. The link of a screen: a repeated command answers the same link.
    """

    def __init__(self, key: SigningKey, purpose: str) -> None:
        self._key = hmac.digest(key.secret, purpose.encode(), hashlib.sha256)

    def raw(self, text: str) -> bytes:
        """The secret (32 bytes) that belongs to ``text``."""
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def of(self, text: str) -> str:
        """The same, URL-safe."""
        return urlsafe_b64encode(self.raw(text)).rstrip(b"=").decode()
