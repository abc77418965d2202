"""``staff.csv``: accounts with their roles and assignments."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hms_rt.departments.beds.service import BedsService
from hms_rt.departments.identity.schemas import AssignmentIn, UserNew, UserOut, UserQuery
from hms_rt.departments.identity.service import IdentityService
from hms_rt.importing.outcome import Importer, Planned, Result, Wanted, envelope, exists, reason, refused
from hms_rt.importing.passwords import PasswordFile, generate_password
from hms_rt.importing.places import every_ward
from hms_rt.importing.source import Columns, Row
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.paging import MAX_LIMIT
from hms_rt.kernel.principal import SYSTEM, AssignmentKind
from hms_rt.kernel.schema import parse

_OF_WARDS = frozenset({AssignmentKind.WARD, AssignmentKind.CHARGE_NURSE})


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to open; ``generated`` is its password where the file gives none."""

    user: UserNew
    assignments: tuple[AssignmentIn, ...]
    generated: str | None


class StaffImporter(Importer[NewAccount]):
    """One account a line, known by its username. Lists are separated by ``;``.

    An account that exists is never touched: rights that an administrator took away must not come back
    with a file. Its password is not compared.
    """

    columns = Columns(
        required=("username", "display_name", "roles"),
        optional=("assignments", "password"),
        verbatim=frozenset({"password"}),
    )
    batch = 4

    def __init__(self, identity: IdentityService, beds: BedsService, run: uuid.UUID, passwords: Path) -> None:
        self._identity = identity
        self._beds = beds
        self._run = run
        self._passwords = PasswordFile(passwords)
        self._wards: set[str] = set()
        self._users: dict[str, UserOut] = {}
        self._lines: dict[str, int] = {}

    @property
    def passwords(self) -> PasswordFile:
        """Where generated passwords went."""
        return self._passwords

    async def load(self) -> None:
        self._wards = {ward.code for ward in await every_ward(self._beds)}
        cursor: str | None = None
        while True:
            page = await self._identity.list_users(SYSTEM, UserQuery(limit=MAX_LIMIT, cursor=cursor))
            self._users.update({user.username: user for user in page.items})
            cursor = page.next_cursor
            if cursor is None:
                return

    async def plan(self, rows: Sequence[Row]) -> list[Planned[NewAccount]]:
        return [self._plan(row) for row in rows]

    def _plan(self, row: Row) -> Planned[NewAccount]:
        if row.problem:
            return refused(row, row.problem)
        try:
            account = self._account(row)
        except HmsError as error:
            return refused(row, reason(error))
        username = account.user.username
        if username in self._lines:
            return refused(row, f"the same username is on line {self._lines[username]}", username)
        self._lines[username] = row.line
        if username in self._users:
            return exists(row, username, _other(account, self._users[username]))
        return Wanted(row.line, username, account)

    def _account(self, row: Row) -> NewAccount:
        given = row.fields["password"]
        password = given or generate_password()
        user = parse(
            UserNew,
            {
                "username": row.fields["username"],
                "display_name": row.fields["display_name"],
                "password": password,
                "roles": [role.lower() for role in _listed(row.fields["roles"])],
            },
        )
        self._identity.check_password(password, user.username)
        assignments = tuple(self._assignment(text) for text in _listed(row.fields["assignments"]))
        return NewAccount(user, assignments, None if given else password)

    def _assignment(self, text: str) -> AssignmentIn:
        """``kind`` or ``kind:place``; a ward must exist, or the account would have rights nowhere."""
        kind, _, place = (part.strip() for part in text.partition(":"))
        try:
            made = parse(AssignmentIn, {"kind": kind.lower(), "place": place or None})
            self._identity.check_assignment(made)
        except HmsError as error:
            raise HmsError(Code.INVALID, f"assignments: {reason(error)}") from None
        if made.kind in _OF_WARDS and made.place not in self._wards:
            raise HmsError(Code.INVALID, f"assignments: there is no ward {made.place}: import beds first")
        return made

    async def carry_out(self, wanted: Sequence[Wanted[NewAccount]]) -> list[Result]:
        """Side by side, because hashing a password takes a while by intent."""
        return list(await asyncio.gather(*(self._create(each) for each in wanted)))

    async def _create(self, wanted: Wanted[NewAccount]) -> Result:
        account = wanted.new
        command = envelope(
            "identity.create_user", self._run, wanted.line, f"import:{self._run}:{wanted.line}"
        )
        try:
            await self._identity.create_user(SYSTEM, command, account.user, account.assignments)
        except HmsError as error:
            return wanted.refused(error)
        if account.generated is not None:
            self._passwords.add(account.user.username, account.generated)
        return wanted.done()


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _other(account: NewAccount, known: UserOut) -> list[str]:
    """What of an existing account is not as the line says."""
    wanted = {(given.kind, given.place or "") for given in account.assignments}
    differs = {
        "display_name": account.user.display_name != known.display_name,
        "roles": account.user.roles != frozenset(known.roles),
        "assignments": wanted != {(given.kind, given.place) for given in known.assignments},
        "state (it is closed)": not known.active,
    }
    return [name for name, other in differs.items() if other]
