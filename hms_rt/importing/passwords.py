"""First passwords of imported accounts: generated, and written where only their owner can read."""

import csv
import os
import secrets
from pathlib import Path

_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 4, 4


def generate_password() -> str:
    """About 92 bits in four groups that can be read from paper: no ``0 O 1 l i``."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


class PasswordFile:
    """A CSV file of mode 0600, made with the first password; an older one is continued."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0

    def add(self, username: str, password: str) -> None:
        """Append one line, on disk before this returns."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            os.fchmod(descriptor, 0o600)
            writer = csv.writer(file)
            if os.fstat(descriptor).st_size == 0:
                writer.writerow(("username", "password"))
            writer.writerow((username, password))
            file.flush()
            os.fsync(descriptor)
        self.written += 1

    def check(self) -> None:
        """Raises ``OSError`` if no file can be written there, before any account is made."""
        if self.path.is_symlink():
            raise OSError("it is a link")
        if not os.access(self.path if self.path.exists() else self.path.parent, os.W_OK):
            raise OSError("not writable")
