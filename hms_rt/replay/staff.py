"""Who acts in a replay: accounts by role, signed in, with the assignments that the log's places need."""

import base64
import hashlib
import hmac
import tomllib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from hms_rt.kernel.principal import Role
from hms_rt.kernel.schema import Schema
from hms_rt.replay.client import Account, RefusedError, Server, Session, SignInError

OWN_ACCOUNTS: Mapping[Role, int] = {Role.RECEPTION: 1, Role.NURSE: 2, Role.DOCTOR: 2, Role.LAB: 2}
"""How many accounts of each role a replay opens for itself. Two at the laboratory: a result is verified by
another person than who entered it."""


class AccountsError(Exception):
    """The file of accounts cannot be used; the message says why."""


class _Listed(Schema):
    username: str = Field(min_length=1)
    password: str = Field(min_length=1)


_FILE: TypeAdapter[dict[Role, list[_Listed]]] = TypeAdapter(dict[Role, list[_Listed]])


def read_accounts(path: Path) -> dict[Role, tuple[Account, ...]]:
    """Accounts from TOML: tables ``[[doctor]]`` and so on, each with ``username`` and ``password``.

    Raises :class:`AccountsError` for an unreadable file.
    """
    try:
        listed = _FILE.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AccountsError(f"{path}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AccountsError(f"{path}: {where}: {first['msg']}") from None
    return {role: tuple(Account(a.username, a.password) for a in several) for role, several in listed.items()}


class Staff:
    """Signed-in people by role. One case always meets the same ones, so that repeating it is the same."""

    def __init__(self, server: Server, accounts: Mapping[Role, Sequence[Account]]) -> None:
        self._sessions = {
            role: [Session(server, account) for account in several] for role, several in accounts.items()
        }

    def of(self, role: Role, case: str, *, other: int = 0) -> Session:
        """Who acts for ``case``; ``other`` = 1 is a colleague, if there is one. Raises ``SignInError``."""
        several = self._sessions.get(role)
        if not several:
            raise SignInError(f"there is no account with role {role}")
        return several[(zlib.crc32(case.encode()) + other) % len(several)]

    def everybody(self) -> list[Session]:
        """All of them."""
        return [session for several in self._sessions.values() for session in several]

    def usernames(self, *roles: Role) -> list[str]:
        """The names of those with one of ``roles``."""
        return [s.account.username for role in roles for s in self._sessions.get(role, ())]


async def open_accounts(
    server: Server, admin: Account, *, prefix: str = "replay"
) -> dict[Role, tuple[Account, ...]]:
    """Accounts for the replay itself, made by an administrator where they are new, and that administrator.

    Their passwords follow from the administrator's, so that a later run signs in as the same people; an
    account with another password gets it set. Raises ``RefusedError`` when ``admin`` may not do that.
    """
    office = Session(server, admin)
    opened: dict[Role, tuple[Account, ...]] = {Role.ADMIN: (admin,)}
    for role, number in OWN_ACCOUNTS.items():
        several = []
        for place in range(1, number + 1):
            name = f"{prefix}.{role}{place if number > 1 else ''}"
            several.append(Account(name, _derived(admin.password, name)))
            await _open(server, office, several[-1], role)
        opened[role] = tuple(several)
    return opened


async def _open(server: Server, office: Session, account: Account, role: Role) -> None:
    body = {
        "username": account.username,
        "display_name": account.username.replace(".", " ").title(),
        "password": account.password,
        "roles": [role.value],
    }
    try:
        await office.post("/users", body)
    except RefusedError as refused:
        if refused.code != "conflict":
            raise
    else:
        return
    try:
        await Session(server, account).sign_in()
    except SignInError:
        user = (await users_by_name(office, [account.username]))[account.username]
        await office.post(f"/users/{user['id']}/password", {"password": account.password})


def _derived(secret: str, name: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), name.encode(), hashlib.sha256)).decode()


async def users_by_name(office: Session, names: Iterable[str]) -> dict[str, dict[str, object]]:
    """The accounts called ``names``, as the administrator sees them; ``SignInError`` if one is missing."""
    wanted = set(names)
    found = {u["username"]: u for u in await office.all("/users", limit=200) if u["username"] in wanted}
    if missing := wanted - found.keys():
        raise SignInError(f"no account is called {', '.join(sorted(missing))}")
    return found


async def assign(office: Session, names: Iterable[str], places: Iterable[tuple[str, str]]) -> None:
    """Give the people called ``names`` every assignment of ``places`` (kind, code) that they lack."""
    wanted = list(places)
    for user in (await users_by_name(office, names)).values():
        given = {(a["kind"], a["place"]) for a in user["assignments"]}  # type: ignore[attr-defined]
        for kind, place in wanted:
            if (kind, place) not in given:
                await office.post(f"/users/{user['id']}/assignments", {"kind": kind, "place": place})
