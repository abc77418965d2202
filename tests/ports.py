"""Loopback ports for servers that a test starts by number."""

import random
import socket
from pathlib import Path

_LOWEST = 11_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_chance = random.SystemRandom()  # hypothesis seeds the shared one, the same in every worker


def free_port() -> int:
    """A port that nobody listens on, and that nobody is given by chance before the server takes it.

    Ports for outgoing connections and for those who ask for any come from the kernel's own range, where
    other tests and workers use thousands; this one is below.
    """
    above = int(_RANGE.read_text().split()[0])
    while True:
        port = _chance.randrange(_LOWEST, max(above, 2 * _LOWEST))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
