"""Signatures as the Standard Webhooks specification (1.0) has them: https://www.standardwebhooks.com."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

SECRET_BYTES = 32
_PREFIX = "whsec_"


def shown(secret: bytes) -> str:
    """A secret as receivers are given it."""
    return _PREFIX + base64.b64encode(secret).decode()


def headers(delivery_id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """What goes with ``body``: its id, when it was sent (Unix seconds), and a signature with each secret."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    made = (base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{one}" for one in made),
    }
