"""Facts that identity records."""

import uuid
from dataclasses import dataclass

from hms_rt.kernel.changes import Event
from hms_rt.kernel.principal import PrincipalKind


@dataclass(frozen=True, slots=True)
class RightsChanged(Event):
    """What a user or device may do changed, or one of its sessions ended.

    With ``session_id`` only that session is concerned (logout, expiry, reuse, a screen's enrolment);
    without, every session of the principal.
    """

    kind: PrincipalKind
    principal_id: uuid.UUID
    session_id: uuid.UUID | None = None
