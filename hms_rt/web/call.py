"""What a handler receives and what it may return."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel

from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.web.address import client_address, is_secure

if TYPE_CHECKING:
    from hms_rt.services import Services

B = TypeVar("B", bound=BaseModel | None)
Q = TypeVar("Q", bound=BaseModel | None)
A = TypeVar("A", bound=BaseModel | None)


@dataclass(frozen=True, slots=True)
class Call(Generic[B, Q]):
    """One validated request: ``Call[body schema or None, query schema or None]``.

    ``command`` carries the idempotency key, the version of If-Match, the request id, the client's address
    and the fingerprint; reads have one too, for the audit trail.
    """

    request: web.Request
    services: "Services"
    command: Command
    body: B
    query: Q
    caller: Principal | None
    path: Mapping[str, Any] = field(default_factory=dict)

    @property
    def principal(self) -> Principal:
        """Who calls. Only public endpoints can be called by nobody; there it raises ``unauthenticated``."""
        if self.caller is None:
            raise HmsError(Code.UNAUTHENTICATED, "sign in first")
        return self.caller

    @property
    def address(self) -> str:
        """The client's address, seen through listed proxies."""
        return client_address(self.request)

    @property
    def secure(self) -> bool:
        """True if the client speaks TLS."""
        return is_secure(self.request)

    def cookie(self, name: str) -> str | None:
        """The value of a cookie that the client sent."""
        return self.request.cookies.get(name)

    def path_uuid(self, name: str) -> uuid.UUID:
        """The UUID in the path; a malformed one was answered 404 before."""
        value = self.path[name]
        if not isinstance(value, uuid.UUID):
            raise TypeError(f"{{{name}}} is not declared as a UUID")
        return value

    def path_code(self, name: str) -> str:
        """The place code, or text, in the path."""
        value = self.path[name]
        if not isinstance(value, str):
            raise TypeError(f"{{{name}}} is not declared as a code or text")
        return value

    def path_int(self, name: str) -> int:
        """The number in the path."""
        value = self.path[name]
        if not isinstance(value, int):
            raise TypeError(f"{{{name}}} is not declared as int")
        return value

    def path_date(self, name: str) -> date:
        """The day in the path."""
        value = self.path[name]
        if not isinstance(value, date):
            raise TypeError(f"{{{name}}} is not declared as date")
        return value


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to set: HttpOnly and SameSite=Strict always, Secure whenever the client speaks TLS.

    ``max_age`` in seconds; None for a cookie of the browser session, 0 to delete it.
    """

    name: str
    value: str
    path: str = "/"
    max_age: int | None = None

    @classmethod
    def deletion(cls, name: str, path: str = "/") -> "Cookie":
        """The order to forget the cookie that was set under ``name`` and ``path``."""
        return cls(name, "", path, max_age=0)


@dataclass(frozen=True, slots=True)
class Answer(Generic[A]):
    """An answer with more than a value: another status, headers, cookies."""

    value: A
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Sequence[Cookie] = ()
