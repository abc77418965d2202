"""REST of inpatients: beds that are held, exchanged, needed; and newborns."""

from hms_rt.departments.ipd.schemas import (
    AdmissionOut,
    BirthIn,
    BirthOut,
    CorrectionIn,
    HoldIn,
    NeedsIn,
    SwapIn,
    Timed,
)
from hms_rt.departments.ipd.schemas.hours import HoursOut, HoursQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("ipd_beds", "Inpatients: planned transfers, exchanges of beds, newborns")


@routes.post(
    "/admissions/{id}/hold",
    body=HoldIn,
    answer=AdmissionOut,
    permission=Permission.BED_HOLD,
    command="ipd.hold",
    versioned=True,
    summary="Keep a bed for the patient",
)
async def hold(call: Call[HoldIn, None]) -> AdmissionOut:
    """Plans a transfer, or the way in. Boards show until when; then the bed is released."""
    return await call.services.ipd.hold(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/release-hold",
    body=CorrectionIn,
    answer=AdmissionOut,
    permission=Permission.BED_HOLD,
    command="ipd.release_hold",
    versioned=True,
    summary="Give up the bed that is kept",
)
async def release_hold(call: Call[CorrectionIn, None]) -> AdmissionOut:
    """Moving the patient elsewhere gives it up, too."""
    return await call.services.ipd.release_hold(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/swap",
    body=SwapIn,
    answer=AdmissionOut,
    permission=Permission.STAY_TRANSFER,
    command="ipd.swap",
    versioned=True,
    summary="Exchange beds with another patient",
)
async def swap(call: Call[SwapIn, None]) -> AdmissionOut:
    """Both move at once or not at all. Answers the admission of the path."""
    return await call.services.ipd.swap(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/needs",
    body=NeedsIn,
    answer=AdmissionOut,
    permission=Permission.ADMISSION_NEEDS,
    command="ipd.change_needs",
    versioned=True,
    summary="What the patient needs of a bed; isolation",
)
async def change_needs(call: Call[NeedsIn, None]) -> AdmissionOut:
    """Replaces what was said before. Ward boards show the isolation at once."""
    return await call.services.ipd.change_needs(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/births",
    body=BirthIn,
    answer=BirthOut,
    status=201,
    permission=Permission.BIRTH_RECORD,
    command="ipd.birth",
    versioned=False,
    summary="A child is born",
)
async def birth(call: Call[BirthIn, None]) -> BirthOut:
    """Registers and admits the child, in a cot beside the mother unless a bed is told."""
    return await call.services.ipd.birth(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/room-in",
    body=Timed,
    answer=AdmissionOut,
    permission=Permission.STAY_TRANSFER,
    command="ipd.room_in",
    versioned=True,
    summary="A child comes to its mother",
)
async def room_in(call: Call[Timed, None]) -> AdmissionOut:
    """Into a cot beside her bed, of a child who was born here and lies elsewhere."""
    return await call.services.ipd.room_in(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.get(
    "/occupancy/hours",
    query=HoursQuery,
    answer=HoursOut,
    permission=Permission.BEDS_FREE,
    summary="Occupancy of a ward by hour, no names",
)
async def occupancy_by_hour(call: Call[None, HoursQuery]) -> HoursOut:
    """Late entries and corrections are in it; the running hour is as it is now."""
    return await call.services.ipd.occupancy_by_hour(call.principal, call.query)
