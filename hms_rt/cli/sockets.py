"""Listening sockets: bound by whoever starts, so that it knows at once whether the port is free."""

import errno
import socket
from collections.abc import Sequence

BACKLOG = 4096


def bind(host: str, port: int) -> list[socket.socket]:
    """A socket for every address of ``host``, for this process alone; ``OSError`` if the port is taken."""
    return _bind(host, port, shared=False)


def bind_shared(host: str, port: int) -> list[socket.socket]:
    """Like :func:`bind`, but others of this account may bind the same port too: the kernel spreads clients.

    Nobody is sent to such a socket before it listens. Whoever binds first must have found the port free
    with :func:`bind`, or two servers would share their clients without knowing of each other.
    """
    return _bind(host, port, shared=True)


def adopt(descriptors: Sequence[int]) -> list[socket.socket]:
    """The sockets that a parent process bound."""
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def close(sockets: Sequence[socket.socket]) -> None:
    """Give up this process's hold of them."""
    for each in sockets:
        each.close()


def refuse_more(sockets: Sequence[socket.socket]) -> None:
    """Let the queues of arrived connections run empty: no room for another one.

    A listener that closes resets what still waits in its queue. After this, and a moment to accept the rest,
    hardly anything does; who comes meanwhile is refused by the kernel once the listener is closed.
    """
    for each in sockets:
        each.listen(0)


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bind(host: str, port: int, *, shared: bool) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            made = _socket(family, shared=shared)
            if made is None:
                continue
            bound.append(made)
            made.bind((address, port))
            port = made.getsockname()[1]  # one port for all addresses, also if any will do
    except OSError as error:
        close(bound)
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    if not bound:
        raise OSError(errno.EAFNOSUPPORT, f"cannot listen on {host}: this machine has no such addresses")
    return bound


def _socket(family: socket.AddressFamily, *, shared: bool) -> socket.socket | None:
    """None where the machine has no such addresses (a name may have IPv6 ones that the kernel lacks)."""
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return None
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.setblocking(False)
    return made
