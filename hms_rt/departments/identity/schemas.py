"""Shapes of identity on the wire. None of them ever holds a hash; passwords only travel inwards."""

import uuid
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.principal import AssignmentKind, PrincipalKind, Role
from hms_rt.kernel.schema import Moment, Name, PlaceCode, Schema


def _folded(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Username = Annotated[
    str,
    BeforeValidator(_folded),
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"),
]
"""Letters, digits, ``.``, ``_`` and ``-``, at most 64; upper and lower case are the same."""

Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
"""At most 1,024 bytes."""

RoomName = Annotated[
    str,
    StringConstraints(
        pattern=r"^/(beds (ward:[A-Z0-9][A-Z0-9_-]{0,15}|hospital)"
        r"|(opd clinic|pharmacy dispensary|billing cashier):[A-Z0-9][A-Z0-9_-]{0,15})$"
    ),
]
"""Namespace and room that a screen may show: ``/beds ward:ICU``, ``/beds hospital``, ``/opd clinic:GEN``,
``/pharmacy dispensary:MAIN``, ``/billing cashier:C1``."""


def _distinct(rooms: list[str]) -> list[str]:
    if len(set(rooms)) != len(rooms):
        raise ValueError("a room appears twice")
    return rooms


class Login(Schema):
    """Sign-in."""

    username: Annotated[str, BeforeValidator(_folded), Field(min_length=1, max_length=200)]
    password: Password


class AssignmentOut(Schema):
    """One assignment; ``place`` is empty where none is meant."""

    kind: AssignmentKind
    place: str


class AssignmentIn(Schema):
    """An assignment to give or take."""

    kind: AssignmentKind
    place: PlaceCode | None = None
    """Code of a ward, clinic or counter."""


class Me(Schema):
    """Who is signed in, and what that allows."""

    kind: PrincipalKind
    id: uuid.UUID
    name: str
    roles: list[Role]
    assignments: list[AssignmentOut]
    rooms: list[str]
    """Of a screen: the rooms that it is bound to."""
    permissions: dict[str, str]
    """Permission -> ``any`` or ``own``. For shaping pages; the server decides again each time."""


class UserRef(Schema):
    """A user as others see one."""

    id: uuid.UUID
    display_name: str


class UserOut(Schema):
    """An account."""

    id: uuid.UUID
    username: str
    display_name: str
    roles: list[Role]
    assignments: list[AssignmentOut]
    active: bool
    version: int
    created_at: Moment
    updated_at: Moment


class UserNew(Schema):
    """A new account. Without a role, the user may do what assignments allow."""

    username: Username
    display_name: Name
    password: Password
    roles: Annotated[frozenset[Role], Field(max_length=len(Role))] = frozenset()


class UserUpdate(Schema):
    """What to change; what is absent stays."""

    display_name: Name | None = None
    roles: Annotated[frozenset[Role], Field(max_length=len(Role))] | None = None
    active: bool | None = None


class PasswordChange(Schema):
    """A new password; whoever changes their own also proves the current one."""

    password: Password
    current_password: Password | None = None


class UserQuery(PageQuery):
    """Which accounts to list."""

    role: Role | None = None
    active: bool | None = None


class UserCursor(Schema):
    """Sort key of the list of accounts."""

    username: str


class DeviceNew(Schema):
    """A screen to set up."""

    name: Name
    rooms: Annotated[list[RoomName], Field(min_length=1, max_length=20), AfterValidator(_distinct)]
    """The first one decides which page the screen shows."""


class DeviceOut(Schema):
    """An unattended screen."""

    id: uuid.UUID
    name: str
    rooms: list[str]
    enrolled: bool
    enrolled_at: Moment | None
    link_expires_at: Moment | None
    revoked_at: Moment | None
    version: int
    created_at: Moment


class DeviceLink(Schema):
    """A screen with its single-use link; the link is shown once and stored nowhere."""

    device: DeviceOut
    path: str
    """Open it on the screen: path of the enrolment page."""


class DeviceCursor(Schema):
    """Sort key of the list of screens."""

    id: uuid.UUID
