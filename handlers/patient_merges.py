"""REST of merges: two records of one person become one, and two again."""

from hms_rt.departments.patients.schemas import MergeDetail, MergeIn, MergeOut, MergeQuery, UndoMerge
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("patients", "Patients: registration, search, demographics, clinical record")


@routes.post(
    "/patients/{id}/merge",
    body=MergeIn,
    answer=MergeOut,
    permission=Permission.PATIENT_MERGE,
    status=201,
    location="/patient-merges/{id}",
    summary="Merge another patient into this one",
)
async def merge(call: Call[MergeIn, None]) -> MergeOut:
    """The other record stays as a pointer: its id and numbers answer the survivor. Refused (409, with what to
    do first) while a rule of the hospital allows only one of two open things, such as two admissions."""
    return await call.services.patients.merge(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.get(
    "/patient-merges",
    query=MergeQuery,
    answer=Page[MergeOut],
    permission=Permission.PATIENT_MERGE,
    summary="Merges of patients",
)
async def merges(call: Call[None, MergeQuery]) -> Page[MergeOut]:
    """Newest first, undone ones too; audited."""
    return await call.services.patients.merges(call.principal, call.command, call.query)


@routes.get(
    "/patient-merges/{id}",
    answer=MergeDetail,
    permission=Permission.PATIENT_MERGE,
    summary="One merge, and what it moved",
)
async def get_merge(call: Call[None, None]) -> MergeDetail:
    """How many rows of each table moved; audited."""
    return await call.services.patients.get_merge(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/patient-merges/{id}/undo",
    body=UndoMerge,
    answer=MergeOut,
    permission=Permission.PATIENT_MERGE,
    summary="Undo a merge",
)
async def undo_merge(call: Call[UndoMerge, None]) -> MergeOut:
    """What the merge moved goes back; what was done since stays with the survivor. Merges into the survivor's
    own survivor are undone first."""
    return await call.services.patients.undo_merge(
        call.principal, call.command, call.path_uuid("id"), call.body
    )
