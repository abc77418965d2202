"""Whether a principal holds a permission, and whether it reaches a ward, a clinic, a counter or a room.

``OWN`` means: for a grant by role, the wards, clinics and counters assigned (a charge nurse's ward is among
them, and the clinic that somebody is on call for); for a grant by assignment, the place this assignment
names (if it names none: the wards or counters assigned otherwise); for a device, the rooms it is bound to;
for a service account, the streams of its scopes.
"""

from collections.abc import Iterable

from hms_rt.kernel.errors import forbidden
from hms_rt.kernel.principal import AssignmentKind, Principal, PrincipalKind
from hms_rt.security.grants import (
    ASSIGNMENT_GRANTS,
    DEVICE_GRANTS,
    GRANTS,
    SERVICE_GRANTS,
    Permission,
    Scope,
)

WARD_KINDS = frozenset({AssignmentKind.WARD, AssignmentKind.CHARGE_NURSE})
CLINIC_KINDS = frozenset({AssignmentKind.CLINIC, AssignmentKind.ON_CALL})
COUNTER_KINDS = frozenset({AssignmentKind.COUNTER})

__all__ = [
    "Permission",
    "Scope",
    "clinics",
    "counters",
    "may",
    "require",
    "require_clinic",
    "require_counter",
    "require_place",
    "require_room",
    "require_ward",
    "wards",
]


def may(principal: Principal, permission: Permission) -> Scope | None:
    """The widest scope in which ``principal`` holds ``permission``; None if not at all."""
    if principal.kind is PrincipalKind.SYSTEM:
        return Scope.ANY
    if principal.kind is PrincipalKind.DEVICE:
        return DEVICE_GRANTS.get(permission)
    if principal.kind is PrincipalKind.SERVICE:
        return SERVICE_GRANTS.get(permission)
    by_role = GRANTS.get(permission, {})
    scopes = {by_role[role] for role in principal.roles if role in by_role}
    for assignment in principal.assignments:
        granted = ASSIGNMENT_GRANTS.get(assignment.kind, {}).get(permission)
        if granted is not None:
            scopes.add(granted)
    if Scope.ANY in scopes:
        return Scope.ANY
    return Scope.OWN if scopes else None


def require(principal: Principal, permission: Permission) -> Scope:
    """The scope in which ``principal`` holds ``permission``; raises ``forbidden`` if in none.

    A caller that gets ``OWN`` must still check the place on the row that it locked: ``require_ward`` etc.
    """
    scope = may(principal, permission)
    if scope is None:
        raise forbidden()
    return scope


def _places(
    principal: Principal,
    permission: Permission,
    by_role: frozenset[AssignmentKind],
    by_itself: AssignmentKind | None,
    room_prefix: str,
) -> frozenset[str] | None:
    """The codes within reach, or None for all of them."""
    scope = may(principal, permission)
    if scope is Scope.ANY:
        return None
    if scope is None:
        return frozenset()
    if principal.kind is PrincipalKind.DEVICE:
        return frozenset(room[len(room_prefix) :] for room in principal.rooms if room.startswith(room_prefix))
    assigned = frozenset().union(*(principal.places(kind) for kind in by_role))
    found: frozenset[str] = frozenset()
    if by_itself is not None and permission in ASSIGNMENT_GRANTS[by_itself]:
        found = principal.places(by_itself)
    if "" in found or not principal.roles.isdisjoint(GRANTS.get(permission, {})):
        found |= assigned
    return found - {""}


def wards(principal: Principal, permission: Permission) -> frozenset[str] | None:
    """The ward codes in which ``principal`` holds ``permission``; None means every ward."""
    return _places(principal, permission, WARD_KINDS, AssignmentKind.HOUSEKEEPING, "/beds ward:")


def clinics(principal: Principal, permission: Permission) -> frozenset[str] | None:
    """The clinic codes in which ``principal`` holds ``permission``; None means every clinic."""
    return _places(principal, permission, CLINIC_KINDS, None, "/opd clinic:")


def counters(principal: Principal, permission: Permission) -> frozenset[str] | None:
    """The counter codes at which ``principal`` holds ``permission``; None means every counter."""
    return _places(principal, permission, COUNTER_KINDS, AssignmentKind.CASHIER, "/opd counter:")


def require_ward(principal: Principal, permission: Permission, ward: str) -> None:
    """Raises ``forbidden`` unless ``principal`` holds ``permission`` in ``ward``."""
    reach = wards(principal, permission)
    if reach is not None and ward not in reach:
        raise forbidden()


def require_clinic(principal: Principal, permission: Permission, clinic: str) -> None:
    """Raises ``forbidden`` unless ``principal`` holds ``permission`` in ``clinic``."""
    reach = clinics(principal, permission)
    if reach is not None and clinic not in reach:
        raise forbidden()


def require_counter(principal: Principal, permission: Permission, counter: str) -> None:
    """Raises ``forbidden`` unless ``principal`` holds ``permission`` at ``counter``."""
    reach = counters(principal, permission)
    if reach is not None and counter not in reach:
        raise forbidden()


def require_place(
    principal: Principal,
    permission: Permission,
    *,
    wards_of: Iterable[str] = (),
    clinics_of: Iterable[str] = (),
) -> None:
    """For a patient known in several places: raises ``forbidden`` unless one of them is within reach."""
    if require(principal, permission) is Scope.ANY:
        return
    reached = (wards(principal, permission) or frozenset()).intersection(wards_of)
    if not reached and not (clinics(principal, permission) or frozenset()).intersection(clinics_of):
        raise forbidden()


def require_room(principal: Principal, room: str) -> None:
    """A device sees only its own: raises ``forbidden`` if ``room`` (``"/beds ward:ICU"``) is not bound to it.

    Users pass: what they may join is decided by permission and place.
    """
    if principal.kind is PrincipalKind.DEVICE and room not in principal.rooms:
        raise forbidden()
