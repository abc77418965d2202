"""REST of the running installation, for administrators: no patient data, and nothing that is stored."""

from hms_rt.realtime.status import InstallationStatus
from hms_rt.realtime.vitals import VITALS
from hms_rt.security.permissions import Permission, require
from hms_rt.web.endpoints import Call, Routes

routes = Routes("status", "The running installation: processes, rooms, slow clients")


@routes.get(
    "/status",
    answer=InstallationStatus,
    permission=Permission.STATUS_READ,
    summary="What is running, and who is connected",
)
async def installation(call: Call[None, None]) -> InstallationStatus:
    """Every process that has reported within the last seconds; only the one that answers, if Redis is away.

    What `hms-rt top` shows. Rooms are the 50 fullest of each process, slow clients the 20 furthest behind.
    """
    require(call.principal, Permission.STATUS_READ)
    return await call.request.app[VITALS].installation()
