"""Where a request really comes from, seen through listed proxies only."""

import ipaddress
from collections.abc import Iterator
from functools import lru_cache

from aiohttp import web

from hms_rt.web.settings import WEB_SETTINGS, Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_ADDRESS = web.RequestKey("ADDRESS", str)


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """An IP address, without brackets or an IPv4-mapped prefix; None for anything else."""
    try:
        address = ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def within(address: Address, networks: tuple[Network, ...]) -> bool:
    """True if ``address`` lies in one of ``networks``."""
    return any(address.version == network.version and address in network for network in networks)


def _peer(request: web.Request) -> Address | None:
    return parse_address(request.remote) if request.remote is not None else None


def _trusted(request: web.Request, address: Address | None) -> bool:
    return address is not None and within(address, request.config_dict[WEB_SETTINGS].trusted_proxies)


def _hops(request: web.Request) -> Iterator[str]:
    """The entries of X-Forwarded-For, nearest first."""
    yield from reversed(",".join(request.headers.getall("X-Forwarded-For", ())).split(","))


def client_address(request: web.Request) -> str:
    """The client's address: the peer's, or the nearest hop that no listed proxy answers for.

    Empty when the peer has none (a Unix socket).
    """
    if _ADDRESS in request:
        return request[_ADDRESS]
    address = _peer(request)
    if _trusted(request, address):
        for hop in _hops(request):
            parsed = parse_address(hop)
            if parsed is None:  # what lies beyond an unreadable hop cannot be believed
                break
            address = parsed
            if not _trusted(request, address):
                break
    found = str(address) if address is not None else ""
    request[_ADDRESS] = found
    return found


def is_secure(request: web.Request) -> bool:
    """True if the client speaks TLS to this server or to the listed proxy in front of it."""
    if _trusted(request, _peer(request)):
        forwarded = ",".join(request.headers.getall("X-Forwarded-Proto", ())).split(",")[-1].strip().lower()
        if forwarded:
            return forwarded in {"https", "wss"}
    return request.secure


def own_origin(request: web.Request) -> str:
    """The origin of this server as the client's browser writes it."""
    return f"{'https' if is_secure(request) else 'http'}://{request.host.lower()}"
