"""Names, paths and ages of the cookies that carry tokens.

The HTTP door makes every one HttpOnly and SameSite=Strict. Behind TLS it makes them Secure, and they carry
the prefix that browsers enforce:
``__Host-`` (no other host of the domain can set it) or, where the path is narrower, ``__Secure-``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

REFRESH_PATH = "/api/v1/auth"


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie to set; ``max_age`` in seconds, 0 deletes it."""

    name: str
    value: str
    max_age: int
    path: str = "/"


class Cookies:
    """The cookies of one request; ``tls`` says whether the browser speaks HTTPS."""

    def __init__(self, *, tls: bool) -> None:
        self.session_name = "__Host-hms_session" if tls else "hms_session"
        self.device_name = "__Host-hms_device" if tls else "hms_device"
        self.refresh_name = "__Secure-hms_refresh" if tls else "hms_refresh"

    def session(self, token: str, lifetime: timedelta) -> Cookie:
        """The access token of a signed-in user."""
        return self._make(self.session_name, token, lifetime)

    def refresh(self, token: str, lifetime: timedelta) -> Cookie:
        """The refresh token; browsers send it to the sign-in routes only."""
        return self._make(self.refresh_name, token, lifetime, REFRESH_PATH)

    def device(self, token: str, lifetime: timedelta) -> Cookie:
        """The access token of an enrolled screen."""
        return self._make(self.device_name, token, lifetime)

    def signed_out(self) -> list[Cookie]:
        """Deletes the cookies of a user; a screen's stays."""
        none = timedelta(0)
        return [self.session("", none), self.refresh("", none)]

    def session_of(self, jar: Mapping[str, str]) -> str | None:
        """A user's access token among a request's cookies."""
        return jar.get(self.session_name) or None

    def refresh_of(self, jar: Mapping[str, str]) -> str | None:
        """The refresh token among a request's cookies."""
        return jar.get(self.refresh_name) or None

    def device_of(self, jar: Mapping[str, str]) -> str | None:
        """A screen's access token among a request's cookies."""
        return jar.get(self.device_name) or None

    def _make(self, name: str, value: str, lifetime: timedelta, path: str = "/") -> Cookie:
        return Cookie(name=name, value=value, max_age=int(lifetime.total_seconds()), path=path)
