"""Which streams a service account reads: a scope is a department (``beds``), a kind of stream (``beds/ward``)
or one stream (``beds/ward:ICU``). ``kinds`` are those that the feed knows at all; what is not among them is
read by nobody.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hms_rt.kernel.errors import Code, HmsError, forbidden

IDENTIFIED = "identified"
"""Beside the streams in a principal's scopes: patients by name and number, not by pseudonym."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Streams by their names and by how their names begin."""

    exact: tuple[str, ...]
    prefixes: tuple[str, ...]

    def holds(self, stream: str) -> bool:
        """True if ``stream`` is one of them."""
        return stream in self.exact or stream.startswith(self.prefixes)


def kind_of(stream: str) -> str:
    """``beds/ward`` of ``beds/ward:ICU``."""
    return stream.partition(":")[0]


def known(scope: str, kinds: Collection[str]) -> bool:
    """True if the feed has something to show within ``scope``."""
    kind = kind_of(scope)
    return kind in kinds or any(one.startswith(f"{scope}/") for one in kinds)


def check_known(scopes: Sequence[str], kinds: Collection[str]) -> None:
    """Raises ``invalid`` for a scope that names nothing, so that no slip is answered by silence."""
    for scope in scopes:
        if not known(scope, kinds):
            raise HmsError(
                Code.INVALID,
                f"streams: {scope} is none; there are {', '.join(sorted(kinds))}, each with :CODE or "
                "without, and the departments before the slash",
            )


def covers(scope: str, asked: str) -> bool:
    """True if all of ``asked`` lies within ``scope``."""
    return asked == scope or asked.startswith((f"{scope}/", f"{scope}:"))


def narrowed(granted: Collection[str], asked: Sequence[str]) -> tuple[str, ...]:
    """What is read: all that was granted, or the part that is asked for; raises ``forbidden`` beyond."""
    for one in asked:
        if not any(covers(scope, one) for scope in granted):
            raise forbidden(f"{one} is not within the scopes of this account")
    return tuple(asked) or tuple(sorted(granted))


def reach(scopes: Sequence[str], kinds: Collection[str]) -> Reach:
    """The streams within ``scopes``."""
    exact: set[str] = set()
    prefixes: set[str] = set()
    for scope in scopes:
        if ":" in scope:
            exact.add(scope)
            continue
        for kind in kinds:
            if covers(scope, kind):
                exact.add(kind)
                prefixes.add(f"{kind}:")
    return Reach(tuple(sorted(exact)), tuple(sorted(prefixes)))
