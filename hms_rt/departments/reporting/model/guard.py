"""Where the server may send anything: nowhere that nobody allowed.

Without a setting only public addresses, over TLS. What lies in the hospital's own network is named by
address range or host name, and may then speak plain HTTP. The machine itself, its neighbours on the link and
the metadata services of clouds are reached only if their very range is named: a host name is not enough,
since whoever runs the name server could point it there.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from hms_rt.kernel.errors import Code, HmsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200")))


@dataclass(frozen=True, slots=True)
class Target:
    """Scheme and host of a URL."""

    scheme: str
    host: str


@dataclass(frozen=True, slots=True)
class Guard:
    """What was allowed by setting."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Guard":
        """From host names, addresses and networks."""
        hosts: set[str] = set()
        found: list[Network] = []
        for entry in entries:
            try:
                found.append(ipaddress.ip_network(entry))
            except ValueError:
                hosts.add(entry.lower())
        return cls(frozenset(hosts), tuple(found))

    def permits(self, target: Target, text: str) -> bool:
        """True if ``target``, which is at the address ``text``, may be reached."""
        address = plain_address(text)
        if address is None:
            return False
        around = [one for one in self.networks if one.version == address.version and address in one]
        if address in METADATA:
            return any(one.num_addresses == 1 for one in around)
        if around:
            return True
        special = address.is_loopback or address.is_link_local or address.is_unspecified
        if special or address.is_multicast or address.is_reserved:
            return False
        return target.host in self.hosts or (target.scheme == "https" and address.is_global)


def plain_address(text: str) -> Address | None:
    """An address, unwrapped where IPv6 wraps IPv4; None for a name."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address


def target_of(url: str) -> Target:
    """What ``url`` names; raises ``invalid`` for one that is no plain address of a web server."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if host is None or parts.scheme not in {"http", "https"} or "@" in parts.netloc or parts.fragment:
        raise HmsError(Code.INVALID, "url: write http(s)://host[:port]/path, without user name or fragment")
    return Target(parts.scheme, host.lower())


def check_target(guard: Guard, url: str) -> None:
    """Raises ``invalid`` for an address that may not be reached; names are judged when they are used."""
    target = target_of(url)
    if plain_address(target.host) is not None:
        refused = not guard.permits(target, target.host)
    else:
        refused = target.scheme == "http" and target.host not in guard.hosts and not guard.networks
    if refused:
        raise HmsError(
            Code.INVALID,
            "url: neither a public address over https nor within WEBHOOK_ALLOW, where the operator of this "
            "server lists the hosts and networks that it may send to",
        )
