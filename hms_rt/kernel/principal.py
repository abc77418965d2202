"""Who acts: a user with roles and assignments, a device, another server, or the server itself."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """The six roles of the hospital."""

    ADMIN = "admin"
    DOCTOR = "doctor"
    NURSE = "nurse"
    RECEPTION = "reception"
    PHARMACY = "pharmacy"
    LAB = "lab"


class PrincipalKind(StrEnum):
    """What sort of actor a principal is."""

    USER = "user"
    DEVICE = "device"
    SERVICE = "service"  # an external server that reads; no person, no screen
    SYSTEM = "system"  # timers and sweeps of the server


class AssignmentKind(StrEnum):
    """What an administrator can give a user beyond the role. The first three name a place."""

    WARD = "ward"
    CLINIC = "clinic"
    COUNTER = "counter"
    CHARGE_NURSE = "charge_nurse"  # of the named ward
    CASHIER = "cashier"
    PRIVACY_OFFICER = "privacy_officer"
    HOUSEKEEPING = "housekeeping"
    ON_CALL = "on_call"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment; ``place`` is a ward, clinic or counter code, or empty where none is meant."""

    kind: AssignmentKind
    place: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated actor, as the database described it at ``rights_version``.

    ``session_id`` is the login session (users), the enrolment (devices) or the secret that was shown
    (services). ``rooms`` is set for devices only: the rooms, as ``namespace + " " + room``, that the screen
    is bound to; ``scopes`` for services only: the families of streams that may be read. ``until`` is when
    the session ends by itself; None for one that does not.
    """

    kind: PrincipalKind
    id: uuid.UUID
    session_id: uuid.UUID
    name: str
    roles: frozenset[Role] = frozenset()
    assignments: frozenset[Assignment] = frozenset()
    rights_version: int = 0
    rooms: frozenset[str] = field(default=frozenset())
    until: datetime | None = None
    scopes: frozenset[str] = field(default=frozenset())

    def over(self, now: datetime) -> bool:
        """True once the session has ended by itself."""
        return self.until is not None and self.until <= now

    def has(self, *roles: Role) -> bool:
        """True if any of ``roles`` is held."""
        return not self.roles.isdisjoint(roles)

    def assigned(self, kind: AssignmentKind, place: str = "") -> bool:
        """True if exactly this assignment was given."""
        return Assignment(kind, place) in self.assignments

    def places(self, kind: AssignmentKind) -> frozenset[str]:
        """The codes of every place assigned with ``kind``."""
        return frozenset(a.place for a in self.assignments if a.kind is kind)


SYSTEM = Principal(
    kind=PrincipalKind.SYSTEM,
    id=uuid.UUID(int=0),
    session_id=uuid.UUID(int=0),
    name="server",
)
