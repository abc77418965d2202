"""What every part of the identity service works with."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from hms_rt.departments.identity.model import User
from hms_rt.departments.identity.schemas import AssignmentOut, UserOut
from hms_rt.departments.identity.service.throttle import Throttle
from hms_rt.kernel.clock import Clock
from hms_rt.kernel.ids import Ids
from hms_rt.kernel.principal import Assignment, Principal, PrincipalKind
from hms_rt.security.passwords import Passwords
from hms_rt.security.tokens import AccessTokens, DerivedSecrets, SigningKey
from hms_rt.storage.unit_of_work import UnitsOfWork


class Foundation:
    """The collaborators of the identity service; ``key`` derives refresh tokens and enrolment links."""

    def __init__(
        self,
        units: UnitsOfWork,
        clock: Clock,
        ids: Ids,
        passwords: Passwords,
        tokens: AccessTokens,
        key: SigningKey,
        throttle: Throttle | None = None,
    ) -> None:
        self._units = units
        self._clock = clock
        self._ids = ids
        self._passwords = passwords
        self._tokens = tokens
        self._throttle = throttle or Throttle()
        self._successors = DerivedSecrets(key, "refresh token succession")
        self._links = DerivedSecrets(key, "enrolment link")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in or enrolled, and the secrets to hand over: never stored, never logged.

    Lifetimes say how long the browser should keep each. ``screen`` is the page of a device.
    """

    principal: Principal
    access_token: str
    access_lifetime: timedelta
    refresh_token: str = ""
    refresh_lifetime: timedelta = timedelta(0)
    screen: str = ""


def assignments_out(assignments: frozenset[Assignment]) -> list[AssignmentOut]:
    """Assignments as they are shown, in a fixed order."""
    ordered = sorted(assignments, key=lambda given: (given.kind, given.place))
    return [AssignmentOut(kind=given.kind, place=given.place) for given in ordered]


def user_out(user: User) -> UserOut:
    """An account as it is shown: no hash."""
    return UserOut(
        id=user.id,
        username=user.username,
        display_name=user.display_name,
        roles=sorted(user.roles),
        assignments=assignments_out(user.assignments),
        active=user.active,
        version=user.version,
        created_at=user.created_at,
        updated_at=user.updated_at,
    )


def user_principal(user: User, session_id: uuid.UUID, until: datetime | None = None) -> Principal:
    """``user`` as who acts in a session, which expires at ``until``."""
    return Principal(
        kind=PrincipalKind.USER,
        id=user.id,
        session_id=session_id,
        name=user.display_name,
        roles=user.roles,
        assignments=user.assignments,
        rights_version=user.rights_version,
        until=until,
    )
