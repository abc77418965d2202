"""Pseudonyms: the same person is the same pseudonym to one account, and another one to every other.

Without the account's key nobody can tell who it is, nor bring two accounts' data together.
"""

import hashlib
import hmac
from dataclasses import dataclass

LENGTH = 32
"""Hexadecimal digits: 128 bits."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The pseudonyms of one account."""

    key: bytes

    def of(self, kind: str, identifier: str) -> str:
        """Who ``identifier`` is to this account; ``kind`` (``patient``, ``staff``) keeps them apart."""
        made = hmac.digest(self.key, f"{kind} {identifier}".encode(), hashlib.sha256)
        return f"{kind}-{made.hex()[:LENGTH]}"
