"""REST of inpatients: admissions and stays."""

from hms_rt.departments.ipd.schemas import (
    AdmissionHistory,
    AdmissionIn,
    AdmissionOut,
    AdmissionQuery,
    BedChoice,
    CancelIn,
    CorrectionIn,
    DepartureIn,
    DischargeOrderIn,
    ReturnIn,
    Timed,
    TransferIn,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("ipd", "Inpatients: admission, bed, transfer, discharge")


@routes.get(
    "/admissions",
    query=AdmissionQuery,
    answer=Page[AdmissionOut],
    permission=Permission.ADMISSION_READ,
    summary="Admissions within reach",
)
async def list_admissions(call: Call[None, AdmissionQuery]) -> Page[AdmissionOut]:
    """Newest request first: of the wards assigned, and those that the caller asked for."""
    return await call.services.ipd.admissions(call.principal, call.command, call.query)


@routes.post(
    "/admissions",
    body=AdmissionIn,
    answer=AdmissionOut,
    status=201,
    location="/admissions/{id}",
    permission=Permission.ADMISSION_REQUEST,
    command="ipd.request",
    versioned=True,
    summary="Ask a ward to admit a patient",
)
async def request(call: Call[AdmissionIn, None]) -> AdmissionOut:
    """A patient has one open admission at most."""
    return await call.services.ipd.request(call.principal, call.command, call.body)


@routes.get(
    "/admissions/{id}",
    answer=AdmissionOut,
    permission=Permission.ADMISSION_READ,
    versioned=True,
    summary="One admission with its stays",
)
async def get_admission(call: Call[None, None]) -> AdmissionOut:
    """Reason and dispositions are shown to those who treat the patient."""
    return await call.services.ipd.admission(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/admissions/{id}/history",
    answer=AdmissionHistory,
    permission=Permission.ADMISSION_READ,
    summary="Every move of an admission",
)
async def get_history(call: Call[None, None]) -> AdmissionHistory:
    """When each move happened, when it was recorded and by whom."""
    return await call.services.ipd.history(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/admissions/{id}/accept",
    body=Timed,
    answer=AdmissionOut,
    permission=Permission.ADMISSION_ACCEPT,
    versioned=True,
    summary="The ward takes the patient",
)
async def accept(call: Call[Timed, None]) -> AdmissionOut:
    """From then on a bed may be assigned."""
    return await call.services.ipd.accept(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/assign",
    body=BedChoice,
    answer=AdmissionOut,
    permission=Permission.BED_ASSIGN,
    versioned=True,
    summary="Put the patient into a bed",
)
async def assign(call: Call[BedChoice, None]) -> AdmissionOut:
    """Admits. With ``ward`` instead of ``bed_id``: any available bed of that ward."""
    return await call.services.ipd.assign(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/transfer",
    body=TransferIn,
    answer=AdmissionOut,
    permission=Permission.STAY_TRANSFER,
    versioned=True,
    summary="Move the patient to another bed",
)
async def transfer(call: Call[TransferIn, None]) -> AdmissionOut:
    """Both beds change together. A nurse of either ward may do it."""
    return await call.services.ipd.transfer(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/discharge-order",
    body=DischargeOrderIn,
    answer=AdmissionOut,
    permission=Permission.DISCHARGE_ORDER,
    versioned=True,
    summary="A doctor lets the patient go",
)
async def order_discharge(call: Call[DischargeOrderIn, None]) -> AdmissionOut:
    """The bed stays occupied until the patient departs."""
    return await call.services.ipd.order_discharge(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/admissions/{id}/revoke-discharge",
    body=Timed,
    answer=AdmissionOut,
    permission=Permission.DISCHARGE_ORDER,
    versioned=True,
    summary="Withdraw the order to discharge",
)
async def revoke_discharge(call: Call[Timed, None]) -> AdmissionOut:
    """The patient stays."""
    return await call.services.ipd.revoke_discharge(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/admissions/{id}/depart",
    body=DepartureIn,
    answer=AdmissionOut,
    permission=Permission.STAY_DEPART,
    versioned=True,
    summary="The patient leaves",
)
async def depart(call: Call[DepartureIn, None]) -> AdmissionOut:
    """Without an order only as died, left or transferred_out. The bed is to be cleaned."""
    return await call.services.ipd.depart(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/cancel",
    body=CancelIn,
    answer=AdmissionOut,
    permission=Permission.ADMISSION_CANCEL,
    versioned=True,
    summary="Withdraw or refuse a request",
)
async def cancel(call: Call[CancelIn, None]) -> AdmissionOut:
    """Before the patient is in a bed; by the ward, or by the doctor who asked."""
    return await call.services.ipd.cancel(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/cancel-admit",
    body=CorrectionIn,
    answer=AdmissionOut,
    permission=Permission.STAY_CORRECT,
    versioned=True,
    summary="Mistake: the patient never was in that bed",
)
async def cancel_admit(call: Call[CorrectionIn, None]) -> AdmissionOut:
    """The stay is marked as entered in error; the patient waits for a bed again."""
    return await call.services.ipd.cancel_admit(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/admissions/{id}/cancel-transfer",
    body=ReturnIn,
    answer=AdmissionOut,
    permission=Permission.STAY_CORRECT,
    versioned=True,
    summary="Mistake: the patient never left the bed before",
)
async def cancel_transfer(call: Call[ReturnIn, None]) -> AdmissionOut:
    """To that bed if it is available again; with `bed_id` or `ward` to another one."""
    return await call.services.ipd.cancel_transfer(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/admissions/{id}/cancel-discharge",
    body=ReturnIn,
    answer=AdmissionOut,
    permission=Permission.STAY_CORRECT,
    versioned=True,
    summary="Mistake: the patient never left",
)
async def cancel_discharge(call: Call[ReturnIn, None]) -> AdmissionOut:
    """To the bed before if it is available again, else say `bed_id` or `ward`; an order given stands."""
    return await call.services.ipd.cancel_discharge(
        call.principal, call.command, call.path_uuid("id"), call.body
    )
