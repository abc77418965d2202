"""A worker's post: what the supervisor gives it on the way, and what the worker reports back."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "HMS_POST"
"""The environment variable that carries a post from the supervisor to its worker."""

LISTENING = "listening"
READY = "ready"
REFUSED = "refused"
ALIVE = "alive"
"""Reports of a worker, a line each: it listens; every dependency answers; it cannot start, and why; its event
loop turns."""

ALIVE_EVERY_S = 1.0

REFUSAL_EXIT = 2


@dataclass(frozen=True)
class Post:
    """One worker's place: its number, what it listens with, whom it reports to.

    ``sockets`` and ``reports`` are file descriptors that it inherits, ``metrics`` the name of its files in
    the shared folder, ``supervisor`` the process that it must not survive.
    """

    worker: int
    sockets: tuple[int, ...]
    reports: int
    metrics: str
    supervisor: int

    def to_environment(self) -> dict[str, str]:
        """For the environment of the new process."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> Post:
        """This process's own post, taken out of the environment. Raises ``KeyError`` if it has none."""
        given = json.loads(os.environ.pop(VARIABLE))
        given["sockets"] = tuple(given["sockets"])
        return cls(**given)

    def report(self, what: str, text: str = "") -> None:
        """Tell the supervisor; it may be gone, then nobody is told."""
        line = " ".join(f"{what} {text}".split())[:2000] + "\n"
        try:
            os.write(self.reports, line.encode())
        except OSError:
            return

    def beat(self) -> None:
        """Tell that the event loop turns; a supervisor that does not listen must not stop it."""
        os.set_blocking(self.reports, False)
        self.report(ALIVE)
