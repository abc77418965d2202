"""Rights that changed, as changes of the internal stream ``identity/rights``.

Every process follows that stream: it drops the cached principal and looks again at its sockets. No client
ever joins it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from hms_rt.departments.identity.events import RightsChanged
from hms_rt.kernel.changes import Cause, Change, Event, Op
from hms_rt.kernel.clock import rfc3339
from hms_rt.storage.unit_of_work import UnitOfWork

RIGHTS_STREAM = "identity/rights"


async def rights_changed(uow: UnitOfWork, event: RightsChanged) -> None:
    """``{kind: user | device | session, at}`` under the id of the principal, or of the session."""
    session = event.session_id
    uow.change(
        Change(
            stream=RIGHTS_STREAM,
            op=Op.PUT,
            key=str(session if session is not None else event.principal_id),
            cause=Cause.RIGHTS,
            value={"kind": event.kind.value if session is None else "session", "at": rfc3339(uow.now)},
        )
    )


PROJECTORS: dict[type[Event], list[Callable[[UnitOfWork, Any], Awaitable[None]]]] = {
    RightsChanged: [rights_changed]
}
