"""REST of the audit trail."""

from hms_rt.departments.audit.schemas import AuditLine, AuditQuery, SealQuery, SealReport
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("audit", "Audit trail: who did what, and whether it was altered")


@routes.get(
    "/audit",
    query=AuditQuery,
    answer=Page[AuditLine],
    permission=Permission.AUDIT_READ,
    summary="The audit trail",
)
async def search(call: Call[None, AuditQuery]) -> Page[AuditLine]:
    """Newest first. Looking is audited too."""
    return await call.services.audit.search(call.principal, call.command, call.query)


@routes.get(
    "/audit/seal",
    query=SealQuery,
    answer=SealReport,
    permission=Permission.AUDIT_READ,
    summary="Check the seals of the audit trail",
)
async def verify(call: Call[None, SealQuery]) -> SealReport:
    """Recomputes a bounded part of the chain and says which seal is the first that does not hold."""
    return await call.services.audit.verify(call.principal, call.command, call.query)
